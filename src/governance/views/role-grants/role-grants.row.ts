import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT, POSITION } from '#libs/cqrs';

/** A role that a person was asked to hold, holds or held. */
@Entity('role_grant')
export class RoleGrantRow {
  @PrimaryColumn('text') grant_id: string;
  @Column('text') person: string;
  @Column('text') role: string;
  @Column('text') scope_kind: string;
  @Column('text') scope_id: string;
  /** Absent for the first administrator's role, which no time bounds. */
  @Column('timestamptz', { transformer: INSTANT, nullable: true }) from_at: string | null;
  @Column('timestamptz', { transformer: INSTANT, nullable: true }) until_at: string | null;
  @Column('text') status: 'requested' | 'granted' | 'revoked' | 'bootstrapped';
  @Column('text') requested_by: string;
  @Column('text', { nullable: true }) confirmed_by: string | null;
  @Column('bigint', { transformer: POSITION }) position: bigint;
}
