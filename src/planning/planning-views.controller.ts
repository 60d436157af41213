import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiProduces, ApiQuery } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EventStreams, IdPipe, ListParameters, View } from '#libs/http';
import { LiveReleaseBoard, ReleaseBoard, releaseBoardList, ReleaseOnBoard } from './views/release-board/release-board.query.ts';

@Controller('v1/planning/release-board')
export class PlanningViewsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly streams: EventStreams,
    private readonly live: LiveReleaseBoard,
  ) {}

  @Get()
  @View('release-board')
  @ListParameters(releaseBoardList)
  board(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new ReleaseBoard(releaseBoardList.parse(query)));
  }

  /** Server-sent events: a release whenever it changes, from now on or from behind a position. */
  @Get('live')
  @ApiProduces('text/event-stream')
  @ApiQuery({ name: 'after', required: false, description: 'The Plimsoll-View-Position of a list: what changed since.' })
  changes(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Query('after') after?: string): Promise<void> {
    return this.streams.serve(request, reply, this.live.rows(after));
  }

  @Get(':releaseId')
  @View('release-board')
  release(@Param('releaseId', IdPipe) releaseId: string): Promise<unknown> {
    return this.queries.execute(new ReleaseOnBoard(releaseId));
  }
}
