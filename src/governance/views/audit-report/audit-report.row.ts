import { Column, Entity, PrimaryColumn } from 'typeorm';
import { INSTANT, POSITION } from '#libs/cqrs';
import type { AuditReport } from './report.ts';
import type { Answer, Verdicts } from './verdicts.ts';

/** The audit report of a release, as far as the log has come. */
@Entity('audit_report')
export class AuditReportRow {
  @PrimaryColumn('text') release_id: string;
  @Column('text') product: string;
  @Column('text', { nullable: true }) version: string | null;
  /** The worst of the verdicts. */
  @Column('text') verdict: Answer;
  @Column('jsonb') verdicts: Readonly<Record<keyof Verdicts, Answer>>;
  @Column('integer') entries: number;
  /** jsonb keeps the value and not the bytes: canonical JSON makes them again. */
  @Column('jsonb') report: AuditReport;
  @Column('timestamptz', { transformer: INSTANT }) created_at: string;
  @Column('timestamptz', { transformer: INSTANT }) updated_at: string;
  /** Of the last event in it. */
  @Column('bigint', { transformer: POSITION }) position: bigint;
}
