import type { IngestionEvent, ReceivedEnvelope } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { applyOutsideEvent, ApplyOutsideEvent } from './apply-outside-event.ts';
import { outsideEvent, receiptId, rejectionId } from './outside-event.ts';
import { receiveOutsideEvent, ReceiveOutsideEvent } from './receive-outside-event.ts';
import { redriveOutsideEvent, RedriveOutsideEvent } from './redrive-outside-event.ts';
import { rejectOutsideEvent, RejectOutsideEvent } from './reject-outside-event.ts';

const outside = scenario(outsideEvent);
const envelope: ReceivedEnvelope = { id: '1', source: '/ci', type: 'com.example.done', time: '2026-03-02T10:00:30Z', data: { a: 1, b: 2 } };
const from = { channel: 'http' as const, receivedFrom: 'test|ci' };
const receive = (change: Partial<ReceivedEnvelope> = {}) =>
  issued(ReceiveOutsideEvent, { envelope: { ...envelope, ...change }, ...from }, 'receipt-1');
const received: IngestionEvent = {
  type: 'OutsideEventReceived',
  data: {
    receiptId: 'receipt-1',
    envelope,
    disposition: 'kept',
    keptBecause: 'Events of type com.example.done are not known here.',
    ...from,
    skewSeconds: 30,
  },
};
const delivery = {
  code: 'malformed-json',
  reason: 'It is no JSON.',
  payload: 'ew==',
  bytes: 1,
  contentType: 'application/json',
  attributes: {},
};
const reject = issued(RejectOutsideEvent, { ...delivery, ...from }, 'rejection-1');
const rejected: IngestionEvent = { type: 'OutsideEventRejected', data: { rejectionId: 'rejection-1', ...delivery, ...from } };

describe('an outside event', () => {
  it('is received with the skew of its claimed time, and once', () => {
    outside.given().when(receiveOutsideEvent, receive()).then(received);
    outside.given(received).when(receiveOutsideEvent, receive()).thenNothing();
  });

  it('is the same event in another order of keys and with other extensions', () => {
    outside
      .given(received)
      .when(receiveOutsideEvent, receive({ data: { b: 2, a: 1 }, extensions: { traceparent: 'x' } }))
      .thenNothing();
  });

  it.each([
    ['type', { type: 'com.example.failed' }],
    ['data', { data: { a: 2, b: 2 } }],
    ['subject', { subject: 's' }],
    ['time', { time: '2026-03-02T10:00:31Z' }],
  ])('is refused when it comes again with another %s', (_what, change) => {
    outside.given(received).when(receiveOutsideEvent, receive(change)).thenRefused('event-id-reused');
  });

  it('has no skew where it claims no time', () => {
    const { time: _time, ...timeless } = envelope;
    const command = issued(ReceiveOutsideEvent, { envelope: timeless, ...from }, 'receipt-1');
    expect(outside.given().when(receiveOutsideEvent, command).decision).toMatchObject([
      { data: expect.not.objectContaining({ skewSeconds: 0 }) },
    ]);
  });

  it('is applied once, and only if it was received', () => {
    const apply = issued(ApplyOutsideEvent, { outcome: 'applied', command: 'RegisterArtifact', detail: 'Done.' }, 'receipt-1');
    const applied: IngestionEvent = {
      type: 'OutsideEventApplied',
      data: { receiptId: 'receipt-1', eventType: 'com.example.done', outcome: 'applied', command: 'RegisterArtifact', detail: 'Done.' },
    };
    outside.given(received).when(applyOutsideEvent, apply).then(applied);
    outside.given(received, applied).when(applyOutsideEvent, apply).thenNothing();
    outside.given().when(applyOutsideEvent, apply).thenRefused('outside-event-unknown');
  });

  it('is known by source and id together', () => {
    expect(receiptId('/ci', '1', 't')).toBe(receiptId('/ci', '1', 't'));
    expect(receiptId('/ci', '11', 't')).not.toBe(receiptId('/ci1', '1', 't'));
    expect(receiptId('/ci', '1', 't')).not.toBe(receiptId('/ci', '1', 'u'));
  });
});

describe('a delivery that is no event', () => {
  const redrive = (outcome: 'accepted' | 'rejected', detail = 'As before.') =>
    issued(RedriveOutsideEvent, { outcome, detail }, 'rejection-1');
  const redriven = (outcome: 'accepted' | 'rejected'): IngestionEvent => ({
    type: 'OutsideEventRedriven',
    data: { rejectionId: 'rejection-1', outcome, detail: 'As before.' },
  });

  it('is kept whole with the reason, and once', () => {
    outside.given().when(rejectOutsideEvent, reject).then(rejected);
    outside.given(rejected).when(rejectOutsideEvent, reject).thenNothing();
  });

  it('may be rejected again; for the same reason that is no news', () => {
    outside.given(rejected).when(redriveOutsideEvent, redrive('rejected')).then(redriven('rejected'));
    outside.given(rejected, redriven('rejected')).when(redriveOutsideEvent, redrive('rejected')).thenNothing();
  });

  it('may be accepted after all, and then stays so', () => {
    outside.given(rejected, redriven('rejected')).when(redriveOutsideEvent, redrive('accepted')).then(redriven('accepted'));
    outside.given(rejected, redriven('accepted')).when(redriveOutsideEvent, redrive('rejected', 'Other.')).thenNothing();
  });

  it('can not be redriven where there is none', () => {
    outside.given().when(redriveOutsideEvent, redrive('accepted')).thenRefused('dead-letter-unknown');
  });

  it('is another one over another channel', () => {
    expect(rejectionId('aa', 'http')).not.toBe(rejectionId('aa', 'kafka'));
  });
});
