import type { DomainEvent } from '#libs/event-sourcing';

/** One window of measured traffic that a firing rests on. */
export interface FiringEvidence {
  readonly from: string;
  readonly to: string;
  readonly requests: number;
  readonly errors: number;
  /** errors / requests, 0 to 1. */
  readonly errorRate: number;
  /** `stream@revision` of the metric events that were read. */
  readonly inputs: readonly string[];
}

export type TriggerEvent =
  | DomainEvent<
      'TriggerDefined',
      {
        readonly triggerId: string;
        readonly environment: string;
        readonly service: string;
        readonly metric: 'http.error_rate';
        /** Fires at or above, 0 to 1. */
        readonly threshold: number;
        /** Arms again below; hysteresis, at most `threshold`. */
        readonly clearBelow: number;
        /** Fewer requests than this in the window are inconclusive. */
        readonly minimumRequests: number;
        readonly windowSeconds: number;
        readonly bakeSeconds: number;
        readonly action: 'propose' | 'rollback';
      }
    >
  | DomainEvent<
      'TriggerFired',
      {
        readonly triggerId: string;
        readonly environment: string;
        readonly service: string;
        readonly deploymentId: string;
        readonly releaseId: string;
        readonly action: 'propose' | 'rollback';
        readonly threshold: number;
        readonly evidence: FiringEvidence;
      }
    >
  | DomainEvent<
      'TriggerCleared',
      { readonly triggerId: string; readonly environment: string; readonly service: string; readonly evidence: FiringEvidence }
    >;

interface OfIncident {
  readonly incidentId: string;
  readonly deploymentId: string;
  readonly releaseId: string;
  readonly environment: string;
}

export type IncidentEvent =
  | DomainEvent<
      'IncidentOpened',
      OfIncident & {
        readonly deduplicationKey: string;
        readonly title: string;
        readonly severity: 'critical' | 'major' | 'minor';
        readonly cause: string;
      }
    >
  | DomainEvent<
      'IncidentDelivered',
      OfIncident & { readonly channel: string; readonly deduplicationKey: string; readonly reference?: string }
    >
  | DomainEvent<'IncidentDeliveryFailed', OfIncident & { readonly channel: string; readonly reason: string }>
  | DomainEvent<'IncidentResolved', OfIncident & { readonly resolution: string }>;
