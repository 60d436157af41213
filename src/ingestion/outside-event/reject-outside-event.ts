import type { IngestionEvent } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { outsideEvent, type OutsideEvent } from './outside-event.ts';

/** How much of a payload is kept, bytes. */
export const MAX_KEPT_BYTES = 64 * 1024;

/** A delivery that is no event; the target is its rejection. */
export class RejectOutsideEvent {
  /** Stable, kebab-case. */
  code: string;
  /** A sentence. */
  reason: string;
  /** What came, base64, at most `MAX_KEPT_BYTES` of it. */
  payload: string;
  /** How long it was. */
  bytes: number;
  contentType: string;
  attributes: Readonly<Record<string, string>>;
  channel: 'http' | 'kafka';
  receivedFrom: string;
  /** Where secrets were taken out of what is kept. */
  redacted?: { readonly sha256: string; readonly kinds: readonly string[] };
}

/** Nothing vanishes: what can't be taken is kept, with the reason. */
export function rejectOutsideEvent(command: Issued<RejectOutsideEvent>, state: OutsideEvent): Decision<IngestionEvent> {
  if (state.rejected) return [];
  const { code, reason, payload, bytes, contentType, attributes, channel, receivedFrom, redacted, target } = command;
  return [
    {
      type: 'OutsideEventRejected',
      data: {
        rejectionId: target,
        code,
        reason,
        attributes,
        payload,
        bytes,
        contentType,
        channel,
        receivedFrom,
        ...(redacted ? { redacted } : {}),
      },
    },
  ];
}

export const rejectOutsideEventCommand = defineCommand({
  type: RejectOutsideEvent,
  aggregate: outsideEvent,
  decide: rejectOutsideEvent,
});
