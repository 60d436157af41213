import { Inject } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, EVENT_CODEC, EVENT_LOG, readRows, type Answer as RowAnswer } from '#libs/cqrs';
import { BEFORE_ALL, refuse, RefusedError, type EventCodec, type EventLog } from '#libs/event-sourcing';
import { defineList, oneOfFilter, textFilter, type Page } from '#libs/http';
import { viewSubscription } from '#libs/read-models';
import { auditReport } from './audit-report.projection.ts';
import { AuditReportRow } from './audit-report.row.ts';
import { canonicalReport, reportFrom, type AuditReport } from './report.ts';

/** Events that are read from the log at once. */
const BATCH = 1000;

/** A report in the list: without its contents. */
const listed = ['release_id', 'product', 'version', 'verdict', 'verdicts', 'entries', 'created_at', 'updated_at', 'position'] as const;
type ListedRow = Pick<AuditReportRow, (typeof listed)[number]>;

/** Newest release first. */
export const auditReportList = defineList({
  order: [
    { column: 'created_at', type: 'timestamptz', direction: 'desc' },
    { column: 'release_id', type: 'text', direction: 'desc' },
  ],
  filters: { product: textFilter('product'), verdict: oneOfFilter('verdict', ['yes', 'no', 'exception']) },
});

export class AuditReports extends Query<Page<RowAnswer<ListedRow>>> {
  constructor(readonly asked: ReturnType<typeof auditReportList.parse>) {
    super();
  }
}

/** A report's canonical bytes, and their SHA-256 (hex). */
export class AuditReportOf extends Query<ReturnType<typeof canonicalReport>> {
  constructor(readonly releaseId: string) {
    super();
  }
}

/** What came of computing a report once more from the log itself. */
export interface AuditVerification {
  readonly releaseId: string;
  /** Of the report that the view has; `sha256:…`. */
  readonly viewDigest: string;
  /** Of the report that the log gives. */
  readonly recomputedDigest: string;
  /** Byte for byte. */
  readonly identical: boolean;
  /** Position (decimal) up to which both have read. */
  readonly upToPosition: string;
  /** Events of the whole log that were read for it. */
  readonly eventsRead: number;
}

export class AuditReportVerification extends Query<AuditVerification> {
  constructor(readonly releaseId: string) {
    super();
  }
}

@QueryHandler(AuditReports)
export class AuditReportsHandler implements IQueryHandler<AuditReports> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: AuditReports): Promise<Page<RowAnswer<ListedRow>>> {
    const rows = await readRows<ListedRow>(this.data, 'audit_report', auditReportList.sql(asked), listed);
    return auditReportList.page(asked, rows, (row) => camelKeys<ListedRow>(row));
  }
}

@QueryHandler(AuditReportOf)
export class AuditReportOfHandler implements IQueryHandler<AuditReportOf> {
  constructor(private readonly data: DataSource) {}

  async execute({ releaseId }: AuditReportOf): Promise<ReturnType<typeof canonicalReport>> {
    const row = await this.data.getRepository(AuditReportRow).findOneBy({ release_id: releaseId });
    if (!row) throw noReport(releaseId);
    return canonicalReport(row.report);
  }
}

@QueryHandler(AuditReportVerification)
export class AuditReportVerificationHandler implements IQueryHandler<AuditReportVerification> {
  constructor(
    private readonly data: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(EVENT_CODEC) private readonly codec: EventCodec,
  ) {}

  async execute({ releaseId }: AuditReportVerification): Promise<AuditVerification> {
    const kept = await this.kept(releaseId);
    if (!kept) throw noReport(releaseId);
    const { report, eventsRead } = await this.recomputed(releaseId, kept.position);
    const view = canonicalReport(kept.report);
    const recomputed = report && canonicalReport(report);
    return {
      releaseId,
      viewDigest: `sha256:${view.digest}`,
      recomputedDigest: recomputed ? `sha256:${recomputed.digest}` : 'none',
      identical: recomputed !== undefined && view.bytes.equals(recomputed.bytes),
      upToPosition: String(kept.position),
      eventsRead,
    };
  }

  /** Report and checkpoint in one statement: together they are one moment of the view. */
  private async kept(releaseId: string): Promise<{ readonly report: AuditReport; readonly position: bigint } | undefined> {
    const rows: { report: AuditReport; position: string }[] = await this.data.query(
      'select kept.report, progress.position from audit_report kept join subscription progress on progress.name = $2 where kept.release_id = $1',
      [releaseId, viewSubscription(auditReport)],
    );
    return rows[0] && { report: rows[0].report, position: BigInt(rows[0].position) };
  }

  private async recomputed(releaseId: string, upTo: bigint): Promise<{ report: AuditReport | undefined; eventsRead: number }> {
    let report: AuditReport | undefined;
    let eventsRead = 0;
    for (let after = BEFORE_ALL; after < upTo;) {
      const batch = await this.log.readAll({ after, maxCount: BATCH });
      for (const event of batch) {
        if (event.position > upTo) break;
        report = reportFrom(report, releaseId, this.codec.upcast(event));
        eventsRead++;
      }
      const last = batch.at(-1);
      if (!last) break;
      after = last.position;
    }
    return { report, eventsRead };
  }
}

function noReport(releaseId: string): RefusedError {
  return new RefusedError(refuse('not-found', 'audit-report-unknown', `There is no audit report of a release ${releaseId}.`));
}

export const auditReportQueries = [AuditReportsHandler, AuditReportOfHandler, AuditReportVerificationHandler];
