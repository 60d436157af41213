import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** A model for standard changes, as its newest version is. Whether it pre-approves a change is decided on its stream. */
@Entity('change_model_list')
export class ChangeModelRow {
  @PrimaryColumn('text') model_id: string;
  @Column('text') title: string;
  @Column('integer') version: number;
  @Column('text') status: 'proposed' | 'approved' | 'rejected' | 'suspended';
  /** The version that was approved last and is not suspended; none where there is none. An older one goes on to count while a newer is proposed. */
  @Column('integer', { nullable: true }) approved_version: number | null;
  @Column('text') board_id: string;
  @Column('text') proposer: string;
  @Column('timestamptz', { transformer: INSTANT }) valid_from: string;
  @Column('timestamptz', { transformer: INSTANT }) valid_until: string;
  /** Changes that were deployed under any version of it, and those of them that failed or were rolled back. */
  @Column('integer') used: number;
  @Column('integer') failed: number;
  /** Why it was suspended. */
  @Column('text', { nullable: true }) reason: string | null;
  @Column('timestamptz', { transformer: INSTANT }) updated_at: string;
}
