import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { HoldScope } from '#libs/contracts';
import { INSTANT } from '#libs/cqrs';

/** A legal hold, in force or released. */
@Entity('legal_hold_report')
export class LegalHoldRow {
  @PrimaryColumn('text') hold_id: string;
  @Column('text') status: 'in-force' | 'released';
  @Column('text') kind: HoldScope['kind'];
  /** What it is about; `*` for everything. */
  @Column('text') about: string;
  @Column('text') reason: string;
  @Column('text') placed_by: string;
  @Column('timestamptz', { transformer: INSTANT }) placed_at: string;
  @Column('text', { nullable: true }) released_by: string | null;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) released_at: string | null;
  @Column('text', { nullable: true }) release_reason: string | null;
}
