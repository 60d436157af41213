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
        /** The proposal that takes effect with it, and both persons; absent where one was enough. */
        readonly proposalId?: string;
        readonly proposedBy?: string;
        readonly confirmedBy?: string;
      }
    >
  /** Another policy, or fewer regimes: counts for nothing before another person has confirmed it, and `EnvironmentDefined` says so. */
  | DomainEvent<
      'EnvironmentChangeProposed',
      {
        readonly environment: string;
        readonly proposalId: string;
        readonly policyId: string;
        /** Sorted; empty where it would be under none. */
        readonly regimes: readonly Regime[];
        /** What it was when this was proposed. */
        readonly formerly: { readonly policyId: string; readonly regimes: readonly Regime[] };
        readonly reason: string;
        readonly proposedBy: string;
        /** ISO 8601; from then on nobody confirms it. */
        readonly expiresAt: string;
      }
    >
  | DomainEvent<
      'EnvironmentChangeWithdrawn',
      { readonly environment: string; readonly proposalId: string; readonly reason: string; readonly withdrawnBy: string }
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
        /** The deployment of ours that put it there, and by what it was recognised; absent where there is none, and in reports of before. */
        readonly authorisedBy?: { readonly deploymentId: string; readonly by: 'digest' | 'package-url' };
      }
    >
  /** The outside reports that something was put there which no deployment of ours accounts for. A fact beside the report: nothing makes it authorised later. */
  | DomainEvent<
      'UnauthorisedDeploymentObserved',
      {
        readonly environment: string;
        readonly service: string;
        /** purl or digest as reported. */
        readonly artifact: string;
        readonly change: 'deployed' | 'upgraded' | 'rolledback';
        readonly reason: UnauthorisedBecause;
        /** A sentence. */
        readonly detail: string;
        /** Streams of ours that come nearest to it: `stream@revision`. */
        readonly evidence: readonly string[];
        readonly reportedBy: string;
        readonly claimedOccurredAt: string;
        readonly skewSeconds: number;
      }
    >;

/**
 * `never-deployed`: no deployment of ours had it; `superseded`: one had, and another has taken its place since, so that the report is late or the
 * deployment went around us, and nobody can tell; `environment-unknown`: nobody has defined the environment; `artifact-unnamed`: the report does
 * not say what was deployed.
 */
export type UnauthorisedBecause = 'never-deployed' | 'superseded' | 'environment-unknown' | 'artifact-unnamed';
