import type { DomainEvent } from '#libs/event-sourcing';
import type { Regime } from './values.ts';

export type EnvironmentClass = 'development' | 'test' | 'staging' | 'production';

export type EnvironmentEvent =
  | DomainEvent<
      'EnvironmentDefined',
      {
        readonly environment: string;
        readonly class: EnvironmentClass;
        readonly policyId: string;
        /** Sorted; absent where it is under none. */
        readonly regimes?: readonly Regime[];
      }
    >
  /** One deployment at a time holds an environment; `round` counts from 1 how often it was started or retried. */
  | DomainEvent<
      'EnvironmentReserved',
      { readonly environment: string; readonly deploymentId: string; readonly releaseId: string; readonly round: number }
    >
  | DomainEvent<
      'EnvironmentFreed',
      {
        readonly environment: string;
        readonly deploymentId: string;
        readonly releaseId: string;
        readonly round: number;
        readonly outcome: 'succeeded' | 'failed' | 'halted';
      }
    >
  /** What the outside reports to run there: kept apart from what was deployed (principle 9). */
  | DomainEvent<
      'RunningVersionReported',
      {
        readonly environment: string;
        readonly service: string;
        /** purl or digest as reported. */
        readonly artifact: string;
        readonly change: 'deployed' | 'upgraded' | 'rolledback' | 'removed' | 'published';
        readonly reportedBy: string;
        readonly claimedOccurredAt: string;
        /** Seconds by which the claimed time is ahead of (positive) or behind the server's. */
        readonly skewSeconds: number;
      }
    >;
