import { once } from 'node:events';
import {
  binaryEvent,
  EventStoreDBClient,
  eventTypeFilter,
  excludeSystemEvents,
  jsonEvent,
  MaxAppendSizeExceededError,
  NotLeaderError,
  StreamDeletedError,
  StreamNotFoundError,
  streamNameFilter,
  UnavailableError,
  WrongExpectedVersionError,
  type AppendExpectedRevision,
} from '@eventstore/db-client';
import { EventStoreTestServer } from './index.ts';

/** The test server, as the unmodified client finds it. */
describe('the EventStoreDB test server', () => {
  let server: EventStoreTestServer;
  let client: EventStoreDBClient;

  beforeEach(async () => {
    server = await EventStoreTestServer.start();
    client = EventStoreDBClient.connectionString(server.connectionString);
  });
  afterEach(async () => {
    await client.dispose();
    server.stop();
  });

  const event = (n: number) => jsonEvent({ type: n % 2 ? 'Odd' : 'Even', data: { n }, metadata: { note: `m${n}` } });
  const credentials = { username: 'any', password: 'any' };
  /** With credentials the client appends by `Append`, without by `BatchAppend`. */
  const calls = [
    ['Append', { credentials }],
    ['BatchAppend', {}],
  ] as const;

  interface Read {
    readonly event?: {
      readonly id: string;
      readonly type: string;
      readonly revision: bigint;
      readonly data: unknown;
      readonly metadata: unknown;
    };
  }
  async function collect(read: AsyncIterable<unknown>): Promise<NonNullable<Read['event']>[]> {
    const events = [];
    for await (const resolved of read) events.push((resolved as Read).event!);
    return events;
  }
  const numbers = (events: readonly { data: unknown }[]): number[] => events.map(({ data }) => (data as { n: number }).n);

  async function until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 5000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error('Waited in vain.');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  describe.each(calls)('%s', (_, how) => {
    const append = (
      stream: string,
      events: Parameters<EventStoreDBClient['appendToStream']>[1],
      expectedRevision?: AppendExpectedRevision,
    ) => client.appendToStream(stream, events, { ...how, ...(expectedRevision === undefined ? {} : { expectedRevision }) });

    it('appends at the expected revision and answers with the next one and the position', async () => {
      const first = await append('s', [event(0), event(1)], 'no_stream');
      expect(first.nextExpectedRevision).toBe(1n);
      const second = await append('s', event(2), 1n);
      expect(second.nextExpectedRevision).toBe(2n);
      expect(second.position!.commit).toBeGreaterThan(first.position!.commit);
    });

    it('refuses another revision and says which there is', async () => {
      await append('s', [event(0), event(1)], 'no_stream');
      await expect(append('s', event(2), 0n)).rejects.toMatchObject({ expectedVersion: 0n, actualVersion: 1n });
      await expect(append('s', event(2), 'no_stream')).rejects.toMatchObject({ expectedVersion: 'no_stream', actualVersion: 1n });
      await expect(append('none', event(2), 'stream_exists')).rejects.toBeInstanceOf(WrongExpectedVersionError);
      await expect(append('none', event(2), 5n)).rejects.toMatchObject({ actualVersion: 'no_stream' });
    });

    it('takes a repeat for the append it repeats', async () => {
      const events = [event(0), event(1)];
      const first = await append('s', events, 'no_stream');
      await append('s', event(2), 1n);
      expect(await append('s', events, 'no_stream')).toEqual(first);
      expect(await append('s', events)).toEqual(first);
      expect(await collect(client.readStream('s'))).toHaveLength(3);
    });

    it('refuses too large an append and a deleted stream', async () => {
      const large = binaryEvent({ type: 'Large', data: new Uint8Array(1100 * 1024) });
      await expect(append('s', large)).rejects.toMatchObject({ maxAppendSize: 1048576 });
      await expect(append('s', large)).rejects.toBeInstanceOf(MaxAppendSizeExceededError);
      await append('s', event(0));
      await client.tombstoneStream('s');
      await expect(append('s', event(1))).rejects.toBeInstanceOf(StreamDeletedError);
    });

    it('loses an answer after the commit when told to', async () => {
      server.faults.loseReplies = 1;
      await expect(append('s', event(0), 'no_stream')).rejects.toBeInstanceOf(UnavailableError);
      expect(server.log.stream('s').events).toHaveLength(1);
    });

    it('holds an append until it is told to go on', async () => {
      server.faults.holdAppends = true;
      const appending = append('s', event(0));
      await until(() => server.calls.append + server.calls.batchAppend === 1);
      expect(server.log.all).toHaveLength(0);
      // The call's messages may still be under way: release until the append is through.
      const releasing = setInterval(() => server.faults.release(), 5);
      expect((await appending).success).toBe(true);
      clearInterval(releasing);
    });
  });

  it('reads a stream in both directions, from a revision, so many events', async () => {
    await client.appendToStream('s', [0, 1, 2].map(event));
    expect(numbers(await collect(client.readStream('s')))).toEqual([0, 1, 2]);
    expect(numbers(await collect(client.readStream('s', { direction: 'backwards', fromRevision: 'end', maxCount: 2 })))).toEqual([2, 1]);
    expect(numbers(await collect(client.readStream('s', { direction: 'backwards', fromRevision: 1n })))).toEqual([1, 0]);
    const [second] = await collect(client.readStream('s', { fromRevision: 1n }));
    expect(second).toMatchObject({ revision: 1n, type: 'Odd', data: { n: 1 }, metadata: { note: 'm1' } });
    await expect(collect(client.readStream('absent'))).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it('reads all events from a position, which it includes forwards and excludes backwards', async () => {
    const { position } = await client.appendToStream('a', event(0));
    await client.appendToStream('b', event(1));
    expect(numbers(await collect(client.readAll()))).toEqual([0, 1]);
    expect(numbers(await collect(client.readAll({ fromPosition: position! })))).toEqual([0, 1]);
    expect(numbers(await collect(client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 })))).toEqual([1]);
    expect(await collect(client.readAll({ direction: 'backwards', fromPosition: position! }))).toEqual([]);
  });

  it('hides events by metadata at once and keeps them in $all', async () => {
    await client.appendToStream('s', [0, 1, 2, 3].map(event));
    await client.setStreamMetadata('s', { maxCount: 2 });
    expect(numbers(await collect(client.readStream('s')))).toEqual([2, 3]);
    expect((await client.getStreamMetadata('s')).metadata).toMatchObject({ maxCount: 2 });
    await client.setStreamMetadata('s', { truncateBefore: 3 });
    expect(numbers(await collect(client.readStream('s')))).toEqual([3]);
    expect((await collect(client.readAll())).filter(({ type }) => type !== '$metadata')).toHaveLength(4);
  });

  it('goes on with the revisions of a deleted stream, and never with a tombstoned one', async () => {
    await client.appendToStream('s', event(0));
    await expect(client.deleteStream('s', { expectedRevision: 7n })).rejects.toBeInstanceOf(WrongExpectedVersionError);
    await client.deleteStream('s');
    await expect(collect(client.readStream('s'))).rejects.toBeInstanceOf(StreamNotFoundError);
    expect((await client.appendToStream('s', event(1), { expectedRevision: 'no_stream' })).nextExpectedRevision).toBe(1n);
    await client.tombstoneStream('s');
    await expect(collect(client.readStream('s'))).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(client.tombstoneStream('s')).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('subscribes by stream and by type: history, checkpoints, "caught up", then what comes', async () => {
    await client.appendToStream('order-1', [0, 1, 2].map(event));
    let checkpoints = 0;
    const filter = streamNameFilter({
      prefixes: ['order-'],
      maxSearchWindow: 2,
      checkpointInterval: 1,
      checkpointReached: async () => void checkpoints++,
    });
    const orders = client.subscribeToAll({ filter });
    const taken: number[] = [];
    orders.on('data', (resolved) => taken.push(...numbers([resolved.event!])));
    await once(orders, 'caughtUp');
    expect(taken).toEqual([0, 1, 2]);
    await client.appendToStream('other-1', event(3));
    await client.appendToStream('order-2', event(4));
    await until(() => taken.length === 4);
    expect(taken.at(-1)).toBe(4);
    expect(checkpoints).toBeGreaterThan(0);
    await orders.unsubscribe();

    const odd = client.subscribeToAll({ filter: eventTypeFilter({ regex: '^Odd$' }) });
    const types = new Set<string>();
    odd.on('data', (resolved) => types.add(resolved.event!.type));
    await once(odd, 'caughtUp');
    expect([...types]).toEqual(['Odd']);
    await odd.unsubscribe();
  });

  it('leaves the system out where it is asked to', async () => {
    await client.appendToStream('s', event(0));
    await client.setStreamMetadata('s', { maxCount: 9 });
    const subscription = client.subscribeToAll({ filter: excludeSystemEvents() });
    const types: string[] = [];
    subscription.on('data', (resolved) => types.push(resolved.event!.type));
    await once(subscription, 'caughtUp');
    expect(types).toEqual(['Even']);
    await subscription.unsubscribe();
  });

  it('subscribes to one stream behind a revision', async () => {
    await client.appendToStream('s', [0, 1, 2].map(event));
    const subscription = client.subscribeToStream('s', { fromRevision: 0n });
    const revisions: bigint[] = [];
    subscription.on('data', (resolved) => revisions.push(resolved.event!.revision));
    await once(subscription, 'caughtUp');
    expect(revisions).toEqual([1n, 2n]);
    await subscription.unsubscribe();
  });

  it('drops subscriptions, which the client leaves at that', async () => {
    const subscription = client.subscribeToAll();
    const taken: unknown[] = [];
    subscription.on('data', (resolved) => taken.push(resolved));
    await once(subscription, 'caughtUp');
    const broken = once(subscription, 'error');
    server.faults.dropReads();
    expect((await broken)[0]).toBeInstanceOf(UnavailableError);
    await client.appendToStream('s', event(0));
    expect(await collect(client.readStream('s'))).toHaveLength(1);
    expect(taken).toEqual([]);
  });

  it('plays a follower, which sends those who want the leader there', async () => {
    const follower = await EventStoreTestServer.start();
    follower.faults.leader = { address: '127.0.0.1', port: server.port };
    const astray = EventStoreDBClient.connectionString(follower.connectionString);
    const refused = astray.appendToStream('s', event(0), { requiresLeader: true });
    await expect(refused).rejects.toBeInstanceOf(NotLeaderError);
    await expect(refused).rejects.toMatchObject({ leader: { address: '127.0.0.1', port: server.port } });
    await astray.appendToStream('s', event(0), { requiresLeader: true });
    expect(server.log.all).toHaveLength(1);
    await astray.dispose();
    follower.stop();
  });

  it('is unavailable for a while when told to', async () => {
    server.faults.unavailableCalls = 1;
    await expect(client.appendToStream('s', event(0), { credentials })).rejects.toBeInstanceOf(UnavailableError);
    expect((await client.appendToStream('s', event(0), { credentials })).success).toBe(true);
  });
});
