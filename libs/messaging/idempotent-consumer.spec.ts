import { Client, Pool } from 'pg';
import {
  deadLetterTopic,
  IdempotentConsumer,
  pruneConsumed,
  Unprocessable,
  type IdempotentConsumerOptions,
  type OutgoingMessage,
  type ReceivedMessage,
} from '#libs/messaging';
import { MemoryMessageBus } from '#libs/messaging/memory';
import { until } from '#libs/messaging/testing';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';

const TOPIC = 'plimsoll.ingest.v1';
const GROUP = 'ingest';
const QUICK = { firstMs: 1, maxMs: 5 };

let database: FreshDatabase;
let pool: Pool;
let bus: MemoryMessageBus;
let consumers: IdempotentConsumer[];
let errors: unknown[];

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url, max: 20 });
  pool.on('error', () => undefined);
  await pool.query('create table written (text text, by_try integer)');
});
beforeEach(async () => {
  await pool.query('truncate written, messaging.consumed, messaging.dead_letters');
  bus = new MemoryMessageBus();
  consumers = [];
  errors = [];
});
afterEach(async () => {
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  await bus.close();
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

function cloudEvent(id: string, value = id, headers: Record<string, string> = {}): OutgoingMessage {
  return { key: 'stream', value, headers: { ce_id: id, ce_source: '/test', ...headers } };
}

async function start(options: Pick<IdempotentConsumerOptions, 'handle'> & Partial<IdempotentConsumerOptions>): Promise<IdempotentConsumer> {
  const consumer = new IdempotentConsumer({
    bus,
    pool,
    group: GROUP,
    topics: [TOPIC],
    backoff: QUICK,
    onError: (error) => errors.push(error),
    ...options,
  });
  consumers.push(consumer);
  await consumer.start();
  return consumer;
}

const writing: IdempotentConsumerOptions['handle'] = {
  transactional: async (message, client) => {
    await client.query('insert into written (text) values ($1)', [message.value.toString()]);
  },
};
const written = async (): Promise<string[]> =>
  (await pool.query<{ text: string }>('select text from written order by ctid')).rows.map((row) => row.text);

/** Fails for messages that say so until it is mended. */
function fragile() {
  const tries: string[] = [];
  const state = { mended: false, tries };
  const handle: IdempotentConsumerOptions['handle'] = {
    transactional: async (message, client) => {
      const text = message.value.toString();
      tries.push(text);
      await client.query('insert into written (text) values ($1)', [text]);
      if (text.startsWith('bad') && !state.mended) throw new Error(`can't read ${text}`);
    },
  };
  return { state, handle };
}

/** Cuts every connection to the database of this spec and allows no new one meanwhile. */
async function whileDatabaseIsAway(work: () => Promise<void>): Promise<void> {
  const name = new URL(database.url).pathname.slice(1);
  const server = new Client({ connectionString: process.env.PLIMSOLL_TEST_SERVER_URL });
  await server.connect();
  try {
    await server.query(`alter database ${name} allow_connections false`);
    await server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
    await work();
  } finally {
    await server.query(`alter database ${name} allow_connections true`);
    await server.end();
  }
}

async function deadLetterCopies(): Promise<ReceivedMessage[]> {
  const copies: ReceivedMessage[] = [];
  await bus.consume({ topics: [deadLetterTopic(TOPIC)], group: 'operator', handler: async (message) => void copies.push(message) });
  return copies;
}

describe('an idempotent consumer', () => {
  it('handles a message once, however often its producer publishes it', async () => {
    const consumer = await start({ handle: writing });
    await bus.publish(TOPIC, [cloudEvent('1'), cloudEvent('1'), cloudEvent('2')]);
    await bus.publish(TOPIC, [cloudEvent('1'), cloudEvent('3')]);
    await until('all are through', () => consumer.counts().handled === 3);
    expect(await written()).toEqual(['1', '2', '3']);
    expect(consumer.counts()).toEqual({ handled: 3, repeated: 2, retried: 0, buried: 0 });
  });

  it('tells the same id from another source apart', async () => {
    const consumer = await start({ handle: writing });
    await bus.publish(TOPIC, [cloudEvent('1', 'one'), cloudEvent('1', 'other', { ce_source: '/other' })]);
    await until('both are through', () => consumer.counts().handled === 2);
    expect(await written()).toEqual(['one', 'other']);
  });

  it('handles messages that are no CloudEvents, each one', async () => {
    const consumer = await start({ handle: writing });
    const plain = { key: 'k', value: 'plain', headers: {} };
    await bus.publish(TOPIC, [plain, plain]);
    await until('both are through', () => consumer.counts().handled === 2);
    expect(await written()).toEqual(['plain', 'plain']);
  });

  it('handles a message once for each group', async () => {
    const [one, two] = [await start({ handle: writing }), await start({ handle: writing, group: 'other' })];
    await bus.publish(TOPIC, [cloudEvent('1')]);
    await until('both groups are through', () => one.counts().handled + two.counts().handled === 2);
    expect(await written()).toEqual(['1', '1']);
  });

  it('keeps what a message wrote and that it was consumed both or neither', async () => {
    const { state, handle } = fragile();
    const consumer = await start({ handle, attempts: 3 });
    await bus.publish(TOPIC, [cloudEvent('1', 'bad'), cloudEvent('2', 'good')]);
    await until('both are settled', () => consumer.counts().buried + consumer.counts().handled === 2);
    expect(state.tries).toEqual(['bad', 'bad', 'bad', 'good']);
    expect(await written()).toEqual(['good']);
    expect((await pool.query('select * from messaging.consumed')).rowCount).toBe(1);
  });

  it('takes a repetition that comes at the same time in another partition as one', async () => {
    const gate: (() => void)[] = [];
    const handle: IdempotentConsumerOptions['handle'] = {
      transactional: async (message, client) => {
        await client.query('insert into written (text) values ($1)', [message.value.toString()]);
        await new Promise<void>((resolve) => gate.push(resolve));
      },
    };
    const consumer = await start({ handle });
    await bus.publish(
      TOPIC,
      ['a', 'b', 'c', 'd'].map((key) => ({ ...cloudEvent('1'), key })),
    );
    await until('one is in hand', () => gate.length > 0);
    gate[0]!();
    await until('all are through', () => consumer.counts().handled + consumer.counts().repeated === 4);
    expect(await written()).toEqual(['1']);
    expect(consumer.counts()).toMatchObject({ handled: 1, repeated: 3 });
  });

  it('does not repeat external effects of a message that was consumed', async () => {
    const effects: string[] = [];
    const handle = { external: async (message: ReceivedMessage) => void effects.push(message.value.toString()) };
    const consumer = await start({ handle });
    await bus.publish(TOPIC, [cloudEvent('1'), cloudEvent('1')]);
    await until('both are through', () => consumer.counts().handled + consumer.counts().repeated === 2);
    expect(effects).toEqual(['1']);
  });

  it('forgets what was consumed before a time, when told to', async () => {
    const consumer = await start({ handle: writing });
    await bus.publish(TOPIC, [cloudEvent('1')]);
    await until('it is through', () => consumer.counts().handled === 1);
    expect(await pruneConsumed(pool, new Date(Date.now() - 60_000))).toBe(0);
    expect(await pruneConsumed(pool, new Date(Date.now() + 60_000))).toBe(1);
  });
});

describe('a message that fails', () => {
  it('is tried again until it works', async () => {
    let failures = 2;
    const consumer = await start({
      handle: {
        transactional: async (message, client) => {
          await client.query('insert into written (text) values ($1)', [message.value.toString()]);
          if (failures-- > 0) throw new Error('not yet');
        },
      },
    });
    await bus.publish(TOPIC, [cloudEvent('1')]);
    await until('it is through', () => consumer.counts().handled === 1);
    expect(await written()).toEqual(['1']);
    expect(consumer.counts()).toMatchObject({ retried: 2, buried: 0 });
    expect(errors.map((error) => (error as Error).message)).toEqual(['not yet', 'not yet']);
  });

  it('becomes a dead letter, whole, with a copy on the dead-letter topic, and the next ones go on', async () => {
    const copies = await deadLetterCopies();
    const { handle } = fragile();
    const consumer = await start({ handle, attempts: 2 });
    const bytes = Buffer.concat([Buffer.from('bad'), Buffer.from([255, 128, 10])]);
    await bus.publish(TOPIC, [
      { ...cloudEvent('1'), value: bytes, headers: { ce_id: '1', ce_source: '/test', odd: 'ü\u0000' } },
      cloudEvent('2'),
    ]);
    await until('the next is through', () => consumer.counts().handled === 1 && copies.length === 1);
    const [letter] = await consumer.deadLetters.list();
    expect(letter).toMatchObject({ group: GROUP, attempts: 2, redrivenAt: undefined, forwardedAt: expect.any(Date) as Date });
    expect(letter!.reason).toContain("Error: can't read bad");
    expect(letter!.message).toMatchObject({
      topic: TOPIC,
      key: 'stream',
      headers: { ce_id: '1', ce_source: '/test', odd: 'ü\u0000' },
      offset: 0n,
    });
    expect(letter!.message.value.equals(bytes)).toBe(true);
    expect(copies[0]!.value.equals(bytes)).toBe(true);
    expect(copies[0]!.headers).toMatchObject({
      ce_id: '1',
      odd: 'ü\u0000',
      dlq_id: letter!.id,
      dlq_group: GROUP,
      dlq_topic: TOPIC,
      dlq_attempts: '2',
      dlq_reason: expect.stringContaining("can't read bad") as string,
    });
    expect(await consumer.deadLetters.countOpen()).toEqual([{ group: GROUP, topic: TOPIC, count: 1 }]);
  });

  it('is not tried again when it is delivered again, nor buried twice', async () => {
    const { state, handle } = fragile();
    const consumer = await start({ handle, attempts: 2 });
    await bus.publish(TOPIC, [cloudEvent('1', 'bad'), cloudEvent('1', 'bad')]);
    await until('both are settled', () => consumer.counts().buried + consumer.counts().repeated === 2);
    expect(state.tries).toHaveLength(2);
    expect(await consumer.deadLetters.list()).toHaveLength(1);
  });

  it('becomes a dead letter at once where the handler says that trying again is no use', async () => {
    const consumer = await start({
      handle: {
        external: async () => {
          throw new Unprocessable('not JSON');
        },
      },
    });
    await bus.publish(TOPIC, [cloudEvent('1')]);
    await until('it is buried', () => consumer.counts().buried === 1);
    expect((await consumer.deadLetters.list())[0]).toMatchObject({ attempts: 1, reason: 'Unprocessable: not JSON' });
  });

  it('counts as failed when its handler never ends', async () => {
    const consumer = await start({
      attempts: 1,
      timeoutMs: 50,
      handle: {
        transactional: async (message, client) => {
          await client.query('insert into written (text) values ($1)', [message.value.toString()]);
          if (message.value.toString() === 'stuck') await new Promise(() => undefined);
        },
      },
    });
    await bus.publish(TOPIC, [cloudEvent('1', 'stuck'), cloudEvent('2', 'next')]);
    await until('the next is through', () => consumer.counts().handled === 1);
    expect(await written()).toEqual(['next']);
    expect((await consumer.deadLetters.list())[0]?.reason).toContain('did not finish within 50 ms');
  });

  it('counts as failed when its commit is refused', async () => {
    await pool.query(
      'create table parent (id integer primary key); create table child (id integer references parent deferrable initially deferred)',
    );
    const consumer = await start({
      attempts: 2,
      handle: { transactional: async (_message, client) => void (await client.query('insert into child values (1)')) },
    });
    await bus.publish(TOPIC, [cloudEvent('1')]);
    await until('it is buried', () => consumer.counts().buried === 1);
    expect((await consumer.deadLetters.list())[0]?.reason).toContain('foreign key');
  });

  it('is left to the next consumer when this one stops between two tries', async () => {
    const { state, handle } = fragile();
    const first = await start({ handle, backoff: { firstMs: 60_000, maxMs: 60_000 } });
    await bus.publish(TOPIC, [cloudEvent('1', 'bad')]);
    await until('it has failed', () => state.tries.length === 1);
    await first.stop();
    expect(await first.deadLetters.list()).toEqual([]);
    state.mended = true;
    const second = await start({ handle });
    await until('it is through', () => second.counts().handled === 1);
    expect(await written()).toEqual(['bad']);
  });

  it('sends its copy later where the bus does not take it at first', async () => {
    const { handle } = fragile();
    const publish = bus.publish.bind(bus);
    const away = jest.spyOn(bus, 'publish').mockImplementation(async (topic, messages) => {
      if (topic === deadLetterTopic(TOPIC)) throw new Error('away');
      await publish(topic, messages);
    });
    const consumer = await start({ handle, attempts: 1 });
    await bus.publish(TOPIC, [cloudEvent('1', 'bad'), cloudEvent('2', 'good')]);
    await until('the next is through', () => consumer.counts().handled === 1);
    expect((await consumer.deadLetters.list())[0]?.forwardedAt).toBeUndefined();
    away.mockRestore();
    await bus.publish(TOPIC, [cloudEvent('3', 'bad too')]);
    const copies = await deadLetterCopies();
    await until('both copies are there', () => copies.length === 2);
    expect(copies.map((copy) => copy.headers.ce_id)).toEqual(['1', '3']);
  });

  it('waits, and is not buried, while the database is away', async () => {
    const { handle } = fragile();
    const consumer = await start({ handle, attempts: 1 });
    await whileDatabaseIsAway(async () => {
      await bus.publish(TOPIC, [cloudEvent('1')]);
      await until('it has been tried', () => errors.length > 3);
      expect(consumer.counts()).toEqual({ handled: 0, repeated: 0, retried: 0, buried: 0 });
    });
    await until('it is through', () => consumer.counts().handled === 1);
    expect(await written()).toEqual(['1']);
  });
});

describe('redriving a dead letter', () => {
  async function buried() {
    const { state, handle } = fragile();
    const consumer = await start({ handle, attempts: 1 });
    await bus.publish(TOPIC, [cloudEvent('1', 'bad')]);
    await until('it is buried', () => consumer.counts().buried === 1);
    const [letter] = await consumer.deadLetters.list();
    return { consumer, state, id: letter!.id };
  }

  it('handles it again, once', async () => {
    const { consumer, state, id } = await buried();
    state.mended = true;
    expect(await consumer.redrive(id)).toEqual({ outcome: 'redriven' });
    expect(await consumer.redrive(id)).toEqual({ outcome: 'redriven-before' });
    expect(await written()).toEqual(['bad']);
    expect(await consumer.deadLetters.list()).toEqual([]);
    expect(await consumer.deadLetters.list({ open: false })).toMatchObject([{ id, attempts: 2, redrivenAt: expect.any(Date) as Date }]);
  });

  it('handles it once when two ask at once', async () => {
    const { consumer, state, id } = await buried();
    state.mended = true;
    const outcomes = await Promise.all([consumer.redrive(id), consumer.redrive(id)]);
    expect(outcomes.map((redriven) => redriven.outcome).sort()).toEqual(['redriven', 'redriven-before']);
    expect(await written()).toEqual(['bad']);
  });

  it('does not handle a later repetition of it', async () => {
    const { consumer, state, id } = await buried();
    state.mended = true;
    await consumer.redrive(id);
    await bus.publish(TOPIC, [cloudEvent('1', 'bad')]);
    await until('the repetition is through', () => consumer.counts().repeated === 1);
    expect(await written()).toEqual(['bad']);
  });

  it('keeps it, with the new reason, where it fails again', async () => {
    const { consumer, id } = await buried();
    expect(await consumer.redrive(id)).toEqual({ outcome: 'failed', reason: "Error: can't read bad" });
    expect(await written()).toEqual([]);
    expect(await consumer.deadLetters.get(id)).toMatchObject({ attempts: 2, redrivenAt: undefined });
  });

  it('knows only letters of its own group', async () => {
    const { id } = await buried();
    const other = await start({ handle: writing, group: 'other', topics: ['other'] });
    expect(await other.redrive(id)).toEqual({ outcome: 'unknown' });
    expect(await other.redrive('00000000-0000-4000-8000-000000000000')).toEqual({ outcome: 'unknown' });
  });
});

describe('the list of dead letters', () => {
  it('gives pages, oldest first, by group and topic', async () => {
    const consumer = await start({ attempts: 1, handle: { external: async () => Promise.reject(new Error('no')) } });
    await bus.publish(
      TOPIC,
      [...Array(5).keys()].map((n) => cloudEvent(String(n))),
    );
    await until('all are buried', () => consumer.counts().buried === 5);
    const letters = consumer.deadLetters;
    const first = await letters.list({ group: GROUP, topic: TOPIC }, { limit: 3 });
    const second = await letters.list({ group: GROUP, topic: TOPIC }, { limit: 3, after: first.at(-1)!.id });
    expect([...first, ...second].map((letter) => letter.message.headers.ce_id)).toEqual(['0', '1', '2', '3', '4']);
    expect(await letters.list({ group: 'other' })).toEqual([]);
    expect(await letters.list({ topic: 'other' })).toEqual([]);
  });
});
