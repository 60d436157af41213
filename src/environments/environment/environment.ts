import type { EnvironmentClass, EnvironmentEvent, Regime } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** Another policy, or other regimes, that waits for a second person. */
export interface EnvironmentProposal {
  readonly proposalId: string;
  readonly policyId: string;
  /** Sorted. */
  readonly regimes: readonly Regime[];
  readonly reason: string;
  readonly proposedBy: string;
  /** ISO 8601; from then on nobody confirms it. */
  readonly expiresAt: string;
}

/** A place where releases run. One deployment at a time holds it. */
export interface Environment {
  readonly class?: EnvironmentClass;
  readonly policyId?: string;
  /** Sorted. */
  readonly regimes: readonly Regime[];
  /** What waits to be confirmed, or has expired. */
  readonly proposal?: EnvironmentProposal;
  /** What became of proposals before. */
  readonly closed: Readonly<Record<string, 'confirmed' | 'withdrawn' | 'superseded' | 'outdated'>>;
  readonly heldBy?: string;
  /** `deploymentId#round` of all that have held it and let go. */
  readonly finished: readonly string[];
  /** Last report of the outside, by service. */
  readonly running: Readonly<Record<string, string>>;
}

export const environment: Aggregate<Environment, EnvironmentEvent> = {
  category: 'environment',
  initial: { regimes: [], closed: {}, finished: [], running: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'EnvironmentDefined': {
        const { class: defined, policyId, regimes = [], proposalId } = event.data;
        const how = proposalId !== undefined && proposalId === state.proposal?.proposalId ? 'confirmed' : 'outdated';
        return { ...withoutProposal(state, how), class: defined, policyId, regimes };
      }
      case 'EnvironmentChangeProposed': {
        const { environment: _environment, formerly: _formerly, ...proposal } = event.data;
        return { ...withoutProposal(state, 'superseded'), proposal };
      }
      case 'EnvironmentChangeWithdrawn':
        return withoutProposal(state, 'withdrawn');
      case 'EnvironmentReserved':
        return { ...state, heldBy: event.data.deploymentId };
      case 'EnvironmentFreed': {
        const { heldBy: _heldBy, ...free } = state;
        return { ...free, finished: [...state.finished, `${event.data.deploymentId}#${event.data.round}`] };
      }
      case 'RunningVersionReported':
        return {
          ...state,
          running: {
            ...state.running,
            [event.data.service]: `${event.data.change} ${event.data.artifact} ${event.data.claimedOccurredAt}`,
          },
        };
      // What it says of an environment, the report beside it says.
      case 'UnauthorisedDeploymentObserved':
        return state;
      default:
        return unknownEvent(event);
    }
  },
};

function withoutProposal({ proposal, ...state }: Environment, how: Environment['closed'][string]): Environment {
  return proposal ? { ...state, closed: { ...state.closed, [proposal.proposalId]: how } } : state;
}
