import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT } from '#libs/cqrs';

/** One attempt to tell the outside of the incident. */
export interface IncidentDelivery {
  readonly channel: string;
  readonly outcome: 'delivered' | 'failed';
  readonly at: string;
  /** The other side's own id or link. */
  readonly reference?: string;
  /** Why it failed. */
  readonly reason?: string;
}

@Entity('incident_list')
export class IncidentListRow {
  @PrimaryColumn('text') incident_id: string;
  @Column('text') deployment_id: string;
  @Column('text') release_id: string;
  @Column('text') environment: string;
  @Column('text') title: string;
  @Column('text') severity: 'critical' | 'major' | 'minor';
  @Column('text') cause: string;
  @Column('text') status: 'open' | 'resolved';
  @Column('text', { nullable: true }) resolution: string | null;
  @Column('jsonb') deliveries: readonly IncidentDelivery[];
  @Column('timestamptz', { transformer: INSTANT }) opened_at: string;
  @Column('timestamptz', { nullable: true, transformer: INSTANT }) resolved_at: string | null;
}
