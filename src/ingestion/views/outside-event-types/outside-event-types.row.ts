import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** How many events of a type came in, and what became of them. */
@Entity('ingestion_event_types')
export class OutsideEventTypeRow {
  @PrimaryColumn('text') event_type: string;
  /** `understood + kept = received`. */
  @Column('integer') received: number;
  @Column('integer') understood: number;
  @Column('integer') kept: number;
  @Column('integer') applied: number;
  @Column('integer') refused: number;
  /** Why the newest of them that was kept was kept. */
  @Column('text', { nullable: true }) kept_because: string | null;
  @Column('timestamptz', { transformer: INSTANT }) last_at: string;
}
