import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { metricsId } from '#libs/contracts';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { Meta, Roles } from '#libs/http';
import { RecordMetricSamples } from './metrics/record-metric-samples.ts';

@Controller('v1/observability')
export class ObservabilityController {
  constructor(private readonly commands: CommandBus) {}

  @Post('metric-samples')
  @Roles('service', 'sre')
  record(@Body() body: RecordMetricSamples, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, metricsId(body.environment, body.service, meta.now), meta));
  }
}
