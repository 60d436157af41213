import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { recordMetricSamplesCommand } from './metrics/record-metric-samples.ts';
import { ObservabilityViewsController } from './observability-views.controller.ts';
import { ObservabilityController } from './observability.controller.ts';
import { MetricTimelineHandler } from './views/metric-timeline/metric-timeline.query.ts';

@Module({
  controllers: [ObservabilityController, ObservabilityViewsController],
  providers: [...commandHandlers(recordMetricSamplesCommand), MetricTimelineHandler],
})
export class ObservabilityModule {}
