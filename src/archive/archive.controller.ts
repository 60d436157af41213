import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { CLOCK, ListParameters, Roles, type Clock } from '#libs/http';
import type { Infrastructure } from '../infrastructure.ts';
import { INFRASTRUCTURE } from '../tokens.ts';
import { archiveStatus, type ArchiveStatus } from './archive-status.ts';
import { ArchiveSegments, segmentList } from './segments.query.ts';

/** What is archived, when it was last read back, and what is missing. */
@Controller('v1/governance')
export class ArchiveController {
  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly queries: QueryBus,
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
}
