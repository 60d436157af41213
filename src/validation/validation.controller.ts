import type { Readable } from 'node:stream';
import { Controller, Get, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import { IsString, Matches } from 'class-validator';
import { RECORD_STORE, type RecordStore } from '#libs/archive';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { JUNIT_MAX_BYTES } from '#libs/evidence';
import { testReportRecordId } from '#libs/retention';
import { replaceSecrets } from '#libs/secrets';
import { Action, IdPipe, Meta, Roles, StreamedBody } from '#libs/http';
import { smokeRun } from './smoke-run/smoke-run.ts';
import { readReport } from './test-report/read-report.ts';
import { releaseDigests, type RecordTestReport } from './test-report/record-test-report.ts';

/** What a report is about: it can't say so itself. */
export class ReportAbout {
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/, { message: 'releaseId must be the id of a release' }) releaseId: string;
  @Matches(/^sha(256|384|512):[0-9a-f]{64,128}$/, { message: 'artifactDigest must be a digest such as sha256:… in lower-case hex' })
  artifactDigest: string;
  @IsString()
  @Matches(/^[a-zA-Z0-9][a-zA-Z0-9 ._-]{0,99}$/, { message: 'suite must be a name of at most 100 characters' })
  suite: string;
}

@Controller('v1')
export class ValidationController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
    @Inject(RECORD_STORE) private readonly records: RecordStore,
  ) {}

  /** Takes a JUnit XML report as evidence about one artifact of a release. */
  @Post('evidence/junit')
  @Action('RecordTestReport')
  @Roles('service', 'developer', 'tester')
  @StreamedBody(JUNIT_MAX_BYTES)
  @ApiConsumes('application/xml', 'text/xml')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  async junit(
    @Query() about: ReportAbout,
    @Req() request: { readonly body: Readable; readonly headers: { readonly 'content-type'?: string } },
    @Meta() meta: CommandMeta,
  ): Promise<Transacted> {
    const { report, bytes } = await readReport(request.body, request.headers['content-type'], about);
    await this.keep(report, bytes, about);
    return await this.commands.execute(issue(report, about.releaseId, meta));
  }

  /** Keeps the report whole, without secrets, where it is of something that there is: what is refused anyway is not stored. */
  private async keep(report: RecordTestReport, bytes: Buffer, { releaseId, artifactDigest, suite }: ReportAbout): Promise<void> {
    const { state: digests } = await this.aggregates.load(releaseDigests, releaseId);
    if (!digests?.includes(artifactDigest)) return;
    const text = bytes.toString('utf8');
    const clean = replaceSecrets(text);
    const recordId = testReportRecordId(releaseId, artifactDigest, suite, report.reportDigest);
    report.kept = { recordId, ...(await this.records.put(recordId, clean === text ? bytes : Buffer.from(clean))) };
  }

  @Get('validation/smoke-runs/:id')
  smokeRun(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(smokeRun, id, asOf);
  }
}
