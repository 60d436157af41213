import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** A board, as its newest version says. */
@Entity('board_list')
export class BoardRow {
  @PrimaryColumn('text') board_id: string;
  @Column('text') title: string;
  @Column('integer') version: number;
  /** The group whose members vote. */
  @Column('text') group_id: string;
  @Column('integer') quorum: number;
  @Column('text') chair: string;
  @Column('text') zone: string;
  @Column('integer') cutoff_hours: number;
  /** Whether an outside ITSM decides normal changes. */
  @Column('boolean') itsm: boolean;
  @Column('text') defined_by: string;
  @Column('timestamptz', { transformer: INSTANT }) defined_at: string;
}
