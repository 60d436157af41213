import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { IngestionController } from './ingestion.controller.ts';
import { Intake } from './intake.ts';
import { applyOutsideEventCommand } from './outside-event/apply-outside-event.ts';
import { receiveOutsideEventCommand } from './outside-event/receive-outside-event.ts';
import { redriveOutsideEventCommand } from './outside-event/redrive-outside-event.ts';
import { rejectOutsideEventCommand } from './outside-event/reject-outside-event.ts';
import { DeadLettersHandler } from './views/dead-letters/dead-letters.query.ts';
import { OutsideEventTypesHandler } from './views/outside-event-types/outside-event-types.query.ts';

/** The edge for what others tell: CloudEvents and CDEvents, over HTTP and the message bus. */
@Module({
  controllers: [IngestionController],
  providers: [
    Intake,
    DeadLettersHandler,
    OutsideEventTypesHandler,
    ...commandHandlers(receiveOutsideEventCommand, rejectOutsideEventCommand, redriveOutsideEventCommand, applyOutsideEventCommand),
  ],
})
export class IngestionModule {}
