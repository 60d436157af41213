import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { versionLineId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { derivedId, issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, Meta, Roles } from '#libs/http';
import { AmendRelease, ComposeRelease } from './release/compose-release.ts';
import { PlanRelease } from './release/plan-release.ts';
import { release } from './release/release.ts';
import { AssignVersion } from './version-line/assign-version.ts';

@Controller('v1/planning')
export class PlanningController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Post('releases')
  @Roles('developer', 'release-manager', 'service')
  compose(@Body() body: ComposeRelease, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, derivedId('release', meta.commandId), meta));
  }

  @Post('releases/:id/amend')
  @Roles('developer', 'release-manager', 'service')
  amend(@Param('id', IdPipe) id: string, @Body() body: AmendRelease, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('releases/:id/plan')
  @Roles('developer', 'release-manager', 'service')
  plan(@Param('id', IdPipe) id: string, @Body() body: PlanRelease, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('versions')
  @Roles('developer', 'release-manager', 'service')
  assignVersion(@Body() body: AssignVersion, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, versionLineId(body.product), meta));
  }

  @Get('releases/:id')
  release(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(release, id, asOf);
  }
}
