import type { IngestionEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { outsideEvent, type OutsideEvent } from './outside-event.ts';

/** What came of reading a rejected delivery again; the target is its rejection. */
export class RedriveOutsideEvent {
  outcome: 'accepted' | 'rejected';
  detail: string;
}

/** A delivery that was accepted in the end stays accepted; one that is rejected again for the same reason is no news. */
export function redriveOutsideEvent(command: Issued<RedriveOutsideEvent>, state: OutsideEvent): Decision<IngestionEvent> {
  const { outcome, detail, target } = command;
  if (!state.rejected) return refuse('not-found', 'dead-letter-unknown', `There is no dead letter ${target}.`);
  if (state.redriven?.outcome === 'accepted') return [];
  if (state.redriven?.outcome === outcome && state.redriven.detail === detail) return [];
  return [{ type: 'OutsideEventRedriven', data: { rejectionId: target, outcome, detail } }];
}

export const redriveOutsideEventCommand = defineCommand({
  type: RedriveOutsideEvent,
  aggregate: outsideEvent,
  decide: redriveOutsideEvent,
});
