import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { openIncidentCommand, reportIncidentDeliveryCommand, resolveIncidentCommand } from './incident/open-incident.ts';
import { IncidentsController } from './incidents.controller.ts';
import { defineTriggerCommand } from './trigger/define-trigger.ts';
import { evaluateTriggerCommand } from './trigger/evaluate-trigger.ts';

@Module({
  controllers: [IncidentsController],
  providers: [
    ...commandHandlers(
      defineTriggerCommand,
      evaluateTriggerCommand,
      openIncidentCommand,
      reportIncidentDeliveryCommand,
      resolveIncidentCommand,
    ),
  ],
})
export class IncidentsModule {}
