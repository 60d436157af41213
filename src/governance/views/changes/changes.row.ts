import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BoardVote, ChangeCondition, ChangeDossier, ClassReason, PlannedChangeClass, Recusal } from '#libs/contracts';
import { INSTANT } from '#libs/cqrs';

export type ChangeStatus = 'open' | 'approved' | 'rejected' | 'deferred' | 'voided' | 'withdrawn' | 'done' | 'rolled-back';

/** A change in its newest round, with its dossier and what was decided. */
@Entity('change_board')
export class ChangeRow {
  @PrimaryColumn('text') change_id: string;
  @Column('integer') round: number;
  @Column('text') release_id: string;
  @Column('text') environment: string;
  @Column('text') product: string;
  @Column('text') change_class: PlannedChangeClass;
  @Column('text') route: 'model' | 'board' | 'itsm' | 'emergency';
  @Column('text') status: ChangeStatus;
  @Column('text') title: string;
  @Column('text') risk_level: 'low' | 'medium' | 'high';
  @Column('text') requester: string;
  @Column('text', { nullable: true }) board_id: string | null;
  @Column('text', { nullable: true }) model_id: string | null;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) meeting_at: string | null;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) cutoff_at: string | null;
  @Column('timestamptz', { transformer: INSTANT }) window_from: string;
  @Column('timestamptz', { transformer: INSTANT }) window_until: string;
  @Column('timestamptz', { transformer: INSTANT }) submitted_at: string;
  @Column('text') dossier_hash: string;
  @Column('jsonb') dossier: ChangeDossier;
  @Column('jsonb') reasons: readonly ClassReason[];
  @Column('jsonb') votes: readonly { readonly person: string; readonly vote: BoardVote; readonly at: string }[];
  @Column('jsonb') recused: readonly Recusal[];
  @Column('jsonb') conditions: readonly (ChangeCondition & { readonly confirmedBy?: string })[];
  @Column('boolean') vote_opened: boolean;
  @Column('text', { nullable: true }) decided_by: 'board' | 'itsm' | null;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) decided_at: string | null;
  /** Why it was voided, withdrawn or handed over, or could not be delivered. */
  @Column('text', { nullable: true }) note: string | null;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) review_due_at: string | null;
  @Column('boolean') review_overdue: boolean;
  @Column('text', { nullable: true }) review_outcome: 'approved' | 'rejected' | null;
  @Column('text', { nullable: true }) reviewer: string | null;
  @Column('jsonb') deployments: readonly { readonly deploymentId: string; readonly outcome: string }[];
  @Column('timestamptz', { transformer: INSTANT }) updated_at: string;
}
