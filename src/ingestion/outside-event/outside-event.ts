import type { IngestionEvent, ReceivedEnvelope } from '#libs/contracts';
import { derivedId, unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** Something that came in from outside: an event that was received, or a delivery that was none and is kept. */
export interface OutsideEvent {
  readonly received?: { readonly envelope: ReceivedEnvelope; readonly disposition: 'understood' | 'kept'; readonly keptBecause?: string };
  /** What became of an event that is understood. */
  readonly applied?: { readonly outcome: 'applied' | 'refused' | 'nothing'; readonly command?: string; readonly detail: string };
  readonly rejected?: Extract<IngestionEvent, { type: 'OutsideEventRejected' }>['data'];
  /** Of the newest redrive. */
  readonly redriven?: { readonly outcome: 'accepted' | 'rejected'; readonly detail: string };
}

export const outsideEvent: Aggregate<OutsideEvent, IngestionEvent> = {
  category: 'outside',
  initial: {},
  evolve: (state, event) => {
    switch (event.type) {
      case 'OutsideEventReceived': {
        const { envelope, disposition, keptBecause } = event.data;
        return { ...state, received: { envelope, disposition, ...(keptBecause === undefined ? {} : { keptBecause }) } };
      }
      case 'OutsideEventApplied': {
        const { outcome, command, detail } = event.data;
        return { ...state, applied: { outcome, ...(command === undefined ? {} : { command }), detail } };
      }
      case 'OutsideEventRejected':
        return { ...state, rejected: event.data };
      case 'OutsideEventRedriven': {
        const { outcome, detail } = event.data;
        return { ...state, redriven: { outcome, detail } };
      }
      default:
        return unknownEvent(event);
    }
  },
};

/**
 * An event is known by its source and id, as CloudEvents has it, and by its type: sources that number each type on its own
 * (as the examples of CDEvents do) lose nothing.
 */
export const receiptId = (source: string, id: string, type: string): string => derivedId('outside', source, id, type);

/** The same delivery over the same channel is rejected once. `hash`: SHA-256 (hex) of all that came. */
export const rejectionId = (hash: string, channel: 'http' | 'kafka'): string => derivedId('rejected', hash, channel);
