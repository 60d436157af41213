import type { ApprovalTuple, ChangeClass, DeploymentEvent, PlannedStep, ReleaseArtifact, RollbackOf, SmokeSuite } from '#libs/contracts';
import { own, unknownEvent, type Aggregate } from '#libs/event-sourcing';

export type StepStatus = 'waiting' | 'leased' | 'succeeded' | 'failed';

export interface StepState {
  readonly status: StepStatus;
  readonly attempt: number;
  readonly fencingToken: number;
  readonly holder?: string;
  readonly leasedUntil?: string;
}

/** A run of a release's plan in an environment. */
export interface Deployment {
  readonly status: 'none' | 'started' | 'running' | 'succeeded' | 'failed' | 'halted';
  readonly releaseId?: string;
  readonly environment?: string;
  /** Who started it, or resumed it last. */
  readonly deployer?: string;
  /** Others who deployed earlier rounds of it: their hands are in it, too. */
  readonly deployedBefore: readonly string[];
  readonly round: number;
  readonly artifacts: readonly ReleaseArtifact[];
  readonly plan: readonly PlannedStep[];
  readonly planHash?: string;
  readonly smoke?: SmokeSuite;
  readonly tuple?: ApprovalTuple;
  readonly rollbackOf?: RollbackOf;
  /** The bypass that it was started with. */
  readonly bypassId?: string;
  readonly changeClass: ChangeClass;
  /** Whether a step of this round was ever leased: from then on the deployment finishes, whatever freezes. */
  readonly underWay: boolean;
  readonly steps: Readonly<Record<string, StepState>>;
  /** The compensations of steps, by step id; only those that have begun. */
  readonly compensations: Readonly<Record<string, StepState>>;
  /** Steps in the order in which they succeeded. */
  readonly succeeded: readonly string[];
  /** The highest fencing token given out: of leases, whose reports it keeps apart. */
  readonly fencingToken: number;
  /** What drivers fence with: the same for every step of a round, higher with every reservation of the environment. */
  readonly siteToken: number;
}

const WAITING: StepState = { status: 'waiting', attempt: 0, fencingToken: 0 };

export const deployment: Aggregate<Deployment, DeploymentEvent> = {
  category: 'deployment',
  initial: {
    status: 'none',
    round: 0,
    deployedBefore: [],
    changeClass: 'normal',
    underWay: false,
    artifacts: [],
    plan: [],
    steps: {},
    compensations: {},
    succeeded: [],
    fencingToken: 0,
    siteToken: 0,
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'DeploymentStarted': {
        const { releaseId, environment, deployer, round, artifacts, planHash, smoke, tuple, rollbackOf, bypassId, changeClass } =
          event.data;
        return {
          ...state,
          status: 'started',
          releaseId,
          environment,
          deployer,
          round,
          artifacts,
          plan: event.data.steps,
          planHash,
          ...(smoke ? { smoke } : {}),
          ...(tuple ? { tuple } : {}),
          ...(rollbackOf ? { rollbackOf } : {}),
          ...(bypassId ? { bypassId } : {}),
          changeClass: rollbackOf ? 'rollback' : (changeClass ?? 'normal'),
          steps: Object.fromEntries(event.data.steps.map((s) => [s.id, WAITING])),
        };
      }
      case 'DeploymentConfirmed':
        return {
          ...state,
          status: 'running',
          fencingToken: Math.max(state.fencingToken, event.data.fencingBase),
          siteToken: event.data.fencingBase,
        };
      case 'DeploymentHalted':
        return { ...state, status: 'halted' };
      case 'StepLeased': {
        const { step, attempt, holder, fencingToken, leasedUntil, compensating } = event.data;
        return {
          ...withStep(state, step, compensating, { status: 'leased', attempt, holder, fencingToken, leasedUntil }),
          fencingToken,
          underWay: true,
        };
      }
      case 'StepLeaseRenewed': {
        const { step, fencingToken, leasedUntil } = event.data;
        const compensating = own(state.compensations, step)?.fencingToken === fencingToken;
        const leased = own(compensating ? state.compensations : state.steps, step) ?? WAITING;
        return withStep(state, step, compensating, { ...leased, leasedUntil });
      }
      case 'StepSucceeded':
      case 'StepFailed': {
        const { step, attempt, fencingToken, compensating } = event.data;
        const status = event.type === 'StepSucceeded' ? 'succeeded' : 'failed';
        const next = withStep(state, step, compensating, { status, attempt, fencingToken });
        return status === 'succeeded' && !compensating ? { ...next, succeeded: [...state.succeeded, step] } : next;
      }
      case 'DeploymentResumed': {
        const { deployer = state.deployer } = event.data;
        return {
          ...state,
          status: 'started',
          round: event.data.round,
          ...(deployer === undefined ? {} : { deployer }),
          deployedBefore: deployedBefore(state, deployer),
          underWay: false,
          compensations: {},
          succeeded: state.succeeded.filter((id) => !event.data.steps.includes(id)),
          steps: {
            ...state.steps,
            ...Object.fromEntries(event.data.steps.map((id) => [id, { ...WAITING, attempt: own(state.steps, id)?.attempt ?? 0 }])),
          },
        };
      }
      case 'DeploymentSucceeded':
        return { ...state, status: 'succeeded' };
      case 'DeploymentFailed':
        return { ...state, status: 'failed' };
      default:
        return unknownEvent(event);
    }
  },
};

/** Whoever else than the one who deploys now has deployed it by then. */
export function deployedBefore(state: Deployment, deployer: string | undefined): readonly string[] {
  return [...new Set([...state.deployedBefore, state.deployer])].flatMap((p) => (p && p !== deployer ? [p] : []));
}

function withStep(state: Deployment, step: string, compensating: boolean, value: StepState): Deployment {
  return compensating
    ? { ...state, compensations: { ...state.compensations, [step]: value } }
    : { ...state, steps: { ...state.steps, [step]: value } };
}
