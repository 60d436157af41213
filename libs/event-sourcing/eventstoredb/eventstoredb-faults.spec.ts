import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { EventStoreDBClient } from '@eventstore/db-client';
import {
  AppendOutcomeUnknown,
  BEFORE_ALL,
  EventLogUnavailable,
  EventsMissing,
  NO_STREAM,
  UnserialisableEvent,
  WrongExpectedRevision,
  type StoredEvent,
} from '#libs/event-sourcing';
import { take, testEvent } from '#libs/event-sourcing/testing';
import { EventStoreTestServer } from '../../../test/support/eventstore/index.ts';
import { EventStoreDbEventLog, type EventStoreDbOptions } from './index.ts';
import { shareClient } from './shared-client.ts';

let server: EventStoreTestServer;
let log: EventStoreDbEventLog;
let alarms: string[];
let opened: { close(): Promise<void> }[];
let servers: EventStoreTestServer[];

beforeEach(async () => {
  alarms = [];
  opened = [];
  servers = [];
  server = await startServer();
  log = open();
});

afterEach(async () => {
  for (const one of servers) one.faults.release();
  await Promise.all(opened.map((one) => one.close()));
  for (const one of servers) one.stop();
});

async function startServer(options: Parameters<typeof EventStoreTestServer.start>[0] = {}): Promise<EventStoreTestServer> {
  const started = await EventStoreTestServer.start(options);
  servers.push(started);
  return started;
}

function open(options: Partial<EventStoreDbOptions> = {}): EventStoreDbEventLog {
  const connectionString = options.connectionString ?? server.connectionString;
  const one = new EventStoreDbEventLog({ onAlarm: (message) => alarms.push(message), ...options, connectionString });
  opened.push(one);
  return one;
}

/** Another program on the same server, e.g. an operator's. */
function foreignClient(): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(server.connectionString);
  opened.push({ close: () => client.dispose() });
  return client;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const stream = (): string => `fault-${randomUUID()}`;
const numbers = (events: readonly StoredEvent[]): number[] => events.map((event) => (event.data as { n: number }).n);

describe('appending while the server fails', () => {
  it('stores an append once and answers it when the first answer is lost after the commit', async () => {
    const s = stream();
    server.faults.loseReplies = 1;
    expect((await log.append(s, NO_STREAM, [testEvent(0), testEvent(1)])).revision).toBe(1);
    expect(server.calls.append).toBe(2);
    expect((await log.readStream(s)).revision).toBe(1);
  });

  it('still tells a conflict from a repeat when the answer to the loser is lost', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0)]);
    server.faults.loseReplies = 1;
    await expect(log.append(s, NO_STREAM, [testEvent(1)])).rejects.toBeInstanceOf(WrongExpectedRevision);
  });

  it('says in time that it does not know when no answer comes, and a repeat finds out', async () => {
    const s = stream();
    const events = [testEvent(0)];
    const hasty = open({ appendTimeoutMs: 200 });
    server.faults.holdAppends = true;
    await expect(hasty.append(s, NO_STREAM, events)).rejects.toBeInstanceOf(AppendOutcomeUnknown);
    server.faults.release();
    expect(await log.append(s, NO_STREAM, events)).toMatchObject({ revision: 0 });
    expect((await log.readStream(s)).events).toHaveLength(1);
  });

  it('retries an append that a starting node refuses', async () => {
    server.faults.unavailableCalls = 3;
    expect(await log.append(stream(), NO_STREAM, [testEvent(0)])).toMatchObject({ revision: 0 });
    expect(server.calls.append).toBe(4);
  });

  it('does not know the outcome when the server stays unavailable', async () => {
    server.faults.unavailable = true;
    await expect(open({ appendTimeoutMs: 200 }).append(stream(), NO_STREAM, [testEvent(0)])).rejects.toBeInstanceOf(AppendOutcomeUnknown);
  });

  it('goes on when the server comes back after a kill', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0)]);
    server.stop();
    const appending = log.append(s, 0, [testEvent(1)]);
    await startServer({ log: server.log, port: server.port });
    expect(await appending).toMatchObject({ revision: 1 });
  });

  it('finds the leader when it is connected to a follower, for appends and for reads', async () => {
    const s = stream();
    const follower = await startServer();
    follower.faults.leader = { address: '127.0.0.1', port: server.port };
    const astray = open({ connectionString: follower.connectionString });
    expect(await astray.append(s, NO_STREAM, [testEvent(0)])).toMatchObject({ revision: 0 });
    expect(follower.log.all).toHaveLength(0);
    expect(server.log.all).toHaveLength(1);

    const other = await startServer();
    other.faults.leader = { address: '127.0.0.1', port: server.port };
    expect((await open({ connectionString: other.connectionString }).readStream(s)).revision).toBe(0);
  });

  it('finds the leader of a cluster by gossip', async () => {
    const follower = await startServer();
    follower.members = [
      { address: '127.0.0.1', port: follower.port, state: 'follower' },
      { address: '127.0.0.1', port: server.port, state: 'leader' },
    ];
    const cluster = open({ connectionString: `esdb://127.0.0.1:${follower.port},127.0.0.1:${follower.port}?tls=false` });
    await cluster.append(stream(), NO_STREAM, [testEvent(0)]);
    expect(server.log.all).toHaveLength(1);
  });

  it('is certain that nothing was stored when there was no leader all the time', async () => {
    server.faults.leader = { address: '127.0.0.1', port: server.port };
    await expect(open({ appendTimeoutMs: 500 }).append(stream(), NO_STREAM, [testEvent(0)])).rejects.toBeInstanceOf(EventLogUnavailable);
    expect(server.log.all).toHaveLength(0);
  });

  it('lets an append in flight be while a subscription of the same connection breaks', async () => {
    const stop = new AbortController();
    const errors: unknown[] = [];
    const reading = (async () => {
      for await (const batch of log.subscribe({ after: BEFORE_ALL, signal: stop.signal, onInterruption: (error) => errors.push(error) }))
        void batch;
    })();
    await until(() => server.faults.openReadCount === 1, 'the subscription is open');
    server.faults.holdAppends = true;
    const appending = log.append(stream(), NO_STREAM, [testEvent(0)]);
    await until(() => server.calls.append === 1, 'the append is in flight');
    server.faults.dropReads();
    await until(() => errors.length === 1, 'the subscription is interrupted');
    server.faults.release();
    expect(await appending).toMatchObject({ revision: 0 });
    stop.abort();
    await reading;
  });

  it('never uses the batch call, whose failure would reject the appends of others', async () => {
    await Promise.all(Array.from({ length: 10 }, () => log.append(stream(), NO_STREAM, [testEvent(0)])));
    expect(server.calls).toMatchObject({ append: 10, batchAppend: 0 });
  });

  it('refuses what is not JSON before the server hears of it', async () => {
    await expect(log.append(stream(), NO_STREAM, [testEvent(0, { data: { n: 1n } })])).rejects.toBeInstanceOf(UnserialisableEvent);
    expect(server.calls.append).toBe(0);
  });

  it("refuses the names of the system's own streams and events, which no reader would be shown", async () => {
    await expect(log.append('$ours', NO_STREAM, [testEvent(0)])).rejects.toThrow('can not be named "$ours"');
    await expect(log.append(stream(), NO_STREAM, [testEvent(0, { type: '$ours' })])).rejects.toThrow('can not be of type "$ours"');
  });

  it('checks the revision also when there is nothing to append', async () => {
    const s = stream();
    expect(await log.append(s, NO_STREAM, [])).toEqual({ revision: NO_STREAM, position: BEFORE_ALL });
    const { position } = await log.append(s, NO_STREAM, [testEvent(0)]);
    expect(await log.append(s, 0, [])).toEqual({ revision: 0, position });
    await expect(log.append(s, NO_STREAM, [])).rejects.toBeInstanceOf(WrongExpectedRevision);
  });
});

describe('reading while the server fails', () => {
  it('asks once for a whole stream and once for an absent one', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0), testEvent(1)]);
    await log.readStream(s);
    await log.readStream(stream());
    expect(server.calls.read).toBe(2);
  });

  it('retries a read that breaks off or is refused', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0)]);
    server.faults.unavailableCalls = 2;
    expect((await log.readStream(s)).revision).toBe(0);
    server.faults.unavailableCalls = 2;
    expect(await log.readAll({ after: BEFORE_ALL, maxCount: 10 })).toHaveLength(1);
    server.faults.unavailableCalls = 2;
    expect(await log.head()).toBeGreaterThan(BEFORE_ALL);
  });

  it('says that the log is unavailable when the server stays so, or says nothing', async () => {
    const hasty = open({ readTimeoutMs: 200 });
    server.faults.unavailable = true;
    await expect(hasty.readStream(stream())).rejects.toBeInstanceOf(EventLogUnavailable);
    server.faults.unavailable = false;
    server.faults.silentReads = true;
    await expect(hasty.readAll({ after: BEFORE_ALL, maxCount: 1 })).rejects.toBeInstanceOf(EventLogUnavailable);
    server.faults.silentReads = false;
    expect(await hasty.head()).toBe(BEFORE_ALL);
  });
});

describe('searching for a cluster that is away', () => {
  it('outlives the search, which fails long after the read was given up', async () => {
    const connectionString = 'esdb://127.0.0.1:1,127.0.0.1:1?tls=false&maxDiscoverAttempts=5&discoveryInterval=100';
    const hasty = open({ connectionString, readTimeoutMs: 100, appendTimeoutMs: 100 });
    const { client, release } = shareClient(connectionString);
    const uncaught: unknown[] = [];
    const onUncaught = (reason: unknown): void => void uncaught.push(reason);
    process.on('unhandledRejection', onUncaught);
    opened.push({ close: release }, { close: async () => void process.off('unhandledRejection', onUncaught) });
    const search = client.setStreamMetadata('s', {});
    const outcomes = Promise.allSettled([hasty.readStream(stream()), hasty.append(stream(), NO_STREAM, [testEvent(0)])]);
    await expect(search).rejects.toThrow('Failed to discover');
    const [read, append] = await outcomes;
    expect(read).toMatchObject({ reason: expect.any(EventLogUnavailable) });
    expect(append).toMatchObject({ reason: expect.any(AppendOutcomeUnknown) });
    await new Promise((resolve) => setImmediate(resolve));
    expect(uncaught).toEqual([]);
  });
});

describe('a subscription that breaks', () => {
  async function appended(count: number): Promise<string> {
    const s = stream();
    await log.append(
      s,
      NO_STREAM,
      Array.from({ length: count }, (_, n) => testEvent(n)),
    );
    return s;
  }

  it('goes on behind the last processed event and drops what it had buffered', async () => {
    const s = await appended(2);
    const errors: unknown[] = [];
    const batches: number[][] = [];
    const stop = new AbortController();
    const options = { after: BEFORE_ALL, signal: stop.signal, onInterruption: (error: unknown) => errors.push(error) };
    for await (const batch of log.subscribe(options)) {
      batches.push(numbers(batch));
      if (batches.length === 1) {
        const more = [2, 3, 4, 5, 6].map((n) => testEvent(n));
        await log.append(s, 1, more);
        await until(() => server.faults.responsesWritten === 9, 'everything is under way to the client');
        server.faults.dropReads();
        await log.readStream('an answer that comes after the error');
      }
      if (batches.flat().length >= 7) break;
    }
    stop.abort();
    expect(batches.flat()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(errors).toHaveLength(1);
    const unprocessed = 7 - batches[0]!.length;
    // Over the wire: confirmation, seven events, "caught up"; the answer; confirmation, and once more what was not processed.
    expect(server.faults.responsesWritten).toBeGreaterThanOrEqual(9 + 1 + 1 + unprocessed);
  });

  it('brings a batch again to the next subscriber when its processing failed', async () => {
    await appended(3);
    const failing = async (): Promise<void> => {
      for await (const batch of log.subscribe({ after: BEFORE_ALL, signal: new AbortController().signal })) {
        throw new Error(`can't process ${batch.length}`);
      }
    };
    await expect(failing()).rejects.toThrow("can't process");
    await until(() => server.faults.openReadCount === 0, 'the failed subscription is ended at the server too');
    expect(numbers(await take(log, BEFORE_ALL, 3))).toEqual([0, 1, 2]);
  });

  it.each([
    ['is dropped again and again', () => server.faults.dropReads()],
    ['is ended in an orderly way', () => server.faults.endReads()],
  ])('comes back when it %s, and misses and repeats nothing', async (_, interrupt) => {
    const s = await appended(2);
    const taken: number[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const batch of log.subscribe({ after: BEFORE_ALL, signal: stop.signal })) taken.push(...numbers(batch));
    })();
    for (let n = 2; n < 6; n++) {
      await until(() => taken.length === n && server.faults.openReadCount === 1, `${n} events came`);
      interrupt();
      await log.append(s, n - 1, [testEvent(n)]);
    }
    await until(() => taken.length === 6, 'all events came');
    stop.abort();
    await reading;
    expect(taken).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('comes back when the server was killed and is started again', async () => {
    const s = await appended(2);
    const taken: number[] = [];
    const errors: unknown[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      const options = { after: BEFORE_ALL, signal: stop.signal, onInterruption: (error: unknown) => errors.push(error) };
      for await (const batch of log.subscribe(options)) taken.push(...numbers(batch));
    })();
    await until(() => taken.length === 2, 'the history came');
    server.stop();
    await until(() => errors.length > 1, 'it was tried in vain');
    await startServer({ log: server.log, port: server.port });
    await log.append(s, 1, [testEvent(2)]);
    await until(() => taken.length === 3, 'the new event came');
    stop.abort();
    await reading;
    expect(taken).toEqual([0, 1, 2]);
  });

  it('ends without an error while it waits for a server that is away', async () => {
    server.faults.unavailable = true;
    const stop = new AbortController();
    const errors: unknown[] = [];
    const reading = (async () => {
      for await (const batch of log.subscribe({ after: BEFORE_ALL, signal: stop.signal, onInterruption: (error) => errors.push(error) }))
        void batch;
      return 'ended';
    })();
    await until(() => errors.length > 0, 'it was interrupted');
    stop.abort();
    await expect(reading).resolves.toBe('ended');
  });

  it('holds the server back while its consumer is slow', async () => {
    const data = Buffer.from(JSON.stringify('x'.repeat(1000)));
    const metadata = Buffer.from('{}');
    for (let n = 0; n < 50; n++) {
      const events = Array.from({ length: 100 }, () => ({
        id: randomUUID(),
        type: 'Large',
        contentType: 'application/json',
        data,
        metadata,
      }));
      server.log.append(`large-${n}`, 'no_stream', events);
    }
    let received = 0;
    const stop = new AbortController();
    for await (const batch of log.subscribe({ after: BEFORE_ALL, batchSize: 10, signal: stop.signal })) {
      if (received === 0) {
        let written = -1;
        let unchanged = 0;
        await until(() => {
          unchanged = written === server.faults.responsesWritten ? unchanged + 1 : 0;
          written = server.faults.responsesWritten;
          return unchanged > 40;
        }, 'the server stops writing');
        expect(server.faults.responsesWritten).toBeLessThan(2500);
      }
      received += batch.length;
      if (received === 5000) stop.abort();
    }
    expect(received).toBe(5000);
  });
});

describe("the system's own events", () => {
  function systemEvents(count: number): void {
    const event = () => ({
      id: randomUUID(),
      type: '$statsCollected',
      contentType: 'application/json',
      data: Buffer.from('{}'),
      metadata: Buffer.from(''),
    });
    server.log.append('$stats-127.0.0.1:2113', 'any', Array.from({ length: count }, event));
    server.log.append('$projections-$all', 'any', [{ ...event(), type: 'NotOurs' }]);
  }

  it('are passed over by reads and subscriptions, however many there are', async () => {
    const s = stream();
    systemEvents(1000);
    const first = await log.append(s, NO_STREAM, [testEvent(0)]);
    systemEvents(1000);
    await log.append(s, 0, [testEvent(1)]);
    systemEvents(1000);
    expect(numbers(await log.readAll({ after: BEFORE_ALL, maxCount: 1 }))).toEqual([0]);
    expect(numbers(await log.readAll({ after: first.position, maxCount: 5 }))).toEqual([1]);
    expect(numbers(await take(log, BEFORE_ALL, 2))).toEqual([0, 1]);
  });

  it('do not move the head, so that a view can reach it', async () => {
    systemEvents(100);
    expect(await log.head()).toBe(BEFORE_ALL);
    const { position } = await log.append(stream(), NO_STREAM, [testEvent(0)]);
    systemEvents(100);
    expect(await log.head()).toBe(position);
    systemEvents(100);
    expect(await log.head()).toBe(position);
    const next = await log.append(stream(), NO_STREAM, [testEvent(1)]);
    expect(await log.head()).toBe(next.position);
  });

  it('raise no alarm', async () => {
    systemEvents(1);
    await foreignClient().setStreamMetadata('$stats-127.0.0.1:2113', { maxCount: 10 });
    await log.append(stream(), NO_STREAM, [testEvent(0)]);
    await take(log, BEFORE_ALL, 1);
    await log.readAll({ after: BEFORE_ALL, maxCount: 1000 });
    expect(alarms).toEqual([]);
  });
});

describe('tampering with stored events', () => {
  it('raises one alarm when metadata is written for a stream, however many readers see it', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0), testEvent(1)]);
    await foreignClient().setStreamMetadata(s, { maxCount: 1 });
    await log.append(stream(), NO_STREAM, [testEvent(2)]);
    expect(numbers(await take(log, BEFORE_ALL, 3))).toEqual([0, 1, 2]);
    await take(log, BEFORE_ALL, 3);
    await log.readAll({ after: BEFORE_ALL, maxCount: 1000 });
    expect(alarms).toEqual([`Stream metadata {"$maxCount":1} was written for ${s}: it may hide or remove events.`]);
  });

  it('raises an alarm at once for a subscription that waits', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0)]);
    const stop = new AbortController();
    const reading = (async () => {
      for await (const batch of log.subscribe({ after: BEFORE_ALL, signal: stop.signal })) void batch;
    })();
    await foreignClient().tombstoneStream(s);
    await until(() => alarms.length === 1, 'the alarm is raised');
    stop.abort();
    await reading;
    expect(alarms[0]).toBe(`Stream ${s} was deleted for good.`);
  });

  it('lets nobody read on what is left of a truncated stream', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0), testEvent(1), testEvent(2)]);
    await foreignClient().setStreamMetadata(s, { truncateBefore: 2 });
    await expect(log.readStream(s)).rejects.toBeInstanceOf(EventsMissing);
    expect((await log.readStream(s, { fromRevision: 2 })).events).toHaveLength(1);
    expect(alarms).toEqual([`Stream ${s} lacks the events from revision 0 to 1: it was deleted or truncated.`]);
  });

  it('neither reads nor appends to a stream that was deleted for good', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0)]);
    await foreignClient().tombstoneStream(s);
    await expect(log.readStream(s)).rejects.toBeInstanceOf(EventsMissing);
    await expect(log.append(s, 0, [testEvent(1)])).rejects.toBeInstanceOf(EventsMissing);
    expect(alarms).toEqual([`Stream ${s} was deleted for good.`]);
  });

  it('notices when a deleted stream is begun anew', async () => {
    const s = stream();
    await log.append(s, NO_STREAM, [testEvent(0)]);
    await foreignClient().deleteStream(s);
    expect(await log.append(s, NO_STREAM, [testEvent(1)])).toMatchObject({ revision: 1 });
    expect(alarms).toEqual([`Stream ${s} was deleted before: its events up to revision 0 are gone.`]);
  });
});

describe('connections', () => {
  it('are shared by all logs of a connection string, and last until the last log is closed', async () => {
    const a = shareClient(server.connectionString);
    const b = shareClient(server.connectionString);
    opened.push({ close: () => a.release() }, { close: () => b.release() });
    expect(a.client).toBe(b.client);

    const other = open();
    await other.close();
    await other.close();
    expect(await log.append(stream(), NO_STREAM, [testEvent(0)])).toMatchObject({ revision: 0 });
  });

  it('are closed after the appends in flight, and then nothing works any more', async () => {
    server.faults.holdAppends = true;
    const order: string[] = [];
    const appending = log.append(stream(), NO_STREAM, [testEvent(0)]).finally(() => order.push('appended'));
    await until(() => server.calls.append === 1, 'the append is in flight');
    const closing = log.close().finally(() => order.push('closed'));
    await expect(log.append(stream(), NO_STREAM, [testEvent(0)])).rejects.toBeInstanceOf(EventLogUnavailable);
    await expect(log.readStream(stream())).rejects.toBeInstanceOf(EventLogUnavailable);
    server.faults.release();
    await closing;
    expect(await appending).toMatchObject({ revision: 0 });
    expect(order).toEqual(['appended', 'closed']);
  });

  it('end the subscriptions with them', async () => {
    const reading = (async () => {
      for await (const batch of log.subscribe({ after: BEFORE_ALL, signal: new AbortController().signal })) void batch;
      return 'ended';
    })();
    await until(() => server.faults.openReadCount === 1, 'the subscription is open');
    await log.close();
    await expect(reading).resolves.toBe('ended');
  });

  it('are closed although a stream with something unread in it never says that it has ended', async () => {
    const s = stream();
    await log.append(
      s,
      NO_STREAM,
      Array.from({ length: 200 }, (_, n) => testEvent(n)),
    );
    const { client, release } = shareClient(server.connectionString);
    const unread = client.readStream(s);
    unread.on('error', () => undefined);
    await once(unread, 'readable');
    // The client asks every stream that it knows when it has ended: this one has, and nobody has heard it.
    const known = client as unknown as { disposableStreams: Set<unknown> };
    known.disposableStreams.add(new PassThrough({ autoDestroy: false, emitClose: false }));
    await log.close();
    await expect(release().then(() => 'closed')).resolves.toBe('closed');
  });

  it('are refused where the connection string is none, without repeating the password in it', () => {
    const attempt = (): unknown => open({ connectionString: 'http://admin:s3cret@127.0.0.1:2113' });
    expect(attempt).toThrow('can not be read');
    expect(attempt).not.toThrow('s3cret');
  });

  it('are refused where the connection string would hide refused appends', () => {
    expect(() => open({ connectionString: `${server.connectionString}&throwOnAppendFailure=false` })).toThrow('throwOnAppendFailure');
  });
});
