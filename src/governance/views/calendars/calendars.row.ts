import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CalendarVersion } from '#libs/calendar';
import { INSTANT } from '#libs/cqrs';

/** A freeze or an allowed window, as its newest version says, with every version that there was. */
@Entity('calendar_board')
export class CalendarRow {
  @PrimaryColumn('text') calendar_id: string;
  @Column('text') title: string;
  @Column('text') kind: 'freeze' | 'window';
  @Column('text') status: 'declared' | 'withdrawn';
  @Column('integer') version: number;
  @Column('text') zone: string;
  @Column('jsonb') versions: readonly CalendarVersion[];
  @Column('text') justification: string;
  @Column('text') changed_by: string;
  @Column('timestamptz', { transformer: INSTANT }) effective_from: string;
  @Column('timestamptz', { transformer: INSTANT }) updated_at: string;
}
