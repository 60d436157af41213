import type { DomainEvent } from '#libs/event-sourcing';

/** Traffic that was measured over an interval. */
export interface MetricSample {
  /** Start of the interval, ISO 8601. */
  readonly at: string;
  /** Length of the interval, seconds. */
  readonly seconds: number;
  readonly requests: number;
  readonly errors: number;
  /** Milliseconds. */
  readonly latencyP95Ms?: number;
  /** `digestText` form of the artifact that answered, where the source knows it. */
  readonly digest?: string;
}

export type MetricEvent = DomainEvent<
  'MetricSamplesRecorded',
  { readonly environment: string; readonly service: string; readonly source: string; readonly samples: readonly MetricSample[] }
>;
