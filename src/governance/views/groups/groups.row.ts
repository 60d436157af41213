import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** A group, and who is in it. Who has left since is still named here: nobody counts leavers. */
@Entity('group_list')
export class GroupRow {
  @PrimaryColumn('text') group_id: string;
  @Column('text') title: string;
  /** Persons; sorted. */
  @Column('jsonb') members: readonly string[];
  /** Asked for, and not confirmed by another person yet; sorted. */
  @Column('jsonb') requested: readonly string[];
  @Column('timestamptz', { transformer: INSTANT }) defined_at: string;
  @Column('timestamptz', { transformer: INSTANT }) updated_at: string;
}
