import type { IngestionEvent, ReceivedEnvelope } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { canonicalJson } from '#libs/policy';
import { inUtc } from '../envelope/checks.ts';
import { translate } from '../translation.ts';
import { outsideEvent, type OutsideEvent } from './outside-event.ts';

/** An event that the edge has read (`readDelivery`); the target is its receipt. */
export class ReceiveOutsideEvent {
  envelope: ReceivedEnvelope;
  channel: 'http' | 'kafka';
  receivedFrom: string;
}

/** Every event is kept; what is understood is said now, so that a later program does not act on what an earlier one put aside. */
export function receiveOutsideEvent(command: Issued<ReceiveOutsideEvent>, state: OutsideEvent): Decision<IngestionEvent> {
  const { envelope, channel, receivedFrom, meta, target } = command;
  if (state.received) {
    return saidBy(state.received.envelope) === saidBy(envelope)
      ? []
      : refuse(
          'conflict',
          'event-id-reused',
          `The source ${envelope.source} has used the id ${envelope.id} before, for an event of this type with another content. Send it with an id of its own.`,
          [{ code: 'received-before', detail: 'What was received first stands.', evidence: [`outside-${target}@0`] }],
        );
  }
  const translation = translate(envelope);
  return [
    {
      type: 'OutsideEventReceived',
      data: {
        receiptId: target,
        envelope,
        ...('command' in translation
          ? { disposition: 'understood' as const }
          : { disposition: 'kept' as const, keptBecause: translation.keptBecause }),
        channel,
        receivedFrom,
        // Recorded, never trusted: nothing is decided on it (principle 10).
        ...(envelope.time === undefined ? {} : { skewSeconds: secondsBetween(meta.now, inUtc(envelope.time)) }),
      },
    },
  ];
}

/** What an event says. Extensions are about its way here (traces, sequence numbers) and may differ when it is sent again. */
function saidBy({ type, time, subject, data }: ReceivedEnvelope): string {
  return canonicalJson({ type, time, subject, data });
}

function secondsBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 1000);
}

export const receiveOutsideEventCommand = defineCommand({
  type: ReceiveOutsideEvent,
  aggregate: outsideEvent,
  decide: receiveOutsideEvent,
});
