import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** A delivery that was no event, and what came of reading it again. The payload is in its stream. */
@Entity('ingestion_dead_letters')
export class DeadLetterRow {
  @PrimaryColumn('text') rejection_id: string;
  @Column('text') code: string;
  @Column('text') reason: string;
  @Column('integer') bytes: number;
  @Column('text') content_type: string;
  @Column('text') channel: 'http' | 'kafka';
  @Column('text') received_from: string;
  @Column('timestamptz', { transformer: INSTANT }) at: string;
  /** `open` until it is accepted after all. */
  @Column('text') status: 'open' | 'accepted';
  /** Of the newest redrive. */
  @Column('text', { nullable: true }) redriven_outcome: 'accepted' | 'rejected' | null;
  @Column('text', { nullable: true }) redriven_detail: string | null;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) redriven_at: string | null;
}
