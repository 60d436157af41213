import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { UnauthorisedBecause } from '#libs/contracts';
import { INSTANT, POSITION } from '#libs/cqrs';

/** Something that was reported to have been put somewhere, and that no deployment of ours accounts for. */
@Entity('unauthorised_deployment')
export class UnauthorisedDeploymentRow {
  @PrimaryColumn('text') observation_id: string;
  @Column('text') environment: string;
  @Column('text') service: string;
  /** purl or digest as reported. */
  @Column('text') artifact: string;
  @Column('text') change: 'deployed' | 'upgraded' | 'rolledback';
  @Column('text') reason: UnauthorisedBecause;
  @Column('text') detail: string;
  @Column('jsonb') evidence: readonly string[];
  @Column('text') reported_by: string;
  /** As the report has it; nothing follows from it. */
  @Column('text') claimed_occurred_at: string;
  /** Seconds by which the claimed time is ahead of (positive) or behind the server's. */
  @Column('bigint', { transformer: POSITION }) skew_seconds: bigint;
  @Column('timestamptz', { transformer: INSTANT }) observed_at: string;
  @Column('bigint', { transformer: POSITION }) position: bigint;
}
