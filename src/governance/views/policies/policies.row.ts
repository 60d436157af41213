import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** What a version of a policy asks for, in short. */
export interface PolicyVersionShown {
  readonly version: number;
  readonly title: string;
  readonly effectiveFrom: string;
  readonly publishedBy: string;
  readonly publishedAt: string;
}

/** A policy, as its newest version says, with every version that there was. */
@Entity('policy_list')
export class PolicyRow {
  @PrimaryColumn('text') policy_id: string;
  @Column('text') title: string;
  @Column('integer') version: number;
  /** Names of the gates of the newest version, of its clauses too; expressions as `expression`. Sorted. */
  @Column('jsonb') gates: readonly string[];
  @Column('integer') clauses: number;
  /** When the newest version counts from: an earlier one is in force until then. */
  @Column('timestamptz', { transformer: INSTANT }) effective_from: string;
  @Column('text') published_by: string;
  @Column('timestamptz', { transformer: INSTANT }) published_at: string;
  @Column('jsonb') versions: readonly PolicyVersionShown[];
}
