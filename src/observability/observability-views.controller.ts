import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { IsString, Matches } from 'class-validator';
import { View } from '#libs/http';
import { MetricTimeline } from './views/metric-timeline/metric-timeline.query.ts';

export class MetricTimelineQuery {
  @IsString() @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'environment must be the name of an environment' }) environment: string;
  @IsString()
  @Matches(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/, { message: 'service must be a name of at most 100 characters' })
  service: string;
}

@Controller('v1/observability/metric-timeline')
export class ObservabilityViewsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @View('metric-timeline')
  timeline(@Query() { environment, service }: MetricTimelineQuery): Promise<unknown> {
    return this.queries.execute(new MetricTimeline(environment, service));
  }
}
