import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { triggerId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, Meta, Roles } from '#libs/http';
import { incident } from './incident/incident.ts';
import { ResolveIncident } from './incident/open-incident.ts';
import { DefineTrigger } from './trigger/define-trigger.ts';
import { trigger } from './trigger/trigger.ts';

@Controller('v1/incidents')
export class IncidentsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Post('triggers')
  @Roles('release-manager', 'sre')
  defineTrigger(@Body() body: DefineTrigger, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, triggerId(body.environment, body.service, body.metric), meta));
  }

  @Get('triggers/:id')
  trigger(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(trigger, id, asOf);
  }

  @Post('incidents/:id/resolve')
  @Roles('release-manager', 'sre')
  resolve(@Param('id', IdPipe) id: string, @Body() body: ResolveIncident, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Get('incidents/:id')
  incident(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(incident, id, asOf);
  }
}
