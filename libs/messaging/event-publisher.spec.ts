import { HTTP } from 'cloudevents';
import { Pool } from 'pg';
import { EventCodec, NO_STREAM } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { testEvent } from '#libs/event-sourcing/testing';
import { EventPublisher, MessageBusUnavailable, MessageRefused, type EventPublisherOptions, type ReceivedMessage } from '#libs/messaging';
import { MemoryMessageBus } from '#libs/messaging/memory';
import { firstTimes, until } from '#libs/messaging/testing';
import { storedPosition, SubscriptionRegistry } from '#libs/subscriptions';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';

const AREAS: Record<string, string> = { release: 'planning', approval: 'governance' };
const NAME = 'publish:kafka';

let database: FreshDatabase;
let pool: Pool;
let log: MemoryEventLog;
let bus: MemoryMessageBus;
let stops: (() => Promise<void>)[];

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url });
  pool.on('error', () => undefined);
});
beforeEach(async () => {
  await pool.query('truncate subscription');
  log = new MemoryEventLog();
  bus = new MemoryMessageBus();
  stops = [];
});
afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await bus.close();
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

function start(options: Partial<EventPublisherOptions> = {}): { publisher: EventPublisher; stop: () => Promise<void> } {
  const abort = new AbortController();
  const publisher = new EventPublisher({
    log,
    pool,
    bus,
    areaOf: (category) => AREAS[category],
    signal: abort.signal,
    ...options,
    subscription: { pollMs: 10, ...options.subscription },
  });
  const running = publisher.run();
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  stops.push(stop);
  return { publisher, stop };
}

async function collect(topic: string): Promise<ReceivedMessage[]> {
  const messages: ReceivedMessage[] = [];
  await bus.consume({ topics: [topic], group: 'spec', handler: async (message) => void messages.push(message) });
  return messages;
}

const append = async (stream: string, count: number): Promise<void> => {
  const { revision } = await log.readStream(stream);
  await log.append(
    stream,
    revision,
    Array.from({ length: count }, (_, n) => testEvent(revision + 1 + n)),
  );
};
const published = (position: bigint): Promise<void> =>
  until(`position ${position}`, async () => (await storedPosition(pool, NAME)) === position);
const revisions = (messages: readonly ReceivedMessage[], stream: string): number[] =>
  messages.filter((m) => m.key === stream).map((m) => Number(m.headers.ce_streamrevision));

describe('the event publisher', () => {
  it('publishes each event as a CloudEvent to the topic of its area, with its stream as the key', async () => {
    const messages = await collect('plimsoll.planning.events.v1');
    await log.append('release-1', NO_STREAM, [testEvent(0, { type: 'ReleaseComposed', data: { version: '1.0 ü' } })]);
    start();
    await until('it is published', () => messages.length === 1);
    const [event] = (await log.readStream('release-1')).events;
    expect(messages[0]).toMatchObject({
      key: 'release-1',
      headers: {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: event!.id,
        ce_type: 'io.plimsoll.ReleaseComposed.v1',
        ce_source: '/plimsoll/planning',
        ce_subject: 'release-1',
        ce_time: '2026-03-02T10:00:00.000Z',
        ce_streamrevision: '0',
        ce_correlationid: 'correlation',
        ce_causationid: 'causation',
      },
    });
    expect(JSON.parse(messages[0]!.value.toString())).toEqual({ version: '1.0 ü' });
  });

  it('writes attributes that the CloudEvents SDK accepts', async () => {
    const messages = await collect('plimsoll.planning.events.v1');
    await append('release-1', 1);
    start();
    await until('it is published', () => messages.length === 1);
    // The SDK reads binary mode from HTTP headers, which are those of Kafka with another prefix.
    const headers = Object.fromEntries(Object.entries(messages[0]!.headers).map(([name, value]) => [name.replace(/^ce_/, 'ce-'), value]));
    const event = HTTP.toEvent({ headers, body: messages[0]!.value.toString() });
    expect(event).toMatchObject({
      type: 'io.plimsoll.TestHappened.v1',
      source: '/plimsoll/planning',
      subject: 'release-1',
      data: { n: 0 },
    });
  });

  it('keeps the order of each stream, and resumes where it stopped', async () => {
    const messages = await collect('plimsoll.planning.events.v1');
    const approvals = await collect('plimsoll.governance.events.v1');
    for (let n = 0; n < 5; n++) for (const stream of ['release-1', 'approval-1', 'release-2']) await append(stream, 2);
    const first = start({ subscription: { batchSize: 4 } });
    await published(29n);
    await first.stop();
    await append('release-1', 3);
    const second = start();
    await published(32n);
    expect(revisions(messages, 'release-1')).toEqual([...Array(13).keys()]);
    expect(revisions(messages, 'release-2')).toEqual([...Array(10).keys()]);
    expect(revisions(approvals, 'approval-1')).toEqual([...Array(10).keys()]);
    expect([first, second].map(({ publisher }) => publisher.counts())).toEqual([
      { published: 30, skipped: 0 },
      { published: 3, skipped: 0 },
    ]);
  });

  it('keeps events without an area inside, counts them, and moves on', async () => {
    const messages = await collect('plimsoll.planning.events.v1');
    await append('secret-1', 2);
    await append('release-1', 1);
    const { publisher } = start();
    await published(2n);
    expect(messages.map((m) => m.key)).toEqual(['release-1']);
    expect(publisher.counts()).toEqual({ published: 1, skipped: 2 });
  });

  it('moves its checkpoint only when the bus has acknowledged, and waits for a bus that is away', async () => {
    const messages = await collect('plimsoll.planning.events.v1');
    const errors: unknown[] = [];
    let refusals = 3;
    const publish = bus.publish.bind(bus);
    jest.spyOn(bus, 'publish').mockImplementation(async (topic, batch) => {
      if (refusals-- > 0) {
        // Stored, but the acknowledgement is lost: it will be published again.
        if (refusals === 1) await publish(topic, batch);
        expect(await storedPosition(pool, NAME)).toBe(-1n);
        throw new MessageBusUnavailable('away');
      }
      await publish(topic, batch);
    });
    await append('release-1', 3);
    start({ subscription: { onError: (error) => errors.push(error) } });
    await published(2n);
    await until('all are there', () => messages.length >= 6);
    expect(errors.map((error) => (error as Error).message)).toEqual(['away', 'away', 'away']);
    expect(firstTimes(revisions(messages, 'release-1'))).toEqual([0, 1, 2]);
  });

  it('stops itself at an event that the bus will never take, and says which', async () => {
    const publish = bus.publish.bind(bus);
    jest.spyOn(bus, 'publish').mockImplementation(async (topic, batch) => {
      if (batch.some((message) => message.headers.ce_streamrevision === '1')) throw new MessageRefused(topic, 'too large');
      await publish(topic, batch);
    });
    const messages = await collect('plimsoll.planning.events.v1');
    const registry = new SubscriptionRegistry();
    await append('release-1', 3);
    start({ subscription: { registry } });
    await until('it has failed', () => registry.get(NAME)?.state === 'failed');
    expect(registry.get(NAME)?.failure).toMatchObject({ stream: 'release-1', revision: 1 });
    expect(firstTimes(revisions(messages, 'release-1'))).toEqual([0]);
    expect(await storedPosition(pool, NAME)).toBe(0n);
  });

  it('publishes once where two processes run it', async () => {
    const messages = await collect('plimsoll.planning.events.v1');
    start();
    start();
    for (let n = 0; n < 20; n++) await append('release-1', 1);
    await published(19n);
    await until('all are there', () => messages.length >= 20);
    expect(revisions(messages, 'release-1')).toEqual([...Array(20).keys()]);
  });

  it('publishes events in the schema version of today where it is told how', async () => {
    const messages = await collect('plimsoll.planning.events.v1');
    const codec = new EventCodec({ TestHappened: { version: 2, upcasters: { 1: (data) => ({ ...(data as object), lifted: true }) } } });
    await append('release-1', 1);
    start({ codec });
    await until('it is published', () => messages.length === 1);
    expect(messages[0]!.headers.ce_type).toBe('io.plimsoll.TestHappened.v2');
    expect(JSON.parse(messages[0]!.value.toString())).toEqual({ n: 0, lifted: true });
  });
});
