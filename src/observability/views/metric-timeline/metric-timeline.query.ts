import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource, In } from 'typeorm';
import { seriesOf } from './metric-timeline.projection.ts';
import { MetricTimelineRow, type DeploymentMark, type MetricPoint } from './metric-timeline.row.ts';

/** A service's traffic and the deployments on it; empty where nothing was measured. */
export interface MetricTimelineAnswer {
  readonly environment: string;
  readonly service: string;
  readonly points: readonly MetricPoint[];
  readonly marks: readonly DeploymentMark[];
}

export class MetricTimeline extends Query<MetricTimelineAnswer> {
  constructor(
    readonly environment: string,
    readonly service: string,
  ) {
    super();
  }
}

@QueryHandler(MetricTimeline)
export class MetricTimelineHandler implements IQueryHandler<MetricTimeline> {
  constructor(private readonly data: DataSource) {}

  async execute({ environment, service }: MetricTimeline): Promise<MetricTimelineAnswer> {
    const series = [seriesOf(environment, service), seriesOf(environment)];
    const rows = await this.data.getRepository(MetricTimelineRow).findBy({ series: In(series) });
    return { environment, service, points: rows.flatMap((row) => row.points), marks: rows.flatMap((row) => row.marks) };
  }
}
