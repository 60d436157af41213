import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ApprovalTuple, GroupQuorum } from '#libs/contracts';
import { INSTANT } from '#libs/cqrs';

export interface Vote {
  readonly person: string;
  readonly vote: 'granted' | 'rejected' | 'withdrawn';
  readonly at: string;
  readonly comment?: string;
  readonly reason?: string;
  /** Groups asked for that the person was in when she voted. */
  readonly groups?: readonly string[];
}

/** The newest round of the approval of a release for an environment. */
@Entity('approval_board')
export class ApprovalRow {
  @PrimaryColumn('text') approval_id: string;
  @Column('text') release_id: string;
  @Column('text') environment: string;
  @Column('integer') round: number;
  @Column('jsonb') tuple: ApprovalTuple;
  @Column('text') tuple_hash: string;
  @Column('integer') quorum: number;
  @Column('jsonb', { nullable: true }) quorum_groups: readonly GroupQuorum[] | null;
  @Column('text') requester: string;
  @Column('jsonb') votes: readonly Vote[];
  /** An open or approved one holds until `expires_at` only. */
  @Column('text') outcome: 'open' | 'approved' | 'rejected' | 'voided' | 'expired';
  @Column('text', { nullable: true }) voided_because: string | null;
  @Column('timestamptz', { transformer: INSTANT }) requested_at: string;
  @Column('timestamptz', { transformer: INSTANT }) expires_at: string;
}
