import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT, POSITION } from '#libs/cqrs';

/** Duties that were not separated, as was learned later. */
@Entity('duty_violation')
export class DutyViolationRow {
  @PrimaryColumn('text') violation_id: string;
  @Column('text') release_id: string;
  @Column('text') environment: string;
  @Column('text') rule: string;
  @Column('text') person: string;
  @Column('jsonb') duties: readonly string[];
  @Column('jsonb') evidence: readonly string[];
  @Column('text') learned_from: string;
  @Column('timestamptz', { transformer: INSTANT }) found_at: string;
  @Column('bigint', { transformer: POSITION }) position: bigint;
}
