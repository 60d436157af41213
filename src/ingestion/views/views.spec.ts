import type { IngestionEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../test/support/history.ts';
import { deadLetters } from './dead-letters/dead-letters.projection.ts';
import { outsideEventTypes } from './outside-event-types/outside-event-types.projection.ts';

const from = { channel: 'http' as const, receivedFrom: 'test|ci' };
const told = (...events: readonly IngestionEvent[]) => history(events.map((event) => ({ stream: 'outside-1', event })));

function received(type: string, keptBecause?: string): IngestionEvent {
  const envelope = { id: '1', source: '/ci', type };
  const disposition = keptBecause === undefined ? { disposition: 'understood' as const } : { disposition: 'kept' as const, keptBecause };
  return { type: 'OutsideEventReceived', data: { receiptId: 'receipt-1', envelope, ...disposition, ...from } };
}
const applied = (eventType: string, outcome: 'applied' | 'refused' | 'nothing'): IngestionEvent => ({
  type: 'OutsideEventApplied',
  data: { receiptId: 'receipt-1', eventType, outcome, detail: 'So it went.' },
});
const rejected: IngestionEvent = {
  type: 'OutsideEventRejected',
  data: {
    rejectionId: 'rejection-1',
    code: 'malformed-json',
    reason: 'It is no JSON.',
    attributes: {},
    payload: 'ew==',
    bytes: 1,
    contentType: 'application/json',
    ...from,
  },
};
const redriven = (outcome: 'accepted' | 'rejected'): IngestionEvent => ({
  type: 'OutsideEventRedriven',
  data: { rejectionId: 'rejection-1', outcome, detail: 'So it went.' },
});

describe('the dead letters of ingestion', () => {
  it('stay open until they are accepted after all', () => {
    const row = (...events: readonly IngestionEvent[]) => foldView(deadLetters, told(...events)).get('rejection-1');
    expect(row(rejected)).toMatchObject({ status: 'open', code: 'malformed-json', redriven_outcome: null, at: '2026-03-02T10:00:00.000Z' });
    expect(row(rejected, redriven('rejected'))).toMatchObject({ status: 'open', redriven_outcome: 'rejected' });
    expect(row(rejected, redriven('rejected'), redriven('accepted'))).toMatchObject({
      status: 'accepted',
      redriven_outcome: 'accepted',
      redriven_at: '2026-03-02T10:00:02.000Z',
    });
  });

  it('are nothing where nothing was rejected', () => {
    expect(foldView(deadLetters, told(received('a'), applied('a', 'applied'), redriven('accepted'))).size).toBe(0);
  });
});

describe('the types of outside events', () => {
  it('are counted with what became of them, also what is not understood', () => {
    const events = told(
      received('a'),
      received('constructor', 'It is not known.'),
      applied('a', 'applied'),
      received('a'),
      applied('a', 'refused'),
      received('a', 'It names nothing.'),
      applied('unseen', 'applied'),
      rejected,
    );
    expect([...foldView(outsideEventTypes, events).values()]).toEqual([
      {
        event_type: 'a',
        received: 3,
        understood: 2,
        kept: 1,
        applied: 1,
        refused: 1,
        kept_because: 'It names nothing.',
        last_at: '2026-03-02T10:00:05.000Z',
      },
      {
        event_type: 'constructor',
        received: 1,
        understood: 0,
        kept: 1,
        applied: 0,
        refused: 0,
        kept_because: 'It is not known.',
        last_at: '2026-03-02T10:00:01.000Z',
      },
    ]);
  });
});
