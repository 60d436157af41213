import { Controller, Get, Header, Inject, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiProduces } from '@nestjs/swagger';
import { RECORD_STORE, type RecordStore } from '#libs/archive';
import { Aggregates } from '#libs/cqrs';
import { refuse, RefusedError } from '#libs/event-sourcing';
import { AsStored, CLOCK, IdPipe, ListParameters, ProblemError, Roles, type Clock } from '#libs/http';
import type { Infrastructure } from '../infrastructure.ts';
import { INFRASTRUCTURE } from '../tokens.ts';
import { archiveStatus, type ArchiveStatus } from './archive-status.ts';
import { record } from './record/record.ts';
import { retentionStatus, type RetentionStatus } from './retention-status.ts';
import { ArchiveSegments, segmentList } from './segments.query.ts';

/** What is archived, when it was last read back, what is missing, and how long what is kept. */
@Controller('v1/governance')
export class ArchiveController {
  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly queries: QueryBus,
    private readonly aggregates: Aggregates,
    @Inject(RECORD_STORE) private readonly records: RecordStore,
  ) {}

  @Get('archive')
  @Roles('records-manager', 'auditor', 'release-manager', 'sre')
  status(): Promise<ArchiveStatus> {
    const { pool, log } = this.infrastructure;
    return archiveStatus(pool, log, this.clock().toISOString());
  }

  /** Each with its manifest in the archive and the manifest's SHA-256. */
  @Get('archive/segments')
  @Roles('records-manager', 'auditor', 'release-manager', 'sre')
  @ListParameters(segmentList)
  segments(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new ArchiveSegments(segmentList.parse(query)));
  }

  /** Rules in force with the floors below them, the next expiries, what is past its ceiling, and what a legal hold keeps. */
  @Get('retention')
  @Roles('records-manager', 'auditor', 'release-manager', 'sre')
  retention(): Promise<RetentionStatus> {
    const { pool } = this.infrastructure;
    return retentionStatus(pool, this.aggregates.read, this.clock().toISOString());
  }

  /** What is kept whole beside the log: a step's log, a report; its bytes, as the event's digest says. 410 with the manifest that holds it where it is no longer at hand. */
  @Get('records/:id')
  @AsStored()
  @Roles('records-manager', 'auditor', 'release-manager', 'sre', 'deployer')
  @Header('content-type', 'text/plain; charset=utf-8')
  @ApiProduces('text/plain')
  async record(@Param('id', IdPipe) id: string): Promise<Buffer> {
    const body = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? await this.records.get(id) : undefined;
    if (body) return body;
    const { state, ref } = await this.aggregates.load(record, id);
    if (state.status === 'expired')
      throw new ProblemError(410, 'record-expired', `Record ${id} is no longer at hand: the archive holds it.`, {
        reasons: [
          {
            code: 'record-expired',
            detail: `The manifest ${state.manifest?.object} (sha256:${state.manifest?.sha256}) lists it, with sha256:${state.sha256}.`,
            evidence: [ref],
            unblockedBy: 'Whoever may read the archive gets it from there.',
          },
        ],
      });
    throw new RefusedError(refuse('not-found', 'record-unknown', `There is no record ${id}.`));
  }
}
