import type { EnvironmentClass, EnvironmentEvent, Regime } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** A place where releases run. One deployment at a time holds it. */
export interface Environment {
  readonly class?: EnvironmentClass;
  readonly policyId?: string;
  /** Sorted. */
  readonly regimes: readonly Regime[];
  readonly heldBy?: string;
  /** `deploymentId#round` of all that have held it and let go. */
  readonly finished: readonly string[];
  /** Last report of the outside, by service. */
  readonly running: Readonly<Record<string, string>>;
}

export const environment: Aggregate<Environment, EnvironmentEvent> = {
  category: 'environment',
  initial: { regimes: [], finished: [], running: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'EnvironmentDefined':
        return { ...state, class: event.data.class, policyId: event.data.policyId, regimes: event.data.regimes ?? [] };
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
