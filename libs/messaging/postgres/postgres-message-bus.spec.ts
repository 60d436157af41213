import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { MessageBusUnavailable, type ReceivedMessage } from '#libs/messaging';
import { firstTimes, messageBusContract, numbered, numbersOf, startHangingConsumer, until } from '#libs/messaging/testing';
import { freshDatabase, type FreshDatabase } from '../../../test/support/database.ts';
import { PostgresMessageBus, type PostgresMessageBusOptions } from './postgres-message-bus.ts';

jest.setTimeout(30_000);

let database: FreshDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url, max: 30 });
  pool.on('error', () => undefined);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

describe('the message bus in Postgres', () => {
  const buses: PostgresMessageBus[] = [];
  const open = (options: Partial<PostgresMessageBusOptions> = {}): PostgresMessageBus => {
    const bus = new PostgresMessageBus({ pool, leaseMs: 2_000, ...options });
    buses.push(bus);
    return bus;
  };
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.close()));
  });

  messageBusContract({
    open,
    startHangingProcess: (topic, group) => startHangingConsumer('postgres', database.url, topic, group),
  });

  it('does not let a consumer that lost its partition commit over its successor', async () => {
    const [topic, group] = [`fence.${randomUUID()}`, randomUUID()];
    const frozen = new Pool({ connectionString: database.url });
    const held: (() => void)[] = [];
    const seen: ReceivedMessage[] = [];
    await open({ partitions: 1 }).publish(topic, [numbered(1), numbered(2), numbered(3)]);
    const old = await open({ pool: frozen }).consume({
      topics: [topic],
      group,
      handler: () => new Promise<void>((resolve) => held.push(resolve)),
    });
    await until('the first is in hand', () => held.length === 1);
    // As if the process stood still for longer than its lease.
    const standstill = jest.spyOn(frozen, 'query').mockImplementation(() => Promise.reject(new Error('frozen')));
    await open().consume({ topics: [topic], group, handler: async (message) => void seen.push(message) });
    await until('a successor has handled all', async () => (await nextOffset(group)) === '3');
    standstill.mockRestore();
    held[0]!();
    await old.stop();
    expect(numbersOf(seen)).toEqual([1, 2, 3]);
    expect(held).toHaveLength(1);
    expect(await nextOffset(group)).toBe('3');
    await Promise.all(buses.splice(0).map((bus) => bus.close()));
    await frozen.end();
  }, 20_000);

  it('goes on by itself after its connections were cut, and loses nothing acknowledged', async () => {
    const [topic, group] = [`cut.${randomUUID()}`, randomUUID()];
    const seen: ReceivedMessage[] = [];
    const bus = open();
    await bus.consume({ topics: [topic], group, handler: async (message) => void seen.push(message) });
    let acknowledged = -1;
    for (let n = 0; n < 60; n++) {
      if (n % 20 === 10)
        await pool.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        );
      await until('it is published', () =>
        bus.publish(topic, [numbered(n)]).then(
          () => true,
          (error: unknown) => !(error instanceof MessageBusUnavailable),
        ),
      );
      acknowledged = n;
    }
    await until('all are consumed', () => numbersOf(seen).includes(acknowledged));
    expect(firstTimes(numbersOf(seen))).toEqual([...Array(60).keys()]);
  });

  it('wakes consumers at once, long before they would look by themselves', async () => {
    const topic = `wake.${randomUUID()}`;
    const seen: ReceivedMessage[] = [];
    const bus = open({ pollMs: 600_000 });
    await bus.consume({ topics: [topic], group: randomUUID(), handler: async (message) => void seen.push(message) });
    for (let n = 0; n < 5; n++) {
      await bus.publish(topic, [numbered(n)]);
      await until('it is there', () => seen.length === n + 1, 10_000);
    }
  });

  it('finds messages without being woken, where notifications get lost', async () => {
    const topic = `deaf.${randomUUID()}`;
    const seen: ReceivedMessage[] = [];
    const bus = open({ pollMs: 50 });
    await bus.publish(topic, [numbered(0)]);
    await bus.consume({ topics: [topic], group: randomUUID(), handler: async (message) => void seen.push(message) });
    await until('the first is there', () => seen.length === 1);
    await pool.query(
      `insert into messaging.messages (topic, partition, "offset", key, value, headers)
      select topic, partition, "offset" + 1, key, value, headers from messaging.messages where topic = $1`,
      [topic],
    );
    await until('the second is there', () => seen.length === 2);
  });

  it('goes on consuming where the database was away at the start', async () => {
    const topic = `late.${randomUUID()}`;
    const nowhere = new Pool({ host: '127.0.0.1', port: 1 });
    const errors: unknown[] = [];
    const bus = new PostgresMessageBus({ pool: nowhere });
    const consumption = await bus.consume({
      topics: [topic],
      group: 'g',
      handler: async () => undefined,
      onError: (error) => errors.push(error),
    });
    expect(errors.length).toBeGreaterThan(0);
    await expect(bus.publish(topic, [numbered(1)])).rejects.toThrow(MessageBusUnavailable);
    await consumption.stop();
    await bus.close();
    await nowhere.end();
  });

  it('deletes old messages that every group has handled, and no others', async () => {
    const [topic, group] = [`prune.${randomUUID()}`, randomUUID()];
    const bus = open({ partitions: 1 });
    const seen: ReceivedMessage[] = [];
    const consumption = await bus.consume({ topics: [topic], group, handler: async (message) => void seen.push(message) });
    await bus.publish(topic, [numbered(1), numbered(2)]);
    await until('both are handled', async () => (await nextOffset(group)) === '2');
    await consumption.stop();
    await bus.publish(topic, [numbered(3)]);
    const kept = async (): Promise<string[]> =>
      (await pool.query<{ offset: string }>('select "offset" from messaging.messages where topic = $1 order by 1', [topic])).rows.map(
        (row) => row.offset,
      );
    await bus.prune(new Date(Date.now() - 60_000));
    expect(await kept()).toEqual(['0', '1', '2']);
    await bus.prune(new Date(Date.now() + 60_000));
    expect(await kept()).toEqual(['2']);
    await bus.consume({ topics: [topic], group, handler: async (message) => void seen.push(message) });
    await until('the third is handled', () => seen.length === 3);
    expect(numbersOf(seen)).toEqual([1, 2, 3]);
  });
});

async function nextOffset(group: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ next_offset: string }>('select next_offset from messaging.group_offsets where group_name = $1', [
    group,
  ]);
  return rows[0]?.next_offset;
}
