import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { recordMetricSamplesCommand } from './metrics/record-metric-samples.ts';
import { ObservabilityController } from './observability.controller.ts';

@Module({ controllers: [ObservabilityController], providers: [...commandHandlers(recordMetricSamplesCommand)] })
export class ObservabilityModule {}
