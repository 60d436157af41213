import type { IngestionEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { outsideEvent, type OutsideEvent } from './outside-event.ts';

/** What became of an event that is understood; the target is its receipt. */
export class ApplyOutsideEvent {
  outcome: 'applied' | 'refused' | 'nothing';
  command?: string;
  detail: string;
}

export function applyOutsideEvent(issued: Issued<ApplyOutsideEvent>, state: OutsideEvent): Decision<IngestionEvent> {
  const { outcome, command, detail, target } = issued;
  if (!state.received) return refuse('not-found', 'outside-event-unknown', `There is no outside event ${target}.`);
  if (state.applied) return [];
  const eventType = state.received.envelope.type;
  return [
    {
      type: 'OutsideEventApplied',
      data: { receiptId: target, eventType, outcome, ...(command === undefined ? {} : { command }), detail },
    },
  ];
}

export const applyOutsideEventCommand = defineCommand({ type: ApplyOutsideEvent, aggregate: outsideEvent, decide: applyOutsideEvent });
