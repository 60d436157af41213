import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** A person who was registered, with the accounts that are linked. */
@Entity('person_list')
export class PersonRow {
  @PrimaryColumn('text') person: string;
  @Column('text') status: 'registered' | 'left';
  /** `issuer|subject` of those that act for the person; sorted. */
  @Column('jsonb') accounts: readonly string[];
  @Column('text') registered_by: string;
  @Column('timestamptz', { transformer: INSTANT }) registered_at: string;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) left_at: string | null;
  /** When the text by and about the person was erased last. */
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) erased_at: string | null;
}
