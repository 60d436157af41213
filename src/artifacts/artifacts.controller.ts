import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { artifactId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, Meta, Roles } from '#libs/http';
import { artifact } from './artifact/artifact.ts';
import { RegisterArtifact } from './artifact/register-artifact.ts';

@Controller('v1/artifacts')
export class ArtifactsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Post('artifacts')
  @Roles('developer', 'release-manager', 'service')
  register(@Body() body: RegisterArtifact, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, artifactId(body.name, body.version), meta));
  }

  @Get('artifacts/:id')
  artifact(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(artifact, id, asOf);
  }
}
