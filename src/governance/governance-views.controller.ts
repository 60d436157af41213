import { Controller, Get, Header, Param, Query, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Aggregates } from '#libs/cqrs';
import { csvOf } from '#libs/csv';
import { refuse, RefusedError } from '#libs/event-sourcing';
import { IdPipe, ListParameters, Roles, View } from '#libs/http';
import { approvalList, Approvals } from './views/approvals/approvals.query.ts';
import { auditReportList, AuditReportOf, AuditReports, AuditReportVerification } from './views/audit-report/audit-report.query.ts';
import { denial } from './views/denials/denial.ts';
import { denialList, Denials } from './views/denials/denials.query.ts';

/** Columns of the export, in this order. */
const DENIAL_COLUMNS = [
  'commandId', 'at', 'command', 'kind', 'refusal', 'detail', 'person', 'principal', 'releaseId', 'environment', 'about', 'stream', 'reasons',
]; // prettier-ignore

@Controller('v1/governance')
export class GovernanceViewsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Get('denials')
  @View('denials')
  @ListParameters(denialList)
  denials(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new Denials(denialList.parse(query)));
  }

  /** A page of the list as CSV (RFC 4180, formula-safe); the same filters, and `limit` and `cursor` as the list has them. */
  @Get('denials.csv')
  @View('denials')
  @ListParameters(denialList)
  @Header('content-type', 'text/csv; charset=utf-8')
  @ApiProduces('text/csv')
  async denialsCsv(@Query() query: Record<string, unknown>): Promise<string> {
    const { items } = await this.queries.execute(new Denials(denialList.parse(query)));
    return csvOf(DENIAL_COLUMNS, items);
  }

  /** A denial whole, from its own stream: also what was asked, and the receipt where gates judged it. */
  @Get('denials/:id')
  @Roles('auditor', 'release-manager')
  async denial(@Param('id', IdPipe) id: string): Promise<unknown> {
    const { state, events, ref } = await this.aggregates.load(denial, id);
    const [first] = events;
    if (!state || !first) throw new RefusedError(refuse('not-found', 'denial-unknown', `There is no denial ${id}.`));
    const { actor: person, principal, recordedAt: at } = first.metadata;
    return { commandId: id, ...state, person, principal, at, ref };
  }

  @Get('approvals')
  @View('approvals')
  @ListParameters(approvalList)
  approvals(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new Approvals(approvalList.parse(query)));
  }

  @Get('audit-reports')
  @View('audit-report')
  @ListParameters(auditReportList)
  auditReports(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new AuditReports(auditReportList.parse(query)));
  }

  /**
   * Canonical JSON (RFC 8785), byte for byte; `Plimsoll-Report-Digest` is the SHA-256 over exactly these bytes. What persons wrote is sealed in
   * them; with the header `Plimsoll-Text: revealed` it can be read, and the digest stays that of the sealed report, which an auditor computes.
   */
  @Get('audit-reports/:releaseId')
  @View('audit-report')
  @Header('content-type', 'application/json')
  @ApiProduces('application/json')
  async auditReport(@Param('releaseId', IdPipe) releaseId: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Buffer> {
    const { bytes, digest } = await this.queries.execute(new AuditReportOf(releaseId));
    reply.header('plimsoll-report-digest', `sha256:${digest}`);
    // Not text: Fastify would write that as a JSON string.
    return bytes;
  }

  /** Computes the report once more from the event log itself, and compares it with the view's, byte for byte. */
  @Get('audit-reports/:releaseId/verification')
  @View('audit-report')
  @Roles('auditor', 'release-manager')
  verification(@Param('releaseId', IdPipe) releaseId: string): Promise<unknown> {
    return this.queries.execute(new AuditReportVerification(releaseId));
  }
}
