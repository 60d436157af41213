import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RollbackOf, SmokeCheckResult } from '#libs/contracts';
import { INSTANT, POSITION } from '#libs/cqrs';

/** One run of a step or of its compensation. Times are ISO 8601, durations milliseconds. */
export interface TimelineRun {
  readonly status: 'waiting' | 'leased' | 'succeeded' | 'failed';
  readonly attempt: number;
  readonly holder?: string;
  readonly leasedAt?: string;
  readonly leasedUntil?: string;
  readonly endedAt?: string;
  readonly durationMs?: number;
  readonly summary?: string;
  /** SHA-256 (hex) of the whole log. */
  readonly logDigest?: string;
  /** Under which the whole log is kept, `/v1/governance/records/…`. */
  readonly record?: string;
}

export interface TimelineStep extends TimelineRun {
  readonly id: string;
  readonly driver: string;
  readonly action: string;
  readonly dependsOn: readonly { readonly step: string; readonly onFailure: 'halt' | 'continue' | 'compensate' }[];
  /** Absent where the plan has none for this step. */
  readonly compensation?: TimelineRun & { readonly driver: string; readonly action: string };
}

export interface TimelineEntry {
  readonly at: string;
  readonly event: string;
  readonly detail: string;
  readonly eventId: string;
  readonly stream: string;
  readonly revision: number;
}

export interface TimelineSmoke {
  readonly outcome: 'running' | 'passed' | 'failed' | 'timed-out';
  readonly deadline?: string;
  readonly reason?: string;
  readonly checks?: readonly SmokeCheckResult[];
}

/** A deployment with its graph of steps as it stands, and everything that happened to it in order. */
@Entity('deployment_timeline')
export class DeploymentTimelineRow {
  @PrimaryColumn('text') deployment_id: string;
  @Column('text') release_id: string;
  @Column('text') environment: string;
  @Column('text') status: 'started' | 'running' | 'succeeded' | 'failed' | 'halted';
  /** Steps may be waiting to run: what a deployer looks at. */
  @Column('boolean') open: boolean;
  @Column('integer') round: number;
  @Column('text') deployer: string;
  @Column('jsonb', { nullable: true }) rollback_of: RollbackOf | null;
  /** The deployment that withdrew this one. */
  @Column('text', { nullable: true }) rolled_back_by: string | null;
  @Column('jsonb') steps: readonly TimelineStep[];
  @Column('jsonb') entries: readonly TimelineEntry[];
  @Column('jsonb', { nullable: true }) smoke: TimelineSmoke | null;
  @Column('timestamptz', { transformer: INSTANT }) started_at: string;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) ended_at: string | null;
  @Column('bigint', { transformer: POSITION }) updated_position: bigint;
}
