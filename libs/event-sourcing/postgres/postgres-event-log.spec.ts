import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { BEFORE_ALL, NO_STREAM, STRAY_EVENT, WrongExpectedRevision, type NewEvent, type StoredEvent } from '#libs/event-sourcing';
import { eventLogContract, take, testEvent } from '#libs/event-sourcing/testing';
import { freshDatabase, type FreshDatabase } from '../../../test/support/database.ts';
import { PostgresEventLog } from './postgres-event-log.ts';

let database: FreshDatabase;
let sql: Client;
beforeAll(async () => {
  database = await freshDatabase();
  sql = new Client({ connectionString: database.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

const stream = (): string => `spec-${randomUUID()}`;

async function using<T>(options: { appendTimeoutMs?: number; url?: string }, work: (log: PostgresEventLog) => Promise<T>): Promise<T> {
  const log = new PostgresEventLog({ url: database.url, ...options });
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

async function eventually(condition: () => Promise<boolean> | boolean, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('It did not come about in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Holds the lock that every append takes first, as another process in the middle of its append would. */
async function whileOthersAppend<T>(work: () => Promise<T>): Promise<T> {
  await sql.query('select pg_advisory_lock(7014601514)');
  try {
    return await work();
  } finally {
    await sql.query('select pg_advisory_unlock(7014601514)');
  }
}

async function appendsInFlight(): Promise<number[]> {
  const { rows } = await sql.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%event_log.append%' and state = 'active'`,
  );
  return rows.map((row) => row.pid);
}

async function killConnections(): Promise<void> {
  await sql.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()');
}

describe('the event log on Postgres', () => {
  const around = async ({ stream: to, id, type, data, metadata }: Record<string, unknown>, texts?: { data: string; metadata: string }) => {
    await sql.query(
      `insert into event_log.events (position, stream, revision, id, type, data, metadata)
       select coalesce(max(position), -1) + 1, $1, 0, $2, $3, $4, $5 from event_log.events`,
      [to, id, type, texts?.data ?? JSON.stringify(data ?? null), texts?.metadata ?? JSON.stringify(metadata ?? null)],
    );
  };
  eventLogContract(
    async () => new PostgresEventLog({ url: database.url }),
    (event) => around({ ...event }),
  );

  it('gives on as a stray event what is no JSON at all, with its text', async () => {
    await using({}, async (log) => {
      const s = stream();
      const before = await log.head();
      const { type, metadata } = testEvent(0);
      await around({ stream: s, id: randomUUID(), type }, { data: '{"half":', metadata: JSON.stringify(metadata) });
      const [event] = await log.readAll({ after: before, maxCount: 1 });
      expect(event).toMatchObject({
        type: STRAY_EVENT,
        stray: { type, data: { $text: '{"half":' }, metadata, storedAt: expect.any(String) },
      });
      expect(await take(log, before, 1)).toEqual([event]);
    });
  });

  describe('its table', () => {
    it.each(['update event_log.events set type = type', 'delete from event_log.events', 'truncate event_log.events'])(
      'refuses %p',
      async (statement) => {
        await using({}, (log) => log.append(stream(), NO_STREAM, [testEvent(0)]));
        await expect(sql.query(statement)).rejects.toThrow(/event_log.events is append-only/);
      },
    );

    it('refuses changes also from a session that replicates', async () => {
      await sql.query(`begin; set local session_replication_role = replica`);
      await expect(sql.query('delete from event_log.events')).rejects.toThrow(/append-only/);
      await sql.query('rollback');
    });

    it('keeps the bytes of the JSON text, which is what hashes are made of', async () => {
      const s = stream();
      const data = { z: 1e21, a: '\u0000 \n \t "q" \\ \u2028 é 😀 \ud800', nested: { '': [0.1, -0, null] } };
      const event = testEvent(0, { data });
      await using({}, (log) => log.append(s, NO_STREAM, [event]));
      const { rows } = await sql.query('select data, metadata from event_log.events where stream = $1', [s]);
      expect(rows).toEqual([{ data: JSON.stringify(data), metadata: JSON.stringify(event.metadata) }]);
    });
  });

  describe('what is no event', () => {
    it.each([
      ['', NO_STREAM, {}],
      ['line\nbreak', NO_STREAM, {}],
      ['lone-\ud800', NO_STREAM, {}],
      ['spec-a', -2, {}],
      ['spec-a', 0.5, {}],
      ['spec-a', NO_STREAM, { id: 'not-a-uuid' }],
      ['spec-a', NO_STREAM, { type: '' }],
      ['spec-a', NO_STREAM, { type: 'Two\nLines' }],
    ] as [string, number, Partial<NewEvent>][])(
      'is refused before it is sent: stream %p at %p with %p',
      async (name, expected, overrides) => {
        await using({}, async (log) => {
          const before = await log.head();
          await expect(log.append(name, expected, [testEvent(0, overrides)])).rejects.toBeInstanceOf(TypeError);
          expect(await log.head()).toBe(before);
        });
      },
    );

    it('an append of nothing stores nothing, and still checks the revision', async () => {
      await using({}, async (log) => {
        const s = stream();
        expect(await log.append(s, NO_STREAM, [])).toEqual({ revision: NO_STREAM, position: BEFORE_ALL });
        const appended = await log.append(s, NO_STREAM, [testEvent(0)]);
        expect(await log.append(s, 0, [])).toEqual(appended);
        await expect(log.append(s, NO_STREAM, [])).rejects.toBeInstanceOf(WrongExpectedRevision);
      });
    });
  });

  describe('many at once', () => {
    it('answers each member of a group by itself: stored, repeated, in conflict, too high', async () => {
      await using({}, async (log) => {
        const [fresh, repeated, conflicting, tooHigh] = [stream(), stream(), stream(), stream()];
        const events = [testEvent(0), testEvent(1)];
        const first = await log.append(repeated, NO_STREAM, events);
        await log.append(conflicting, NO_STREAM, [testEvent(0)]);
        const outcomes = await Promise.allSettled([
          log.append(repeated, NO_STREAM, events),
          log.append(conflicting, NO_STREAM, events),
          log.append(fresh, NO_STREAM, events),
          log.append(tooHigh, 3, events),
        ]);
        expect(outcomes).toEqual([
          { status: 'fulfilled', value: first },
          { status: 'rejected', reason: expect.objectContaining({ name: 'WrongExpectedRevision', actual: 0 }) },
          { status: 'fulfilled', value: { revision: 1, position: (await log.readStream(fresh)).events[1]?.position } },
          { status: 'rejected', reason: expect.objectContaining({ name: 'WrongExpectedRevision', actual: NO_STREAM }) },
        ]);
      });
    });

    it('keeps the order of appends to one stream that are all sent before the first is answered', async () => {
      await using({}, async (log) => {
        const s = stream();
        const appended = await Promise.all(Array.from({ length: 50 }, (_, n) => log.append(s, n - 1, [testEvent(n)])));
        expect(appended.map((a) => a.revision)).toEqual([...Array(50).keys()]);
      });
    });

    it('spares the others when the database refuses one member of a group', async () => {
      await sql.query(`alter table event_log.events add constraint no_poison check (type <> 'Poison')`);
      await using({}, async (log) => {
        const streams = Array.from({ length: 9 }, stream);
        const outcomes = await Promise.allSettled(
          streams.map((s, i) => log.append(s, NO_STREAM, [testEvent(0, i === 4 ? { type: 'Poison' } : {})])),
        );
        expect(outcomes.map((o) => o.status)).toEqual(streams.map((_, i) => (i === 4 ? 'rejected' : 'fulfilled')));
        expect(outcomes[4]).toMatchObject({ reason: { name: 'EventLogUnavailable', message: expect.stringContaining('no_poison') } });
        for (const [i, s] of streams.entries()) expect((await log.readStream(s)).events).toHaveLength(i === 4 ? 0 : 1);
      });
      await sql.query('alter table event_log.events drop constraint no_poison');
    });

    it('stores appends that are larger together than a group may be', async () => {
      await using({}, async (log) => {
        const streams = Array.from({ length: 8 }, stream);
        await Promise.all(streams.map((s) => log.append(s, NO_STREAM, [testEvent(0, { data: 'x'.repeat(1_000_000) })])));
        for (const s of streams) expect((await log.readStream(s)).revision).toBe(0);
      });
    });
  });

  it('gives a subscriber large events in small batches, whatever size it asked for', async () => {
    await using({}, async (log) => {
      const start = await log.head();
      const large = (): NewEvent => testEvent(0, { data: 'x'.repeat(500_000) });
      const streams = Array.from({ length: 70 }, stream);
      await Promise.all(streams.map((s) => log.append(s, NO_STREAM, [large(), large()])));
      const sizes: number[] = [];
      for await (const batch of log.subscribe({ after: start, signal: new AbortController().signal, batchSize: 1_000 })) {
        if (sizes.push(batch.length) && sizes.reduce((sum, size) => sum + size) === 140) break;
      }
      expect(sizes[0]).toBe(100);
      expect(Math.max(...sizes.slice(1))).toBeLessThanOrEqual((16 * 1024 * 1024) / 500_000);
    });
  });

  describe('with several processes on one database', () => {
    it('lets one of those who race for a revision win, and subscribers everywhere see all events in one order', async () => {
      const logs = Array.from({ length: 4 }, () => new PostgresEventLog({ url: database.url }));
      const start = await logs[0]!.head();
      const streams = Array.from({ length: 5 }, stream);
      const target = 60;
      const full = (events: readonly StoredEvent[]): boolean => events.length >= streams.length * target;
      const taking = logs.map((log) => take(log, start, full, { batchSize: 7 }));

      let conflicts = 0;
      const race = async (log: PostgresEventLog, s: string): Promise<void> => {
        for (let revision = NO_STREAM; revision < target - 1;) {
          try {
            revision = (await log.append(s, revision, [testEvent(revision + 1)])).revision;
          } catch (error) {
            if (!(error instanceof WrongExpectedRevision)) throw error;
            conflicts++;
            revision = error.actual;
          }
        }
      };
      await Promise.all(logs.flatMap((log) => streams.map((s) => race(log, s))));

      const views = await Promise.all(taking);
      expect(conflicts).toBeGreaterThan(0);
      for (const view of views) {
        expect(view.map((e) => e.id)).toEqual(views[0]!.map((e) => e.id));
        for (const s of streams) expect(view.filter((e) => e.stream === s).map((e) => e.revision)).toEqual([...Array(target).keys()]);
        expect(view.every((e, i) => i === 0 || e.position > view[i - 1]!.position)).toBe(true);
      }
      await Promise.all(logs.map((log) => log.close()));
    });

    it('tells the others by a notification with the last position', async () => {
      const heard: (string | undefined)[] = [];
      sql.on('notification', ({ payload }) => heard.push(payload));
      await sql.query('listen event_log');
      await using({}, async (log) => {
        const { position } = await log.append(stream(), NO_STREAM, [testEvent(0), testEvent(1)]);
        await eventually(() => heard.includes(String(position)));
      });
      await sql.query('unlisten event_log');
    });
  });

  describe('when Postgres fails it', () => {
    it('says that the outcome is unknown when the connection breaks in the middle, and takes the repeat', async () => {
      await using({}, async (log) => {
        const [a, b] = [stream(), stream()];
        const [forA, forB] = [[testEvent(0)], [testEvent(1)]];
        await whileOthersAppend(async () => {
          const inFlight = Promise.allSettled([log.append(a, NO_STREAM, forA), log.append(b, NO_STREAM, forB)]);
          await eventually(async () => (await appendsInFlight()).length > 0);
          await killConnections();
          for (const outcome of await inFlight)
            expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'AppendOutcomeUnknown' } });
        });
        expect((await log.append(a, NO_STREAM, forA)).revision).toBe(0);
        expect((await log.append(b, NO_STREAM, forB)).revision).toBe(0);
      });
    });

    it('says that the outcome is unknown when no answer comes in time; the repeat finds out, and nothing is stored twice', async () => {
      await using({ appendTimeoutMs: 150 }, async (log) => {
        const s = stream();
        const events = [testEvent(0), testEvent(1)];
        await log.append(stream(), NO_STREAM, [testEvent(0)]);
        await whileOthersAppend(async () => {
          await expect(log.append(s, NO_STREAM, events)).rejects.toMatchObject({ name: 'AppendOutcomeUnknown', stream: s });
        });
        // The abandoned statement may still get through: before or after the repeat, it is the same append.
        expect((await log.append(s, NO_STREAM, events)).revision).toBe(1);
        await eventually(async () => (await appendsInFlight()).length === 0);
        expect((await log.readStream(s)).events.map((e) => e.id)).toEqual(events.map((e) => e.id));
      });
    });

    it('goes on after idle connections were cut', async () => {
      await using({}, async (log) => {
        const s = stream();
        for (let n = 0; n < 3; n++) {
          await eventually(async () => {
            try {
              return (await log.append(s, n - 1, [testEvent(n, { id: `00000000-0000-4000-8000-00000000000${n}` })])).revision === n;
            } catch (error) {
              // The cut may be noticed only by the next statement.
              expect(error).toMatchObject({ name: 'AppendOutcomeUnknown' });
              return false;
            }
          });
          await killConnections();
          expect((await log.readStream(s)).revision).toBe(n);
        }
      });
    });

    it('says that nothing was stored when Postgres was not there in time', async () => {
      await using({ appendTimeoutMs: 200, url: 'postgres://nobody@127.0.0.1:1/nothing' }, async (log) => {
        const outcomes = await Promise.allSettled([
          log.append('spec-a', NO_STREAM, [testEvent(0)]),
          log.append('spec-a', 0, [testEvent(1)]),
        ]);
        for (const outcome of outcomes)
          expect(outcome).toMatchObject({ reason: { name: 'EventLogUnavailable', message: expect.stringContaining('was not sent') } });
        await expect(log.readStream('spec-a')).rejects.toMatchObject({ name: 'EventLogUnavailable' });
      });
    });

    it('carries a subscription over broken connections: no event is missing and none comes twice', async () => {
      await using({}, async (log) => {
        const s = stream();
        const start = await log.head();
        const taking = take(log, start, 120, { batchSize: 5 });
        const writer = new PostgresEventLog({ url: database.url });
        const ids = Array.from({ length: 120 }, () => randomUUID());
        for (let n = 0; n < 120; n++) {
          if (n % 30 === 10) await killConnections();
          await eventually(async () => {
            try {
              return (await writer.append(s, n - 1, [testEvent(n, { id: ids[n]! })])).revision === n;
            } catch (error) {
              expect(error).toMatchObject({ name: 'AppendOutcomeUnknown' });
              return false;
            }
          });
        }
        expect((await taking).map((e) => e.id)).toEqual(ids);
        await writer.close();
      });
    });

    it('tells a subscriber of an interruption and resumes behind the last processed event', async () => {
      await using({}, async (log) => {
        const s = stream();
        const start = await log.head();
        await log.append(
          s,
          NO_STREAM,
          [0, 1, 2, 3].map((n) => testEvent(n)),
        );
        const stop = new AbortController();
        const told: unknown[] = [];
        const seen: number[] = [];
        for await (const batch of log.subscribe({
          after: start,
          batchSize: 2,
          signal: stop.signal,
          onInterruption: (error) => told.push(error),
        })) {
          seen.push(...batch.map((e) => e.revision));
          if (seen.at(-1) === 3) {
            await sql.query('alter table event_log.events rename to hidden');
            void eventually(() => told.length > 0)
              .then(() => sql.query('alter table event_log.hidden rename to events'))
              .then(() => log.append(s, 3, [testEvent(4)]));
          }
          if (seen.at(-1) === 4) stop.abort();
        }
        expect(seen).toEqual([0, 1, 2, 3, 4]);
        expect(told[0]).toMatchObject({ name: 'EventLogUnavailable' });
      });
    });
  });

  describe('closing', () => {
    it('settles what is in flight, takes no more, and ends subscriptions', async () => {
      const log = new PostgresEventLog({ url: database.url });
      const s = stream();
      const subscribed = (async () => {
        for await (const batch of log.subscribe({ after: await log.head(), signal: new AbortController().signal })) void batch;
        return 'ended';
      })();
      const appending = Promise.all([log.append(s, NO_STREAM, [testEvent(0)]), log.append(s, 0, [testEvent(1)])]);
      await log.close();
      expect((await appending).map((a) => a.revision)).toEqual([0, 1]);
      await expect(subscribed).resolves.toBe('ended');
      await expect(log.append(s, 1, [testEvent(2)])).rejects.toMatchObject({ name: 'EventLogUnavailable' });
      await log.close();
    });
  });
});
