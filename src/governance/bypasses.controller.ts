import { Body, Controller, Get, Header, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiProduces } from '@nestjs/swagger';
import { BYPASS_REGISTER } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { csvOf } from '#libs/csv';
import { issue, own, refuse, RefusedError, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { Action, IdPipe, ListParameters, Meta, Roles, View, Vouches } from '#libs/http';
import { bypasses } from './bypass/bypass.ts';
import { bypassIdOf, RequestBypass } from './bypass/request-bypass.ts';
import { ReviewBypass, ReviewBypassFields } from './bypass/review-bypass.ts';
import { bypassList, BypassReport } from './views/bypasses/bypasses.query.ts';

/** Columns of the export, in this order. */
const COLUMNS = [
  'bypassId', 'status', 'overdue', 'product', 'environment', 'releaseId', 'team', 'requester', 'gates', 'justification', 'tupleHash',
  'requestedAt', 'expiresAt', 'reviewDueAt', 'uses', 'outcome', 'reviewer', 'findings', 'reviewedAt',
]; // prettier-ignore

@Controller('v1/governance')
export class BypassesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly aggregates: Aggregates,
  ) {}

  /** The answer's `id` is the bypass: name it when the deployment is started. */
  @Post('bypasses')
  @Roles('deployer', 'release-manager', 'sre')
  async request(@Body() body: RequestBypass, @Meta() meta: CommandMeta): Promise<Transacted> {
    const transacted: Transacted = await this.commands.execute(issue(body, BYPASS_REGISTER, meta));
    return { ...transacted, id: bypassIdOf(meta.commandId) };
  }

  @Post('bypasses/:id/review')
  @Action('ReviewBypass')
  @Vouches()
  @Roles('approver', 'auditor', 'release-manager')
  async review(@Param('id', IdPipe) id: string, @Body() body: ReviewBypassFields, @Meta() meta: CommandMeta): Promise<Transacted> {
    const command = Object.assign(new ReviewBypass(), body, { bypassId: id });
    const transacted: Transacted = await this.commands.execute(issue(command, BYPASS_REGISTER, meta));
    return { ...transacted, id };
  }

  @Get('bypasses')
  @View('bypasses')
  @ListParameters(bypassList)
  list(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new BypassReport(bypassList.parse(query)));
  }

  /** A page of the report as CSV (RFC 4180, formula-safe); the same filters, and `limit` and `cursor` as the list has them. */
  @Get('bypasses.csv')
  @View('bypasses')
  @ListParameters(bypassList)
  @Header('content-type', 'text/csv; charset=utf-8')
  @ApiProduces('text/csv')
  async csv(@Query() query: Record<string, unknown>): Promise<string> {
    const { items } = await this.queries.execute(new BypassReport(bypassList.parse(query)));
    return csvOf(COLUMNS, items);
  }

  /** From the register itself, as it is or as it was. */
  @Get('bypasses/:id')
  async one(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    const unknown = new RefusedError(refuse('not-found', 'bypass-unknown', `There is no bypass ${id}.`));
    const { byId, stream, revision, recordedAt } = await this.aggregates
      .answer(bypasses, BYPASS_REGISTER, asOf)
      // Whether there is any other bypass is no part of the answer.
      .catch((error: unknown) => {
        throw error instanceof RefusedError && error.refusal.kind === 'not-found' ? unknown : error;
      });
    const bypass = own(byId, id);
    if (!bypass) throw unknown;
    return { ...bypass, id, stream, revision, recordedAt };
  }
}
