import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ApprovalTuple, GateName } from '#libs/contracts';
import { INSTANT } from '#libs/cqrs';

/** A bypass, what was deployed with it, and what became of its review. */
@Entity('bypass_report')
export class BypassRow {
  @PrimaryColumn('text') bypass_id: string;
  @Column('text') release_id: string;
  @Column('text') environment: string;
  @Column('text') product: string;
  @Column('text', { nullable: true }) team: string | null;
  @Column('jsonb') gates: readonly GateName[];
  @Column('text') justification: string;
  @Column('text') requester: string;
  @Column('jsonb') tuple: ApprovalTuple;
  @Column('text') tuple_hash: string;
  @Column('timestamptz', { transformer: INSTANT }) requested_at: string;
  @Column('timestamptz', { transformer: INSTANT }) expires_at: string;
  @Column('timestamptz', { transformer: INSTANT }) review_due_at: string;
  @Column('jsonb') uses: readonly { readonly deploymentId: string; readonly deployer: string; readonly at: string }[];
  /** `overdue` until it is reviewed after all. */
  @Column('text') status: 'open' | 'overdue' | 'reviewed';
  /** Whether the review was ever overdue. */
  @Column('boolean') overdue: boolean;
  @Column('text', { nullable: true }) outcome: 'approved' | 'rejected' | null;
  @Column('text', { nullable: true }) reviewer: string | null;
  @Column('text', { nullable: true }) findings: string | null;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) reviewed_at: string | null;
}
