import { Readable } from 'node:stream';
import { Controller, Get, Headers, Inject, Optional, Query, Res } from '@nestjs/common';
import { ApiProduces, ApiQuery } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  MOST_DAYS,
  MOST_SAMPLED,
  parseFormat,
  parseQuery,
  renderReport,
  REPORT_FORMATS,
  TABLE_NAMES,
  type ComplianceQuery,
  type FormatChoice,
  type Framework,
} from '#libs/compliance';
import { CLOCK, ProblemError, revealIn, Roles, TEXT_REVEALER, type Clock } from '#libs/http';
import type { TextRevealer } from '#libs/privacy';
import { COMPLIANCE_FRAMEWORKS } from './compliance-frameworks.ts';
import { ComplianceReports } from './compliance-reports.ts';

const PARAMETERS = ['from', 'to', 'seed', 'sample', 'treeSize', 'format', 'table', 'framework', 'assessmentPlan'] as const;

interface Asked {
  readonly query: ComplianceQuery;
  readonly treeSize: number | undefined;
  readonly choice: FormatChoice;
}

@Controller('v1/governance')
export class ComplianceReportsController {
  constructor(
    private readonly reports: ComplianceReports,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(COMPLIANCE_FRAMEWORKS) private readonly frameworks: readonly Framework[],
    @Optional() @Inject(TEXT_REVEALER) private readonly revealer?: TextRevealer,
  ) {}

  /**
   * The compliance report of a period, computed from the event log itself up to a signed checkpoint. As JSON it is canonical (RFC 8785), and
   * `plimsoll-audit compliance` makes the same bytes from an export; `Plimsoll-Report-Digest` is the SHA-256 of this JSON, whatever the format.
   */
  @Get('compliance-reports')
  @Roles('auditor', 'release-manager')
  @ApiProduces('application/json', 'text/csv', 'text/html')
  @ApiQuery({ name: 'from', description: 'Begin of the period, ISO 8601 with its offset; in it.' })
  @ApiQuery({ name: 'to', description: `End of the period; not in it, not in the future, and at most ${MOST_DAYS} days after from.` })
  @ApiQuery({ name: 'seed', required: false, description: 'Of the sample: 1 to 100 printable characters of ASCII.' })
  @ApiQuery({ name: 'sample', required: false, description: `How many changes are drawn, 1 to ${MOST_SAMPLED}; with a seed.` })
  @ApiQuery({ name: 'treeSize', required: false, description: 'Of the signed checkpoint that it rests on; the last one unless told.' })
  @ApiQuery({ name: 'format', required: false, enum: REPORT_FORMATS, description: 'json unless told; oscal is assessment results.' })
  @ApiQuery({ name: 'table', required: false, enum: TABLE_NAMES, description: 'Of the CSV: population unless told.' })
  @ApiQuery({
    name: 'framework',
    required: false,
    description: 'Ids, separated by commas, for html, oscal and the table controls; all unless told.',
  })
  @ApiQuery({ name: 'assessmentPlan', required: false, description: 'For oscal: where the assessment plan is, https or relative.' })
  async complianceReport(
    @Query() query: Record<string, unknown>,
    @Headers('plimsoll-text') text: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable> {
    const asked = this.parse(query);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const { report, written } = await this.reports.compute(asked.query, asked.treeSize, gone.signal);
    // Opened before it is written: what is done for each format to what others wrote, is done to opened text too.
    const shown = text === 'revealed' && this.revealer && asked.choice.format !== 'json' ? await revealIn(report, this.revealer) : report;
    const rendered = renderReport(shown, written.digest, asked.choice);
    reply.header('content-type', rendered.contentType);
    // A page is looked at where it is; whatever else is kept.
    const disposition = asked.choice.format === 'html' ? 'inline' : 'attachment';
    reply.header('content-disposition', `${disposition}; filename="${rendered.fileName}"`);
    if (rendered.policy !== undefined) reply.header('content-security-policy', rendered.policy);
    reply.header('plimsoll-report-digest', `sha256:${written.digest}`);
    if (report.log.checkpoint) reply.header('plimsoll-tree-size', String(report.log.checkpoint.size));
    if (asked.choice.format !== 'json') return Readable.from(rendered.pieces, { objectMode: false });
    // Written already, for its digest.
    reply.header('content-length', written.bytes);
    return Readable.from(written.pieces, { objectMode: false });
  }

  /** @throws ProblemError 400 `validation` */
  private parse(query: Record<string, unknown>): Asked {
    const errors: { path: string; problems: string[] }[] = [];
    const wrong = (path: string, problem: string): void => void errors.push({ path, problems: [problem] });
    const texts: Partial<Record<(typeof PARAMETERS)[number], string>> = {};
    for (const [name, value] of Object.entries(query)) {
      const known = PARAMETERS.find((parameter) => parameter === name);
      if (!known) wrong(name, `This parameter is not known. Known: ${PARAMETERS.join(', ')}.`);
      else if (typeof value !== 'string') wrong(name, 'This may be given once only.');
      else texts[known] = value;
    }
    const { from, to, seed, sample, treeSize, format, table, framework, assessmentPlan } = texts;
    const parsed = parseQuery({ from, to, seed, sample });
    if ('problems' in parsed) for (const [path, problem] of Object.entries(parsed.problems)) wrong(path, problem);
    else if (parsed.query.to > this.clock().toISOString())
      wrong('to', 'This lies in the future: a period can be reported when it is over.');
    if (treeSize !== undefined && !/^[1-9]\d{0,14}$/.test(treeSize))
      wrong('treeSize', 'This must be the size of a signed checkpoint, a whole number from 1.');
    const written = parseFormat({ format, table, framework, assessmentPlan }, this.frameworks);
    if ('problems' in written) for (const [path, problem] of Object.entries(written.problems)) wrong(path, problem);
    if (errors.length > 0 || 'problems' in parsed || 'problems' in written) {
      throw new ProblemError(400, 'validation', `The query is not as it must be: ${errors[0]?.path}: ${errors[0]?.problems[0]}`, {
        errors,
      });
    }
    return { query: parsed.query, treeSize: treeSize === undefined ? undefined : Number(treeSize), choice: written.choice };
  }
}
