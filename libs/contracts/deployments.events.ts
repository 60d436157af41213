import type { DomainEvent } from '#libs/event-sourcing';
import type { KeptRecord } from './retention.events.ts';
import type { ApprovalTuple, DecisionReceipt, PlannedChangeClass, PlannedStep, ReleaseArtifact, SmokeSuite } from './values.ts';

interface OfDeployment {
  readonly deploymentId: string;
  readonly releaseId: string;
  readonly environment: string;
}

/** A rollback is a new deployment of an older release (principle 9). */
export interface RollbackOf {
  readonly deploymentId: string;
  readonly releaseId: string;
  readonly reason: string;
}

type StepReport = OfDeployment & {
  readonly step: string;
  readonly attempt: number;
  readonly fencingToken: number;
  readonly compensating: boolean;
  readonly summary: string;
  /** SHA-256 (hex) of the step's whole log. */
  readonly logDigest: string;
  /** Milliseconds. */
  readonly durationMs: number;
  readonly output?: unknown;
  /** The log with secrets masked, where it was kept whole. */
  readonly kept?: KeptRecord;
};

export type DeploymentEvent =
  | DomainEvent<
      'DeploymentStarted',
      OfDeployment & {
        readonly artifacts: readonly ReleaseArtifact[];
        readonly steps: readonly PlannedStep[];
        readonly planHash: string;
        readonly smoke?: SmokeSuite;
        /** 1; a resumed deployment has a higher one. */
        readonly round: number;
        readonly deployer: string;
        /** The approved tuple; absent where the policy asks for no approval. */
        readonly tuple?: ApprovalTuple;
        readonly rollbackOf?: RollbackOf;
        /** The bypass that was asked to waive gates. */
        readonly bypassId?: string;
        /** `normal` where it is absent, and `rollback` where it is one. */
        readonly changeClass?: PlannedChangeClass;
        readonly receipt: DecisionReceipt;
      }
    >
  /** Gates checked again at the moment of effect, with the environment reserved; only now may steps run. */
  | DomainEvent<
      'DeploymentConfirmed',
      OfDeployment & {
        readonly receipt: DecisionReceipt;
        /** Fencing tokens of this run are higher: it rises with every reservation of the environment, so that tokens rise across deployments too. */
        readonly fencingBase: number;
      }
    >
  | DomainEvent<'DeploymentHalted', OfDeployment & { readonly round: number; readonly reason: string; readonly receipt?: DecisionReceipt }>
  | DomainEvent<
      'StepLeased',
      OfDeployment & {
        readonly step: string;
        readonly attempt: number;
        readonly holder: string;
        /** Rises with every lease in this deployment; a report with an older one is fenced off. */
        readonly fencingToken: number;
        readonly leasedUntil: string;
        readonly compensating: boolean;
      }
    >
  | DomainEvent<'StepLeaseRenewed', OfDeployment & { readonly step: string; readonly fencingToken: number; readonly leasedUntil: string }>
  | DomainEvent<'StepSucceeded', StepReport>
  | DomainEvent<'StepFailed', StepReport>
  /** An operator has failed steps tried again: the gates are judged anew, and once more when the environment is reserved. */
  | DomainEvent<
      'DeploymentResumed',
      OfDeployment & {
        readonly steps: readonly string[];
        readonly reason: string;
        readonly round: number;
        /** Who resumed it, and deploys it from then on; absent, as is the receipt, in what was resumed before resuming was judged. */
        readonly deployer?: string;
        /** The bypass that it was started with, and under which it was resumed. */
        readonly bypassId?: string;
        readonly receipt?: DecisionReceipt;
      }
    >
  | DomainEvent<
      'DeploymentSucceeded',
      OfDeployment & {
        readonly round: number;
        readonly rollbackOf?: RollbackOf;
        readonly artifacts: readonly ReleaseArtifact[];
        readonly smoke?: SmokeSuite;
      }
    >
  | DomainEvent<
      'DeploymentFailed',
      OfDeployment & {
        readonly round: number;
        readonly failedSteps: readonly string[];
        readonly compensated: boolean;
        readonly rollbackOf?: RollbackOf;
      }
    >;
