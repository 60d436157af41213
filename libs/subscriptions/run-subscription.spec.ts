import { Client, Pool } from 'pg';
import {
  EventCodec,
  EventLogUnavailable,
  NO_STREAM,
  refuse,
  RefusedError,
  TooMuchContention,
  WrongExpectedRevision,
  type StoredEvent,
} from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { testEvent } from '#libs/event-sourcing/testing';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import {
  bootName,
  isTransient,
  resumeSubscription,
  runSubscription,
  storedPosition,
  subscriptionStatuses,
  SubscriptionRegistry,
  TransientError,
  type SubscriptionOptions,
  type TransactionalHandler,
} from './index.ts';
import { eventually } from './testing/index.ts';

let database: FreshDatabase;
let pool: Pool;
let log: MemoryEventLog;
let hosts: { stop: () => Promise<void> }[] = [];
let registry: SubscriptionRegistry;

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url });
  pool.on('error', () => undefined);
  await pool.query('create table seen (n integer primary key, times integer not null default 1)');
});
beforeEach(async () => {
  await pool.query('truncate seen, subscription');
  log = new MemoryEventLog();
  registry = new SubscriptionRegistry();
});
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  hosts = [];
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const NAME = 'projection:seen:v1';

/** Starts a subscription as a worker would. */
function start(options: Pick<SubscriptionOptions, 'handle'> & Partial<SubscriptionOptions>) {
  const abort = new AbortController();
  const running = runSubscription({ name: NAME, log, pool, registry, pollMs: 10, signal: abort.signal, ...options });
  const host = {
    running,
    stop: async () => {
      abort.abort();
      await running;
    },
  };
  hosts.push(host);
  return host;
}

async function append(count: number, stream = 'thing-1'): Promise<void> {
  const { revision } = await log.readStream(stream);
  await log.append(
    stream,
    revision,
    Array.from({ length: count }, (_, i) => testEvent(revision + 1 + i)),
  );
}

const numberOf = (event: StoredEvent): number => (event.data as { n: number }).n;
const numbers = (events: readonly StoredEvent[]): number[] => events.map(numberOf);

/** Counts in a table how often each event was handled. */
const counting: TransactionalHandler = {
  transactional: async (events, client) => {
    await client.query('insert into seen (n) select unnest($1::int[]) on conflict (n) do update set times = seen.times + 1', [
      numbers(events),
    ]);
  },
};
const counted = async (): Promise<[number, number][]> =>
  (await pool.query<{ n: number; times: number }>('select n, times from seen order by n')).rows.map((row) => [row.n, row.times]);
const once = (count: number): [number, number][] => Array.from({ length: count }, (_, n) => [n, 1]);
const handledUpTo = (position: bigint) => eventually(async () => (await storedPosition(pool, NAME)) === position);
const row = async () => (await pool.query<Record<string, unknown>>('select * from subscription where name = $1', [NAME])).rows[0]!;

describe('a catch-up subscription', () => {
  it('handles history and what comes after it, each event once, and keeps its checkpoint', async () => {
    await append(5);
    start({ handle: counting, batchSize: 2 });
    await handledUpTo(4n);
    await append(3);
    await handledUpTo(7n);
    expect(await counted()).toEqual(once(8));
    expect(await row()).toMatchObject({ state: 'running', events_handled: '8', last_recorded_at: new Date('2026-03-02T10:00:00.000Z') });
  });

  it('goes on after its last event when it starts again, and lets go of its lease when it stops', async () => {
    await append(3);
    const first = start({ handle: counting });
    await handledUpTo(2n);
    await first.stop();
    expect(await row()).toMatchObject({ state: 'idle', holder: null, token: '1' });
    await append(2);
    start({ handle: counting });
    await handledUpTo(4n);
    expect(await counted()).toEqual(once(5));
    expect(await row()).toMatchObject({ token: '2' });
  });

  it('begins where it is told when it never ran, and only then', async () => {
    await append(4);
    const first = start({ handle: counting, from: 1n });
    await handledUpTo(3n);
    await first.stop();
    await append(1);
    start({ handle: counting, from: 0n });
    await handledUpTo(4n);
    expect(await counted()).toEqual([
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
  });

  it('hands events over in their present version', async () => {
    await log.append('thing-1', NO_STREAM, [testEvent(0), testEvent(1, { type: 'Other' })]);
    const codec = new EventCodec({ TestHappened: { version: 2, upcasters: { 1: (data) => ({ ...(data as object), added: true }) } } });
    const handled: unknown[] = [];
    start({ codec, handle: { external: async (events) => void handled.push(...events.map((e) => e.data)) } });
    await handledUpTo(1n);
    expect(handled).toEqual([{ n: 0, added: true }, { n: 1 }]);
  });
});

describe('events that mean nothing to a handler', () => {
  const even = (event: StoredEvent): boolean => numberOf(event) % 2 === 0;

  it('only move its checkpoint on where a batch has no others, and come along where it has', async () => {
    const batches: number[][] = [];
    start({ batchSize: 3, handle: { concerns: even, external: async (events) => void batches.push(numbers(events)) } });
    for (let n = 0; n < 4; n++) {
      await append(1);
      await handledUpTo(BigInt(n));
    }
    expect(batches).toEqual([[0], [2]]);
    await append(3);
    await handledUpTo(6n);
    expect(batches.flat()).toEqual(expect.arrayContaining([4, 6]));
    expect(await row()).toMatchObject({ events_handled: '7', last_recorded_at: new Date('2026-03-02T10:00:00.000Z') });
  });

  it('open no transaction', async () => {
    const transactional = jest.fn(counting.transactional);
    start({ handle: { transactional, concerns: () => false } });
    await append(3);
    await handledUpTo(2n);
    expect(transactional).not.toHaveBeenCalled();
  });

  it('are told of as what stopped it where nobody can say what they mean', async () => {
    await append(2);
    start({
      handle: {
        ...counting,
        concerns: (event) => {
          if (numberOf(event) === 1) throw new Error('Cannot tell.');
          return false;
        },
      },
    });
    await eventually(async () => (await row())?.state === 'failed');
    expect(await row()).toMatchObject({ position: '0', failure: { message: 'Cannot tell.', revision: 1 } });
  });

  it('of many subscriptions are few statements', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `projection:idle-${i}:v1`);
    for (const name of names) start({ name, handle: { concerns: () => false, external: async () => undefined } });
    await eventually(async () => names.every((name) => registry.get(name)?.state === 'running'));
    const asked = jest.spyOn(pool, 'query');
    await append(1);
    await eventually(
      async () => (await pool.query("select from subscription where name like 'projection:idle-%' and position = 0")).rowCount === 20,
    );
    const written = asked.mock.calls.filter(([query]) => (query as unknown as { name?: string }).name === 'subscription-checkpoints');
    asked.mockRestore();
    expect(written.length).toBeLessThanOrEqual(4);
  });

  it('do not move on what another worker has taken over', async () => {
    start({ handle: { concerns: () => false, external: async () => undefined } });
    await eventually(async () => registry.get(NAME)?.state === 'running');
    await pool.query(`update subscription set token = token + 1, holder = 'another', lease_until = clock_timestamp() + interval '1 hour'`);
    await append(1);
    await eventually(async () => registry.get(NAME)?.state === 'waiting');
    expect(await row()).toMatchObject({ position: '-1', holder: 'another' });
  });
});

describe('a subscription with effects outside of the database', () => {
  it('writes its checkpoint after the effect, so that an effect may repeat but none is lost', async () => {
    await append(3);
    const effects: number[] = [];
    let crash = true;
    start({
      handle: {
        external: async (events) => {
          effects.push(...numbers(events));
          if (crash) {
            crash = false;
            throw new TransientError('the process died between the effect and the checkpoint');
          }
        },
      },
    });
    await handledUpTo(2n);
    expect(effects).toEqual([0, 1, 2, 0, 1, 2]);
  });
});

describe('a handler that meets an event it can not handle', () => {
  const poisonedAt = (n: number, cured: () => boolean): SubscriptionOptions['handle'] => ({
    transactional: async (events, client, context) => {
      await counting.transactional(events, client, context);
      if (!cured() && numbers(events).includes(n)) throw new RangeError(`${n} is more than I can take`);
    },
  });

  it('stops there, having handled all before it, and says at which event and why', async () => {
    await append(10);
    const errors: unknown[] = [];
    start({ handle: poisonedAt(6, () => false), onError: (_error, failure) => errors.push(failure) });
    await eventually(() => registry.get(NAME)?.state === 'failed');
    expect(await counted()).toEqual(once(6));
    const failure = {
      message: '6 is more than I can take',
      stream: 'thing-1',
      revision: 6,
      position: '6',
      type: 'TestHappened',
      eventId: (await log.readStream('thing-1')).events[6]!.id,
      at: expect.any(String),
    };
    expect(registry.get(NAME)).toMatchObject({ state: 'failed', position: 5n, failure });
    expect(await row()).toMatchObject({ state: 'failed', position: '5', failure, holder: null });
    expect(errors).toEqual([failure]);
  });

  it('does not skip it, not even when it starts again', async () => {
    await append(3);
    const first = start({ handle: poisonedAt(1, () => false) });
    await eventually(() => registry.get(NAME)?.state === 'failed');
    await first.stop();
    registry = new SubscriptionRegistry();
    start({ handle: counting });
    await eventually(() => registry.get(NAME)?.state === 'failed');
    expect(await counted()).toEqual(once(1));
  });

  it('goes on with that event when an operator resumes it', async () => {
    await append(3);
    let cured = false;
    start({ handle: poisonedAt(1, () => cured) });
    await eventually(() => registry.get(NAME)?.state === 'failed');
    cured = true;
    expect(await resumeSubscription(pool, NAME)).toBe(true);
    await handledUpTo(2n);
    expect(await counted()).toEqual(once(3));
    expect(registry.get(NAME)).toMatchObject({ state: 'running', failure: undefined });
    expect(await resumeSubscription(pool, NAME)).toBe(false);
  });

  it('leaves other subscriptions alone', async () => {
    await append(3);
    start({ handle: poisonedAt(1, () => false) });
    start({ name: 'other', handle: { external: async () => undefined } });
    await eventually(() => registry.get(NAME)?.state === 'failed');
    await append(1);
    await eventually(async () => (await storedPosition(pool, 'other')) === 3n);
  });

  it('counts an event that can not be lifted to its present version as one', async () => {
    await append(2);
    start({ handle: counting, codec: new EventCodec({ TestHappened: { version: 2, upcasters: {} } }) });
    await eventually(() => registry.get(NAME)?.failure?.message.includes('No upcaster'));
  });
});

describe('an interruption', () => {
  it('of the database is waited out: a connection that is cut rolls back and the batch comes again', async () => {
    await append(4);
    let cuts = 2;
    start({
      handle: {
        transactional: async (events, client, context) => {
          await counting.transactional(events, client, context);
          if (cuts-- > 0) await client.query('select pg_terminate_backend(pg_backend_pid())');
        },
      },
    });
    await handledUpTo(3n);
    expect(await counted()).toEqual(once(4));
  });

  it('changes the epoch, so that no handler trusts what it remembers of a batch that was rolled back', async () => {
    await append(4);
    const epochs: number[] = [];
    start({
      batchSize: 2,
      handle: {
        transactional: async (_events, _client, context) => {
          epochs.push(context.epoch);
          if (epochs.length === 2) throw new TransientError('once');
        },
      },
    });
    await handledUpTo(3n);
    expect(epochs[0]).toBe(epochs[1]);
    expect(epochs[2]).toBeGreaterThan(epochs[1]!);
  });

  it('is told from an error by what it is, or by its cause', () => {
    expect(isTransient(new EventLogUnavailable('away'))).toBe(true);
    expect(isTransient(new WrongExpectedRevision('jar-1', 1, 2))).toBe(true);
    expect(isTransient(new TooMuchContention(refuse('conflict', 'too-much-contention', 'A crowd.')))).toBe(true);
    expect(isTransient(new RefusedError(refuse('conflict', 'jar-sealed', 'The jar is sealed.')))).toBe(false);
    expect(isTransient(new Error('wrapped', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) }))).toBe(true);
    expect(isTransient(Object.assign(new Error(), { code: '40001' }))).toBe(true);
    expect(isTransient(Object.assign(new Error(), { retriable: true }))).toBe(true);
    expect(isTransient(Object.assign(new Error('duplicate key'), { code: '23505' }))).toBe(false);
    expect(isTransient(new TypeError('x is undefined'))).toBe(false);
    expect(isTransient('a string')).toBe(false);
  });

  it('of the log is shown while it lasts and retried', async () => {
    await append(2);
    let failures = 3;
    const interrupted = Object.create(log, {
      subscribe: {
        value: (options: Parameters<MemoryEventLog['subscribe']>[0]) => {
          if (failures-- > 0) throw new EventLogUnavailable('The log is away.');
          return log.subscribe(options);
        },
      },
    }) as MemoryEventLog;
    start({ log: interrupted, handle: counting });
    await eventually(() => registry.get(NAME)?.interruption === 'The log is away.');
    await handledUpTo(1n);
    await eventually(() => registry.get(NAME)?.interruption === undefined);
  });
});

describe('several workers with one subscription', () => {
  it('share it so that one runs it and each event is handled once', async () => {
    const running = new Set<number>();
    for (const worker of [1, 2, 3]) {
      start({
        registry: new SubscriptionRegistry(),
        handle: {
          transactional: async (events, client, context) => {
            running.add(worker);
            await counting.transactional(events, client, context);
          },
        },
      });
    }
    for (let i = 0; i < 10; i++) await append(5);
    await handledUpTo(49n);
    expect(await counted()).toEqual(once(50));
    expect(running.size).toBe(1);
  });

  it('take over when the lease is let go', async () => {
    const first = start({ handle: counting });
    await append(1);
    await handledUpTo(0n);
    start({ handle: counting, registry: new SubscriptionRegistry() });
    await first.stop();
    await append(1);
    await handledUpTo(1n);
    expect(await row()).toMatchObject({ token: '2' });
  });

  it('take over from one that died, when its lease has run out', async () => {
    await append(2);
    await pool.query(
      `insert into subscription (name, position, state, holder, token, lease_until)
       values ($1, 0, 'running', 'a dead worker', 7, clock_timestamp() + interval '300 milliseconds')`,
      [NAME],
    );
    start({ handle: counting });
    await eventually(() => registry.get(NAME)?.state === 'waiting' && registry.get(NAME)?.position === 0n);
    await handledUpTo(1n);
    expect(await counted()).toEqual([[1, 1]]);
    expect(await row()).toMatchObject({ token: '8' });
  });

  it('take over at once from a process that is gone, however long its lease, and not from one that is there', async () => {
    await append(1);
    const [gone, alive] = [bootName('gone'), bootName('alive')];
    const other = new Client({ connectionString: database.url, application_name: alive });
    await other.connect();
    const held = (name: string, holder: string) =>
      pool.query(
        `insert into subscription (name, position, state, holder, token, lease_until)
         values ($1, -1, 'running', $2, 1, clock_timestamp() + interval '1 hour')`,
        [name, `${holder}/x`],
      );
    await held(NAME, gone);
    await held('held-by-the-living', alive);
    start({ handle: counting });
    start({ name: 'held-by-the-living', handle: counting });
    await handledUpTo(0n);
    await eventually(() => registry.get('held-by-the-living')?.state === 'waiting');
    expect(await storedPosition(pool, 'held-by-the-living')).toBe(-1n);

    await other.end();
    await eventually(async () => (await storedPosition(pool, 'held-by-the-living')) === 0n);
  });

  it('keep the lease through a batch that takes longer than the lease', async () => {
    await append(1);
    let release = (): void => undefined;
    const longBatch = new Promise<void>((resolve) => (release = resolve));
    let intruded = false;
    start({ leaseMs: 400, handle: { external: async () => await longBatch } });
    await eventually(async () => (await row()).state === 'running');
    const until = async () => (await row()).lease_until as Date;
    const began = await until();
    start({ leaseMs: 400, registry: new SubscriptionRegistry(), handle: { external: async () => void (intruded = true) } });
    await eventually(async () => (await until()).getTime() > began.getTime() + 800);
    release();
    await handledUpTo(0n);
    expect(intruded).toBe(false);
  });

  it('can not both write: one that lost its lease in the middle of a batch rolls back', async () => {
    await append(3);
    let entered = (): void => undefined;
    let leave = (): void => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const outside = new Promise<void>((resolve) => (leave = resolve));
    let stale = true;
    start({
      handle: {
        transactional: async (events, client, context) => {
          if (stale) {
            stale = false;
            entered();
            await outside;
          }
          await counting.transactional(events, client, context);
        },
      },
    });
    await inside;
    // The lease runs out while the first worker sleeps in its batch, as after a long pause of the machine.
    await pool.query(`update subscription set lease_until = clock_timestamp() - interval '1 second'`);
    start({ handle: counting, registry: new SubscriptionRegistry() });
    await handledUpTo(2n);
    leave();
    await append(1);
    await handledUpTo(3n);
    expect(await counted()).toEqual(once(4));
  });

  it('tell a long effect that its lease is lost', async () => {
    await append(1);
    let told = false;
    start({
      leaseMs: 200,
      handle: {
        external: (_events, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              told = true;
              reject(new Error('given up'));
            });
          }),
      },
    });
    await eventually(() => registry.get(NAME)?.state === 'running');
    await pool.query(`update subscription set token = token + 1, holder = 'another', lease_until = clock_timestamp() + interval '1 hour'`);
    await eventually(() => told);
    expect(await row()).toMatchObject({ state: 'running', position: '-1', holder: 'another' });
  });
});

describe('how far it is', () => {
  it('can be waited for in the process that runs it', async () => {
    start({ handle: counting });
    await eventually(() => registry.get(NAME)?.state === 'running');
    const reached = registry.waitForPosition(pool, NAME, 2n, 5000);
    await append(3);
    expect(await reached).toBe(true);
    expect(await registry.waitForPosition(pool, NAME, 2n, 0)).toBe(true);
  });

  it('can be waited for in another process, by its row', async () => {
    start({ handle: counting });
    const elsewhere = new SubscriptionRegistry();
    const reached = elsewhere.waitForPosition(pool, NAME, 2n, 5000);
    await append(3);
    expect(await reached).toBe(true);
  });

  it('is answered with no when it is not there in time, or has failed', async () => {
    expect(await registry.waitForPosition(pool, NAME, 0n, 30)).toBe(false);
    start({
      handle: {
        external: async () => {
          throw new Error('no');
        },
      },
    });
    await eventually(() => registry.get(NAME)?.state === 'running');
    const waiting = registry.waitForPosition(pool, NAME, 0n, 60_000);
    await append(1);
    expect(await waiting).toBe(false);
  });

  it('shows as a lag in seconds: the age of the oldest event not handled', async () => {
    await append(2);
    await pool.query(`insert into subscription (name, position) values ('behind', 0), ('there', 1)`);
    const statuses = await subscriptionStatuses(pool, log, '2026-03-02T10:00:30.000Z');
    expect(statuses).toEqual([
      expect.objectContaining({ name: 'behind', state: 'idle', position: 0n, head: 1n, caughtUp: false, lagSeconds: 30 }),
      expect.objectContaining({ name: 'there', position: 1n, head: 1n, caughtUp: true, lagSeconds: 0 }),
    ]);
  });

  it('shows a worker that died as idle when its lease has run out', async () => {
    await pool.query(
      `insert into subscription (name, position, state, holder, lease_until) values ('dead', 0, 'running', 'x', now() - interval '1 second')`,
    );
    expect(await subscriptionStatuses(pool, log, '2026-03-02T10:00:30.000Z')).toMatchObject([{ name: 'dead', state: 'idle' }]);
  });
});
