import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** Traffic over an interval, as its source measured it. */
export interface MetricPoint {
  /** Start of the interval. */
  readonly at: string;
  /** Length of the interval. */
  readonly seconds: number;
  readonly requests: number;
  readonly errors: number;
  readonly latencyP95Ms?: number;
  /** The artifact that answered. */
  readonly digest?: string;
  readonly source: string;
}

/** A change of what runs, drawn on the metric. */
export interface DeploymentMark {
  /** When it was started, and ended. */
  readonly at: string;
  readonly endedAt?: string;
  readonly deploymentId: string;
  readonly releaseId: string;
  readonly kind: 'deployment' | 'rollback';
  readonly outcome: 'started' | 'succeeded' | 'failed' | 'halted';
}

/** `<environment>/<service>` has points, `<environment>/` has marks: a deployment changes all services of an environment. */
@Entity('metric_timeline')
export class MetricTimelineRow {
  @PrimaryColumn('text') series: string;
  @Column('text') environment: string;
  /** Empty in the row of marks. */
  @Column('text') service: string;
  @Column('jsonb') points: readonly MetricPoint[];
  @Column('jsonb') marks: readonly DeploymentMark[];
  @Column('timestamptz', { transformer: INSTANT }) updated_at: string;
}
