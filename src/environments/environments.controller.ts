import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, Meta, Roles, Vouches } from '#libs/http';
import { DefineEnvironment } from './environment/define-environment.ts';
import { environment } from './environment/environment.ts';
import { ConfirmEnvironmentChange, ProposeEnvironmentChange, WithdrawEnvironmentChange } from './environment/propose-environment-change.ts';

@Controller('v1/environments')
export class EnvironmentsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Post('environments')
  @Roles('release-manager')
  define(@Body() body: DefineEnvironment, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, body.environment, meta));
  }

  /** Another policy, or fewer regimes: the environment then shows its `proposal`, which counts once another person has confirmed it. */
  @Post('environments/:id/proposals')
  @Vouches()
  @Roles('release-manager')
  propose(@Param('id', IdPipe) id: string, @Body() body: ProposeEnvironmentChange, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /** By another person than the one who proposed it. */
  @Post('environments/:id/proposals/confirm')
  @Vouches()
  @Roles('release-manager')
  confirm(@Param('id', IdPipe) id: string, @Body() body: ConfirmEnvironmentChange, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /** By who proposed it. */
  @Post('environments/:id/proposals/withdraw')
  @Roles('release-manager')
  withdraw(@Param('id', IdPipe) id: string, @Body() body: WithdrawEnvironmentChange, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /** As its stream says; an open `proposal` among it, and what became of those before. */
  @Get('environments/:id')
  environment(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(environment, id, asOf);
  }
}
