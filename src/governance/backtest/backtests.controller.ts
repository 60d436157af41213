import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { BACKTEST_ENDINGS, BACKTEST_VERDICTS, type BacktestCase } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { derivedId, issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { Action, defineList, IdPipe, ListParameters, Meta, oneOfFilter, Roles, type Page } from '#libs/http';
import { backtest } from './backtest.ts';
import { BacktestFields, CancelBacktest, RequestBacktest } from './request-backtest.ts';

const caseList = defineList({
  order: [{ column: 'position', type: 'bigint', direction: 'asc' }],
  filters: {
    kind: oneOfFilter('kind', ['deployment', 'rollback']),
    verdict: oneOfFilter('verdict', BACKTEST_VERDICTS),
    ending: oneOfFilter('ending', BACKTEST_ENDINGS),
  },
});

@Controller('v1/governance')
export class BacktestsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  /** Tries a draft on the past: what it would have blocked and let through before it counts. Runs by itself; look at the backtest. */
  @Post('policies/:id/backtests')
  @Action('RequestBacktest')
  @Roles('policy-editor', 'auditor', 'release-manager')
  request(@Param('id', IdPipe) id: string, @Body() body: BacktestFields, @Meta() meta: CommandMeta): Promise<Transacted> {
    const command = Object.assign(new RequestBacktest(), body, { policyId: id });
    return this.commands.execute(issue(command, derivedId('backtest', meta.commandId), meta));
  }

  @Post('backtests/:id/cancel')
  @Roles('policy-editor', 'auditor', 'release-manager')
  cancel(@Param('id', IdPipe) id: string, @Body() body: CancelBacktest, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /** How far it is, and its result in numbers; the decisions themselves are its cases. */
  @Get('backtests/:id')
  async backtest(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    const { result, token: _token, ...answer } = await this.aggregates.answer(backtest, id, asOf);
    if (!result) return answer;
    const { cases, ...numbers } = result;
    return { ...answer, result: { ...numbers, listed: cases.length } };
  }

  /** Decisions that the draft would have made otherwise, or of which that can't be known, in the order of the log. */
  @Get('backtests/:id/cases')
  @ListParameters(caseList)
  async cases(@Param('id', IdPipe) id: string, @Query() query: Record<string, unknown>): Promise<Page<BacktestCase>> {
    const asked = caseList.parse(query);
    const { result } = await this.aggregates.answer(backtest, id);
    const after = BigInt(asked.after?.[0] ?? -1);
    const { kind, verdict, ending } = asked.filters;
    const rows = (result?.cases ?? []).filter(
      (c) =>
        BigInt(c.position) > after &&
        (kind === undefined || c.kind === kind) &&
        (verdict === undefined || c.verdict === verdict) &&
        (ending === undefined || c.ending === ending),
    );
    return caseList.page(asked, rows as (BacktestCase & Record<string, unknown>)[], (row) => row);
  }
}
