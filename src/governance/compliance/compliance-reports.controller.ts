import { Readable } from 'node:stream';
import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiProduces, ApiQuery } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { MOST_DAYS, MOST_SAMPLED, parseQuery, type ComplianceQuery } from '#libs/compliance';
import { CLOCK, ProblemError, Roles, type Clock } from '#libs/http';
import { ComplianceReports } from './compliance-reports.ts';

const PARAMETERS = ['from', 'to', 'seed', 'sample', 'treeSize', 'format'] as const;
const FORMATS = ['json'] as const;

@Controller('v1/governance')
export class ComplianceReportsController {
  constructor(
    private readonly reports: ComplianceReports,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The compliance report of a period, computed from the event log itself up to a signed checkpoint. As JSON it is canonical (RFC 8785):
   * `Plimsoll-Report-Digest` is the SHA-256 over exactly these bytes, and `plimsoll-audit compliance` makes the same ones from an export.
   */
  @Get('compliance-reports')
  @Roles('auditor', 'release-manager')
  @ApiProduces('application/json')
  @ApiQuery({ name: 'from', description: 'Begin of the period, ISO 8601 with its offset; in it.' })
  @ApiQuery({ name: 'to', description: `End of the period; not in it, not in the future, and at most ${MOST_DAYS} days after from.` })
  @ApiQuery({ name: 'seed', required: false, description: 'Of the sample: 1 to 100 printable characters of ASCII.' })
  @ApiQuery({ name: 'sample', required: false, description: `How many changes are drawn, 1 to ${MOST_SAMPLED}; with a seed.` })
  @ApiQuery({ name: 'treeSize', required: false, description: 'Of the signed checkpoint that it rests on; the last one unless told.' })
  @ApiQuery({ name: 'format', required: false, enum: FORMATS })
  async complianceReport(@Query() query: Record<string, unknown>, @Res({ passthrough: true }) reply: FastifyReply): Promise<Readable> {
    const { asked, treeSize } = this.parse(query);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const { report, written } = await this.reports.compute(asked, treeSize, gone.signal);
    reply.header('content-type', 'application/json');
    reply.header('content-length', written.bytes);
    reply.header('plimsoll-report-digest', `sha256:${written.digest}`);
    if (report.log.checkpoint) reply.header('plimsoll-tree-size', String(report.log.checkpoint.size));
    return Readable.from(written.pieces, { objectMode: false });
  }

  /** @throws ProblemError 400 `validation` */
  private parse(query: Record<string, unknown>): { readonly asked: ComplianceQuery; readonly treeSize: number | undefined } {
    const errors: { path: string; problems: string[] }[] = [];
    const wrong = (path: string, problem: string): void => void errors.push({ path, problems: [problem] });
    const texts: Partial<Record<(typeof PARAMETERS)[number], string>> = {};
    for (const [name, value] of Object.entries(query)) {
      const known = PARAMETERS.find((parameter) => parameter === name);
      if (!known) wrong(name, `This parameter is not known. Known: ${PARAMETERS.join(', ')}.`);
      else if (typeof value !== 'string') wrong(name, 'This may be given once only.');
      else texts[known] = value;
    }
    const { from, to, seed, sample, treeSize, format = 'json' } = texts;
    const parsed = parseQuery({ from, to, seed, sample });
    if ('problems' in parsed) for (const [path, problem] of Object.entries(parsed.problems)) wrong(path, problem);
    else if (parsed.query.to > this.clock().toISOString())
      wrong('to', 'This lies in the future: a period can be reported when it is over.');
    if (treeSize !== undefined && !/^[1-9]\d{0,14}$/.test(treeSize))
      wrong('treeSize', 'This must be the size of a signed checkpoint, a whole number from 1.');
    if (!FORMATS.some((known) => known === format)) wrong('format', `This must be one of: ${FORMATS.join(', ')}.`);
    if (errors.length > 0 || 'problems' in parsed) {
      throw new ProblemError(400, 'validation', `The query is not as it must be: ${errors[0]?.path}: ${errors[0]?.problems[0]}`, {
        errors,
      });
    }
    return { asked: parsed.query, treeSize: treeSize === undefined ? undefined : Number(treeSize) };
  }
}
