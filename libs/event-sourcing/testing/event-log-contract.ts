import { randomUUID } from 'node:crypto';
import {
  ageInSeconds,
  AppendTooLarge,
  BEFORE_ALL,
  MAX_APPEND_BYTES,
  NO_STREAM,
  STRAY_EVENT,
  UnserialisableEvent,
  WrongExpectedRevision,
  type EventLog,
  type NewEvent,
  type StoredEvent,
} from '#libs/event-sourcing';

/** A minimal event for tests of logs and subscriptions. */
export function testEvent(n: number, overrides: Partial<NewEvent> = {}): NewEvent {
  return {
    id: randomUUID(),
    type: 'TestHappened',
    data: { n },
    metadata: {
      actor: 'person-test',
      principal: 'test|test',
      commandId: randomUUID(),
      commandHash: '0'.repeat(64),
      correlationId: 'correlation',
      causationId: 'causation',
      recordedAt: '2026-03-02T10:00:00.000Z',
      schemaVersion: 1,
    },
    ...overrides,
  };
}

/** Reads a subscription until it has given `count` events (or, with a predicate, until that holds). */
export async function take(
  log: EventLog,
  after: bigint,
  until: number | ((events: readonly StoredEvent[]) => boolean),
  options: { batchSize?: number } = {},
): Promise<StoredEvent[]> {
  const stop = new AbortController();
  const taken: StoredEvent[] = [];
  const done = typeof until === 'number' ? (events: readonly StoredEvent[]) => events.length >= until : until;
  if (done(taken)) return taken;
  for await (const batch of log.subscribe({ after, signal: stop.signal, ...options })) {
    taken.push(...batch);
    if (done(taken)) break;
  }
  stop.abort();
  return taken;
}

/** An event that somebody writes into the store with its password, past every check of ours. */
export interface Around {
  readonly stream: string;
  readonly id: string;
  readonly type: string;
  readonly data?: unknown;
  /** Undefined where there is none at all, as far as the store knows of such. */
  readonly metadata?: unknown;
}

const whole = testEvent(0).metadata;
/** What Plimsoll never writes, each in one way. */
export const STRAYS: readonly (readonly [what: string, event: Partial<Around>])[] = [
  ['without metadata', { metadata: undefined }],
  ['whose metadata is null', { metadata: null }],
  ['whose metadata is empty', { metadata: {} }],
  ['whose metadata is a list', { metadata: [] }],
  ['whose metadata is a text', { metadata: 'recordedAt' }],
  ['recorded at no time', { metadata: { ...whole, recordedAt: 'yesterday' } }],
  ['recorded at a number', { metadata: { ...whole, recordedAt: 5 } }],
  ['recorded on a day that no calendar has', { metadata: { ...whole, recordedAt: '2026-02-30T10:00:00.000Z' } }],
  ['of half a schema version', { metadata: { ...whole, schemaVersion: 1.5 } }],
  ['of no actor', { metadata: { ...whole, actor: undefined } }],
  ['with a zero character in its metadata', { metadata: { ...whole, principal: 'a\u0000b' } }],
  ['whose data is null', { data: null }],
  ['whose data is a list', { data: [1] }],
  ['whose data is a text', { data: 'text' }],
  ['of a type a hundred thousand characters long', { type: 'T'.repeat(100_000) }],
  ['of a type on two lines', { type: 'Two\nLines' }],
];

/**
 * What every event log promises, in sentences. Run by each adapter's own spec.
 *
 * @param around writes to the store as anybody may who has its password
 */
export function eventLogContract(open: () => Promise<EventLog>, around: (event: Around) => Promise<void>): void {
  let log: EventLog;
  let start: bigint;
  const stream = (): string => `contract-${randomUUID()}`;
  const own = (streams: readonly string[]) => (e: StoredEvent) => streams.includes(e.stream);

  beforeAll(async () => {
    log = await open();
  });
  beforeEach(async () => {
    start = await log.head();
  });
  afterAll(async () => {
    await log.close();
  });

  describe('appending', () => {
    it('gives back what was appended, in order, with dense revisions from 0', async () => {
      const s = stream();
      const events = [testEvent(0), testEvent(1), testEvent(2, { data: { text: 'ü "quoted" \\ \u2028 {}', nested: [1, null, true] } })];
      expect((await log.append(s, NO_STREAM, events)).revision).toBe(2);
      const slice = await log.readStream(s);
      expect(slice.revision).toBe(2);
      expect(slice.events.map((e) => [e.revision, e.id, e.type, e.data, e.metadata, e.stream])).toEqual(
        events.map((e, i) => [i, e.id, e.type, e.data, e.metadata, s]),
      );
    });

    it('answers with the position of the last event, which a reader of all events finds there', async () => {
      const s = stream();
      const { position } = await log.append(s, NO_STREAM, [testEvent(0), testEvent(1)]);
      expect((await log.readStream(s)).events.at(-1)?.position).toBe(position);
      expect(await log.head()).toBeGreaterThanOrEqual(position);
    });

    it('refuses a stream that exists already, and stores nothing', async () => {
      const s = stream();
      await log.append(s, NO_STREAM, [testEvent(0)]);
      await expect(log.append(s, NO_STREAM, [testEvent(1)])).rejects.toMatchObject({
        name: 'WrongExpectedRevision',
        actual: 0,
        expected: NO_STREAM,
      });
      expect((await log.readStream(s)).events).toHaveLength(1);
    });

    it('refuses a revision that is too low, and one that is too high', async () => {
      const s = stream();
      await log.append(s, NO_STREAM, [testEvent(0), testEvent(1)]);
      await expect(log.append(s, 0, [testEvent(2)])).rejects.toMatchObject({ name: 'WrongExpectedRevision', actual: 1 });
      await expect(log.append(s, 5, [testEvent(2)])).rejects.toMatchObject({ name: 'WrongExpectedRevision', actual: 1 });
      await expect(log.append(stream(), 0, [testEvent(2)])).rejects.toBeInstanceOf(WrongExpectedRevision);
      expect((await log.readStream(s)).revision).toBe(1);
    });

    it('takes the same append again without storing it again, also after the stream has moved on', async () => {
      const s = stream();
      const events = [testEvent(0), testEvent(1)];
      const first = await log.append(s, NO_STREAM, events);
      expect(await log.append(s, NO_STREAM, events)).toEqual(first);
      await log.append(s, 1, [testEvent(2)]);
      expect(await log.append(s, NO_STREAM, events)).toEqual(first);
      expect((await log.readStream(s)).events).toHaveLength(3);
    });

    it('does not take a longer append for the one it repeats in part', async () => {
      const s = stream();
      const events = [testEvent(0), testEvent(1)];
      await log.append(s, NO_STREAM, events);
      await expect(log.append(s, NO_STREAM, [...events, testEvent(2)])).rejects.toBeInstanceOf(WrongExpectedRevision);
      await expect(log.append(s, NO_STREAM, [events[0]!, testEvent(9)])).rejects.toBeInstanceOf(WrongExpectedRevision);
    });

    it('refuses what is too large or can not be written as JSON, and goes on working', async () => {
      const s = stream();
      await expect(log.append(s, NO_STREAM, [testEvent(0, { data: 'x'.repeat(MAX_APPEND_BYTES) })])).rejects.toBeInstanceOf(AppendTooLarge);
      await expect(log.append(s, NO_STREAM, [testEvent(0, { data: { n: 1n } })])).rejects.toBeInstanceOf(UnserialisableEvent);
      await expect(log.append(s, NO_STREAM, [testEvent(0, { data: undefined })])).rejects.toBeInstanceOf(UnserialisableEvent);
      expect((await log.readStream(s)).revision).toBe(NO_STREAM);
      await log.append(s, NO_STREAM, [testEvent(0)]);
    });

    it('lets exactly one of many racing appends win, and tells the others', async () => {
      const s = stream();
      const racers = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => log.append(s, NO_STREAM, [testEvent(n)])));
      expect(racers.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
      for (const r of racers) if (r.status === 'rejected') expect(r.reason).toBeInstanceOf(WrongExpectedRevision);
      expect((await log.readStream(s)).events).toHaveLength(1);
    });

    it('keeps appends to different streams apart when they come at once, conflicts among them', async () => {
      const streams = Array.from({ length: 30 }, stream);
      await Promise.all(streams.filter((_, i) => i % 3 === 0).map((s) => log.append(s, NO_STREAM, [testEvent(0)])));
      const outcomes = await Promise.allSettled(streams.map((s) => log.append(s, NO_STREAM, [testEvent(1), testEvent(2)])));
      outcomes.forEach((o, i) => expect(o.status).toBe(i % 3 === 0 ? 'rejected' : 'fulfilled'));
      for (const [i, s] of streams.entries()) expect((await log.readStream(s)).events).toHaveLength(i % 3 === 0 ? 1 : 2);
    });
  });

  describe('reading', () => {
    it('gives an absent stream as empty, not as an error', async () => {
      expect(await log.readStream(stream())).toEqual({ events: [], revision: NO_STREAM });
    });

    it('reads a stream from a revision and no further than asked, and still says where it ends', async () => {
      const s = stream();
      await log.append(
        s,
        NO_STREAM,
        [0, 1, 2, 3, 4].map((n) => testEvent(n)),
      );
      const slice = await log.readStream(s, { fromRevision: 1, maxCount: 2 });
      expect(slice.events.map((e) => e.revision)).toEqual([1, 2]);
      expect(slice.revision).toBe(4);
      expect(await log.readStream(s, { fromRevision: 9 })).toEqual({ events: [], revision: 4 });
    });

    it('reads all events after a position, in the order of their positions', async () => {
      const [a, b] = [stream(), stream()];
      await log.append(a, NO_STREAM, [testEvent(0), testEvent(1)]);
      await log.append(b, NO_STREAM, [testEvent(2)]);
      await log.append(a, 1, [testEvent(3)]);
      const all = (await log.readAll({ after: start, maxCount: 1000 })).filter(own([a, b]));
      expect(all.map((e) => (e.data as { n: number }).n)).toEqual([0, 1, 2, 3]);
      const positions = all.map((e) => e.position);
      expect([...positions].sort((x, y) => (x < y ? -1 : 1))).toEqual(positions);
      expect((await log.readAll({ after: positions[1]!, maxCount: 1 }))[0]?.position).toBeGreaterThan(positions[1]!);
    });

    it('is empty after its head', async () => {
      await log.append(stream(), NO_STREAM, [testEvent(0)]);
      expect(await log.readAll({ after: await log.head(), maxCount: 10 })).toEqual([]);
    });
  });

  describe('what somebody wrote around it', () => {
    it.each(STRAYS)('is given on as an event that nothing knows, with what is stored beside it: one %s', async (_what, event) => {
      const s = stream();
      const { type, data, metadata } = testEvent(1);
      const written = { stream: s, id: randomUUID(), type, data, metadata, ...event };
      await around(written);
      await log.append(s, 0, [testEvent(2)]);
      const [stray, next] = (await log.readStream(s)).events;
      expect(stray).toMatchObject({ stream: s, revision: 0, id: written.id, type: STRAY_EVENT, data: {}, metadata: { schemaVersion: 1 } });
      expect(JSON.stringify([stray!.stray!.type, stray!.stray!.data ?? null, stray!.stray!.metadata ?? null])).toBe(
        JSON.stringify([written.type, written.data ?? null, written.metadata ?? null]),
      );
      expect(stray!.stray!.why).toMatch(/^(?:Its|The) .*\.$/);
      expect(ageInSeconds(stray!, '2999-01-01T00:00:00.000Z')).toBeGreaterThanOrEqual(0);
      expect(Object.values(stray!.metadata).filter((value) => typeof value !== 'string' && typeof value !== 'number')).toEqual([]);
      expect(next?.stray).toBeUndefined();
      const taken = (await take(log, start, (events) => events.filter(own([s])).length >= 2)).filter(own([s]));
      expect(taken).toEqual([stray, next]);
      expect((await log.readAll({ after: start, maxCount: 100 })).filter(own([s]))).toEqual([stray, next]);
    });

    it('is no stray event where it is as Plimsoll writes it: then only the ledger tells', async () => {
      const s = stream();
      const { type, data, metadata } = testEvent(1);
      await around({ stream: s, id: randomUUID(), type, data, metadata });
      expect((await log.readStream(s)).events).toMatchObject([{ type, data, metadata }]);
      expect((await log.readStream(s)).events[0]).not.toHaveProperty('stray');
    });
  });

  describe('subscribing', () => {
    it('gives history first, then what comes, each event once and in order', async () => {
      const s = stream();
      await log.append(s, NO_STREAM, [testEvent(0), testEvent(1)]);
      const taking = take(log, start, (events) => events.filter(own([s])).length >= 5, { batchSize: 2 });
      await log.append(s, 1, [testEvent(2)]);
      await log.append(s, 2, [testEvent(3), testEvent(4)]);
      expect((await taking).filter(own([s])).map((e) => (e.data as { n: number }).n)).toEqual([0, 1, 2, 3, 4]);
    });

    it('begins exclusively after a position', async () => {
      const s = stream();
      const { position } = await log.append(s, NO_STREAM, [testEvent(0)]);
      await log.append(s, 0, [testEvent(1)]);
      expect((await take(log, position, 1))[0]).toMatchObject({ stream: s, revision: 1 });
    });

    it('begins at the very beginning when asked', async () => {
      await log.append(stream(), NO_STREAM, [testEvent(0)]);
      const first = (await log.readAll({ after: BEFORE_ALL, maxCount: 1 }))[0];
      expect((await take(log, BEFORE_ALL, 1))[0]).toEqual(first);
    });

    it('holds no more than the batch size in a batch', async () => {
      const s = stream();
      await log.append(
        s,
        NO_STREAM,
        Array.from({ length: 7 }, (_, n) => testEvent(n)),
      );
      const stop = new AbortController();
      const sizes: number[] = [];
      let total = 0;
      for await (const batch of log.subscribe({ after: start, batchSize: 3, signal: stop.signal })) {
        sizes.push(batch.length);
        total += batch.length;
        if (total >= 7) stop.abort();
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual(3);
    });

    it('ends without an error when its signal says so, also while it waits', async () => {
      const stop = new AbortController();
      const reading = (async () => {
        for await (const batch of log.subscribe({ after: await log.head(), signal: stop.signal })) void batch;
        return 'ended';
      })();
      stop.abort();
      await expect(reading).resolves.toBe('ended');
    });

    it('misses nothing while many append at once', async () => {
      const streams = Array.from({ length: 16 }, stream);
      const taking = take(log, start, (events) => events.filter(own(streams)).length >= 16 * 20, { batchSize: 50 });
      await Promise.all(
        streams.map(async (s) => {
          for (let n = 0; n < 20; n++) await log.append(s, n - 1, [testEvent(n)]);
        }),
      );
      const taken = (await taking).filter(own(streams));
      expect(new Set(taken.map((e) => e.id)).size).toBe(16 * 20);
      for (const s of streams) expect(taken.filter((e) => e.stream === s).map((e) => e.revision)).toEqual([...Array(20).keys()]);
    });
  });
}
