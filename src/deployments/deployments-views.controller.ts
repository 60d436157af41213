import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EventStreams, IdPipe, ListParameters, View } from '#libs/http';
import {
  Deployments,
  DeploymentTimeline,
  deploymentTimelineList,
  LiveDeploymentTimeline,
} from './views/deployment-timeline/deployment-timeline.query.ts';

@Controller('v1/deployments/timeline')
export class DeploymentsViewsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly streams: EventStreams,
    private readonly live: LiveDeploymentTimeline,
  ) {}

  @Get()
  @View('deployment-timeline')
  @ListParameters(deploymentTimelineList)
  deployments(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new Deployments(deploymentTimelineList.parse(query)));
  }

  @Get(':deploymentId')
  @View('deployment-timeline')
  timeline(@Param('deploymentId', IdPipe) deploymentId: string): Promise<unknown> {
    return this.queries.execute(new DeploymentTimeline(deploymentId));
  }

  /** Server-sent events: the deployment as it is, and then whenever it changes. */
  @Get(':deploymentId/live')
  @ApiProduces('text/event-stream')
  changes(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('deploymentId', IdPipe) deploymentId: string): Promise<void> {
    return this.streams.serve(request, reply, this.live.rows(deploymentId));
  }
}
