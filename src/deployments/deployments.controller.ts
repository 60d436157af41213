import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { rollbackId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { derivedId, issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, Meta, Roles } from '#libs/http';
import { deployment } from './deployment/deployment.ts';
import { ResumeDeployment } from './deployment/resume-deployment.ts';
import { RollBackDeployment } from './deployment/roll-back-deployment.ts';
import { StartDeployment } from './deployment/start-deployment.ts';

@Controller('v1/deployments')
export class DeploymentsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Post('deployments')
  @Roles('deployer')
  start(@Body() body: StartDeployment, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, derivedId('deployment', meta.commandId), meta));
  }

  @Post('deployments/:id/resume')
  @Roles('deployer')
  resume(@Param('id', IdPipe) id: string, @Body() body: ResumeDeployment, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('rollbacks')
  @Roles('deployer')
  rollBack(@Body() body: RollBackDeployment, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, rollbackId(body.deploymentId), meta));
  }

  @Get('deployments/:id')
  deployment(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(deployment, id, asOf);
  }
}
