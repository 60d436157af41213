import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { openIncidentCommand, reportIncidentDeliveryCommand, resolveIncidentCommand } from './incident/open-incident.ts';
import { IncidentsViewsController } from './incidents-views.controller.ts';
import { IncidentsController } from './incidents.controller.ts';
import { defineTriggerCommand } from './trigger/define-trigger.ts';
import { evaluateTriggerCommand } from './trigger/evaluate-trigger.ts';
import { IncidentsHandler } from './views/incident-list/incident-list.query.ts';

@Module({
  controllers: [IncidentsController, IncidentsViewsController],
  providers: [
    ...commandHandlers(
      defineTriggerCommand,
      evaluateTriggerCommand,
      openIncidentCommand,
      reportIncidentDeliveryCommand,
      resolveIncidentCommand,
    ),
    IncidentsHandler,
  ],
})
export class IncidentsModule {}
