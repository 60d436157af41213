import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, Meta, Roles } from '#libs/http';
import { DefineEnvironment } from './environment/define-environment.ts';
import { environment } from './environment/environment.ts';

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

  @Get('environments/:id')
  environment(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(environment, id, asOf);
  }
}
