import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { HOLD_REGISTER } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { issue, refuse, RefusedError, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, ListParameters, Meta, Roles, View, Vouches } from '#libs/http';
import { holdOf, legalHolds } from '#libs/retention';
import { PlaceLegalHold } from './legal-hold/place-legal-hold.ts';
import { ReleaseLegalHold } from './legal-hold/release-legal-hold.ts';
import { legalHoldList, LegalHoldReport } from './views/legal-holds/legal-holds.query.ts';

@Controller('v1/governance')
export class LegalHoldsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Post('legal-holds')
  @Roles('records-manager', 'auditor')
  async place(@Body() body: PlaceLegalHold, @Meta() meta: CommandMeta): Promise<Transacted> {
    const transacted: Transacted = await this.commands.execute(issue(body, HOLD_REGISTER, meta));
    return { ...transacted, id: body.holdId };
  }

  /** By another person than the one who placed it. */
  @Post('legal-holds/:id/release')
  @Vouches()
  @Roles('records-manager', 'auditor')
  async release(@Param('id', IdPipe) id: string, @Body() body: ReleaseLegalHold, @Meta() meta: CommandMeta): Promise<Transacted> {
    const transacted: Transacted = await this.commands.execute(issue(Object.assign(body, { holdId: id }), HOLD_REGISTER, meta));
    return { ...transacted, id };
  }

  @Get('legal-holds')
  @View('legal-holds')
  @ListParameters(legalHoldList)
  list(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new LegalHoldReport(legalHoldList.parse(query)));
  }

  /** From the register itself, as it is or as it was. */
  @Get('legal-holds/:id')
  async one(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    const { stream, revision, recordedAt, byId } = await this.aggregates.answer(legalHolds, HOLD_REGISTER, asOf);
    const hold = holdOf({ byId }, id);
    if (!hold) throw new RefusedError(refuse('not-found', 'hold-unknown', `There is no legal hold ${id}.`));
    return { ...hold, id, stream, revision, recordedAt };
  }
}
