import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Reason, RefusalKind } from '#libs/event-sourcing';
import { INSTANT, POSITION } from '#libs/cqrs';

/** A governed command that was refused, and why. */
@Entity('denial')
export class DenialRow {
  @PrimaryColumn('text') command_id: string;
  @Column('text') command: string;
  /** The stream that the command was for. */
  @Column('text') stream: string;
  @Column('jsonb') about: Readonly<Record<string, string>>;
  @Column('text', { nullable: true }) release_id: string | null;
  @Column('text', { nullable: true }) environment: string | null;
  @Column('text') refusal: string;
  @Column('text') kind: RefusalKind;
  @Column('text') detail: string;
  @Column('jsonb') reasons: readonly Reason[];
  @Column('text') person: string;
  @Column('text') principal: string;
  @Column('timestamptz', { transformer: INSTANT }) at: string;
  @Column('bigint', { transformer: POSITION }) position: bigint;
}
