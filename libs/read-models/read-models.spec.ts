import fc from 'fast-check';
import { Pool } from 'pg';
import { EventCodec, type NewEvent, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { resumeSubscription, storedPosition, SubscriptionRegistry } from '#libs/subscriptions';
import { eventually } from '#libs/subscriptions/testing';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import {
  compareWithRebuild,
  defineView,
  foldView,
  rebuildView,
  runView,
  viewSubscription,
  type View,
  type ViewHostOptions,
} from './index.ts';
import { beds, gardenEvent, type BedRow, type GardenEvent } from './testing/garden.ts';
import { createTableSql } from './view-table.ts';
import { ViewWriter } from './view-writer.ts';

let database: FreshDatabase;
let pool: Pool;
let log: MemoryEventLog;
let registry: SubscriptionRegistry;
let hosts: { stop: () => Promise<void> }[] = [];
const codec = new EventCodec({});

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url, max: 20 });
  pool.on('error', () => undefined);
});
beforeEach(async () => {
  await pool.query('drop table if exists bed, bed__next; truncate subscription, read_model');
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

const NAME = viewSubscription(beds);

function start<Row extends object>(view: View<Row>, overrides: Partial<ViewHostOptions<Row>> = {}) {
  const abort = new AbortController();
  const running = runView({ view, log, codec, pool, registry, pollMs: 10, signal: abort.signal, ...overrides });
  const host = {
    stop: async () => {
      abort.abort();
      await running;
    },
  };
  hosts.push(host);
  return host;
}

const optionsOf = <Row extends object>(view: View<Row>) => ({ view, log, codec, pool, signal: new AbortController().signal });

async function append(...events: NewEvent[]): Promise<bigint> {
  const { revision } = await log.readStream('garden-1');
  return (await log.append('garden-1', revision, events)).position;
}

const dig = (bed: string): NewEvent => gardenEvent('BedDug', { bed, at: '2026-03-02T10:00:00.000Z' });
const plant = (bed: string, name: string): NewEvent => gardenEvent('PlantSet', { bed, plant: name });
const rain = (litres: number, ...on: string[]): NewEvent => gardenEvent('RainFell', { beds: on, litres });
const remove = (bed: string): NewEvent => gardenEvent('BedRemoved', { bed });
const stored = async (): Promise<readonly StoredEvent[]> => await log.readAll({ after: -1n, maxCount: 1_000_000 });
const reached = async (position: bigint, view: View<never> | View<BedRow> = beds) =>
  expect(await registry.waitForPosition(pool, viewSubscription(view), position, 10_000)).toBe(true);

/** Does one thing over and over until another is done. */
async function meanwhile(again: (i: number) => Promise<void>, once: () => Promise<void>): Promise<void> {
  let done = false;
  const repeating = (async () => {
    for (let i = 0; !done; i++) await again(i);
  })();
  await once().finally(() => (done = true));
  await repeating;
}

/** What is in the table, in the shape of rows in memory. */
async function table(): Promise<Map<string, BedRow>> {
  const { rows } = await pool.query<Record<string, unknown>>('select * from bed order by bed_id');
  return new Map(
    rows.map((row) => [
      row.bed_id as string,
      { ...row, last_position: BigInt(row.last_position as string), dug_at: (row.dug_at as Date).toISOString() } as unknown as BedRow,
    ]),
  );
}

describe('a view without a database', () => {
  const at = (events: readonly NewEvent[]): StoredEvent[] =>
    events.map((e, i) => ({ ...e, stream: 'garden-1', revision: i, position: BigInt(i) }));

  it('is the fold of its events, row by row', () => {
    const rows = foldView(beds, at([dig('a'), dig('b'), plant('a', 'kale'), rain(2, 'a', 'b'), rain(1, 'a'), remove('b')]));
    expect([...rows.keys()]).toEqual(['a']);
    expect(rows.get('a')).toEqual({
      bed_id: 'a',
      plants: ['kale'],
      litres: 3,
      rains: 2,
      last_position: 4n,
      dug_at: '2026-03-02T10:00:00.000Z',
      dry: false,
    });
  });

  it('ignores events that it says it ignores, and those it does not know', () => {
    expect(foldView(beds, at([gardenEvent('GnomeStolen', { gnome: 'g' }), { ...dig('a'), type: 'constructor' }])).size).toBe(0);
  });

  it('touches a row once where an event names it twice', () => {
    expect(foldView(beds, at([dig('a'), rain(1, 'a', 'a')])).get('a')?.rains).toBe(1);
  });

  it('refuses a row that is changed in place, and one under another key', () => {
    const base = { name: 'odd', version: 1, table: 'odd', key: 'id', columns: { id: 'text', n: 'integer' } } as const;
    type Row = { id: string; n: number };
    const on = { PlantSet: 'ignored', RainFell: 'ignored', BedRemoved: 'ignored', GnomeStolen: 'ignored' } as const;
    const inPlace = defineView<Row, GardenEvent>({
      ...base,
      on: { ...on, BedDug: { key: (e) => e.data.bed, apply: (row) => (row ? Object.assign(row as Row, { n: 2 }) : { id: 'a', n: 1 }) } },
    });
    expect(() => foldView(inPlace, at([dig('a'), dig('a')]))).toThrow(TypeError);
    const otherKey = defineView<Row, GardenEvent>({
      ...base,
      on: { ...on, BedDug: { key: (e) => e.data.bed, apply: () => ({ id: 'b', n: 1 }) } },
    });
    expect(() => foldView(otherKey, at([dig('a')]))).toThrow('gave the row b where a was asked for');
  });

  it('does not compile until it says what every event means', () => {
    const declare = () =>
      defineView<{ id: string }, GardenEvent>({
        name: 'x',
        version: 1,
        table: 'x',
        key: 'id',
        columns: { id: 'text' },
        // @ts-expect-error RainFell is missing
        on: { BedDug: 'ignored', PlantSet: 'ignored', BedRemoved: 'ignored', GnomeStolen: 'ignored' },
      });
    expect(declare).not.toThrow();
  });

  it('refuses names that are not names', () => {
    const declare = (change: object) => () =>
      defineView<{ id: string }, never>({ name: 'x', version: 1, table: 'x', key: 'id', columns: { id: 'text' }, on: {}, ...change });
    expect(declare({ table: 'x; drop table y' })).toThrow('snake_case');
    expect(declare({ name: 'Not Kebab' })).toThrow('kebab-case');
    expect(declare({ version: 0 })).toThrow('version');
    expect(declare({ key: 'other' })).toThrow('key');
  });
});

describe('a view in a table', () => {
  it('has the rows of the fold, however the events are cut into batches and whatever is remembered between them', async () => {
    const names = fc.constantFrom('a', 'b', 'c "quoted" \\ {}', 'ü, null');
    const event = fc.oneof(
      names.map(dig),
      fc.tuple(names, fc.string()).map(([bed, name]) => plant(bed, name.replaceAll('\0', ''))),
      fc
        .tuple(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), fc.array(names))
        .map(([litres, on]) => rain(litres, ...on)),
      names.map(remove),
    );
    const client = await pool.connect();
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.array(event, { maxLength: 8 }), fc.boolean()), { maxLength: 8 }), async (batches) => {
          await pool.query(`drop table if exists bed; ${createTableSql(beds, 'bed')}`);
          const writer = new ViewWriter(beds);
          const all: StoredEvent[] = [];
          let epoch = 0;
          for (const [batch, forget] of batches) {
            const events = batch.map((e, i) => ({ ...e, stream: 'garden-1', revision: all.length + i, position: BigInt(all.length + i) }));
            all.push(...events);
            if (forget) epoch++;
            await writer.write(events, client, epoch);
          }
          expect(await table()).toEqual(new Map([...foldView(beds, all)].sort(([x], [y]) => (x < y ? -1 : 1))));
        }),
        { numRuns: 60 },
      );
    } finally {
      client.release();
    }
  });

  it('is kept up to date as events come, with its checkpoint', async () => {
    await append(dig('a'), dig('b'));
    start(beds);
    await reached(await append(rain(2, 'a', 'b'), remove('b')));
    expect(await table()).toEqual(foldView(beds, await stored()));
    expect(await storedPosition(pool, NAME)).toBe(3n);
  });

  it('counts nothing twice when its connection is cut in the middle of a batch', async () => {
    start(beds, { batchSize: 5 });
    await append(dig('a'));
    for (let i = 0; i < 40; i++) {
      await append(rain(1, 'a'));
      if (i % 8 === 0) {
        await pool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
        );
      }
    }
    await reached(await append(rain(1, 'a')));
    expect((await table()).get('a')?.rains).toBe(41);
  });

  it('counts nothing twice when several workers keep it and the one at work stops', async () => {
    const first = start(beds, { registry: new SubscriptionRegistry() });
    start(beds, { registry: new SubscriptionRegistry() });
    start(beds, { registry: new SubscriptionRegistry() });
    await append(dig('a'));
    for (let i = 0; i < 30; i++) {
      await append(rain(1, 'a'));
      if (i === 15) await first.stop();
    }
    await reached(await log.head());
    expect((await table()).get('a')?.rains).toBe(30);
  });

  it('stops at an event that it can not apply, says so, and leaves other views alone', async () => {
    const fragile = fragileBeds(() => true);
    start(fragile);
    start(beds);
    const last = await append(dig('a'), dig('b'), rain(-1, 'a'), dig('c'));
    await reached(last);
    await eventually(() => registry.get('projection:fragile:v1')?.state === 'failed');
    expect(registry.get('projection:fragile:v1')).toMatchObject({
      position: 1n,
      failure: { message: 'negative rain', stream: 'garden-1', revision: 2 },
    });
    expect((await pool.query('select id from fragile order by id')).rows).toEqual([{ id: 'a' }, { id: 'b' }]);
    await pool.query('drop table fragile');
  });

  it('says what is wrong when a table does not fit its declaration', async () => {
    await pool.query('create table bed (bed_id text primary key, plants text)');
    start(beds);
    await eventually(() => registry.get(NAME)?.interruption);
    expect(registry.get(NAME)?.interruption).toMatch(
      /Table bed does not fit view beds v1: its column plants is text, not jsonb; it has no column litres/,
    );
  });
});

/** A view that can't stand negative rain while `fragile` says so. */
function fragileBeds(fragile: () => boolean, version = 1): View<{ id: string; litres: number }> {
  return defineView<{ id: string; litres: number }, GardenEvent>({
    name: 'fragile',
    version,
    table: 'fragile',
    key: 'id',
    columns: { id: 'text', litres: 'double precision' },
    on: {
      BedDug: { key: (e) => e.data.bed, apply: (row, e) => row ?? { id: e.data.bed, litres: 0 } },
      PlantSet: 'ignored',
      RainFell: {
        key: (e) => e.data.beds,
        apply: (row, e) => {
          if (e.data.litres < 0 && fragile()) throw new Error('negative rain');
          return row && { ...row, litres: row.litres + e.data.litres };
        },
      },
      BedRemoved: 'ignored',
      GnomeStolen: 'ignored',
    },
  });
}

/** The second version of the view: another column, and rain counts double. */
type BedRow2 = Omit<BedRow, 'dry'> & { soaked: boolean };
const beds2 = defineView<BedRow2, GardenEvent>({
  name: 'beds',
  version: 2,
  table: 'bed',
  key: 'bed_id',
  columns: {
    bed_id: 'text',
    plants: 'jsonb',
    litres: 'double precision',
    rains: 'integer',
    last_position: 'bigint',
    dug_at: 'timestamptz',
    soaked: 'boolean',
  },
  on: {
    BedDug: {
      key: (e) => e.data.bed,
      apply: (row, e) =>
        row ?? { bed_id: e.data.bed, plants: [], litres: 0, rains: 0, last_position: e.position, dug_at: null, soaked: false },
    },
    PlantSet: 'ignored',
    RainFell: {
      key: (e) => e.data.beds,
      apply: (row, e) => row && { ...row, rains: row.rains + 2, soaked: true, last_position: e.position },
    },
    BedRemoved: { key: (e) => e.data.bed, apply: () => undefined },
    GnomeStolen: 'ignored',
  },
});

describe('rebuilding a view', () => {
  it('replaces it without losing or doubling an event while writes go on, and the live one answers meanwhile', async () => {
    start(beds, { batchSize: 7 });
    await reached(await append(dig('a'), dig('b'), ...Array.from({ length: 500 }, () => rain(1, 'a'))));
    await pool.query(`update bed set rains = 9999 where bed_id = 'a'`);

    const answers: (number | null)[] = [];
    const rebuilt: bigint[] = [];
    await meanwhile(
      async (i) => {
        await append(rain(1, i % 2 ? 'a' : 'b'), plant('b', `plant ${i}`));
        answers.push((await pool.query('select bed_id from bed')).rowCount);
      },
      async () => {
        for (let round = 0; round < 3; round++) {
          const outcome = await rebuildView({ ...optionsOf(beds), batchSize: 50 });
          expect(outcome.swapped).toBe(true);
          rebuilt.push(outcome.position);
        }
      },
    );

    await reached(await append(rain(1, 'a')));
    expect(await table()).toEqual(foldView(beds, await stored()));
    expect(rebuilt[2]).toBeGreaterThan(rebuilt[0]!);
    expect(new Set(answers)).toEqual(new Set([2]));
    const columns = await pool.query(`select indexdef from pg_indexes where tablename = 'bed' order by 1`);
    expect(columns.rows.map((row: { indexdef: string }) => row.indexdef.replace(/^.* USING/, 'USING'))).toEqual(
      expect.arrayContaining(['USING btree (bed_id)', 'USING btree (dug_at)']),
    );
  });

  it('happens at the start of a later version, into the columns of that version', async () => {
    const old = start(beds);
    await reached(await append(dig('a'), rain(1, 'a'), rain(1, 'a')));
    await old.stop();
    start(beds2);
    await reached(await append(rain(1, 'a')), beds2 as unknown as View<BedRow>);
    expect((await pool.query('select bed_id, rains, soaked from bed')).rows).toEqual([{ bed_id: 'a', rains: 6, soaked: true }]);
    // The rebuild itself may have brought the last event: then the view is there before its subscription runs.
    await eventually(() => registry.get(viewSubscription(beds2))?.state === 'running');
    expect((await pool.query(`select name, state from subscription order by name`)).rows).toEqual([
      { name: 'projection:beds:v1', state: 'retired' },
      { name: 'projection:beds:v2', state: 'running' },
      { name: 'projection:beds:v2:next', state: 'retired' },
    ]);
  });

  it('is done once where several workers start the later version, and the earlier version beside them stops writing', async () => {
    const old = new SubscriptionRegistry();
    start(beds, { registry: old, leaseMs: 400 });
    await append(dig('a'), rain(1, 'a'));
    await eventually(() => old.get(NAME)?.position === 1n);
    start(beds2);
    start(beds2, { registry: new SubscriptionRegistry() });
    start(beds2, { registry: new SubscriptionRegistry() });
    await reached(await append(rain(1, 'a')), beds2 as unknown as View<BedRow>);
    await eventually(() => old.get(NAME)?.state === 'waiting');
    await reached(await append(rain(1, 'a')), beds2 as unknown as View<BedRow>);
    expect((await pool.query('select bed_id, rains from bed')).rows).toEqual([{ bed_id: 'a', rains: 6 }]);
    start(beds, { registry: new SubscriptionRegistry(), onError: () => undefined });
    await expect(rebuildView(optionsOf(beds))).rejects.toThrow('The view beds is at version 2 already; this program has version 1.');
  });

  it('that is interrupted leaves the live view as it was, and begins anew', async () => {
    start(beds);
    await reached(await append(dig('a'), ...Array.from({ length: 300 }, () => rain(1, 'a'))));
    const abort = new AbortController();
    const stalled = rebuildView({ ...optionsOf(beds), batchSize: 10, signal: abort.signal });
    await eventually(async () => ((await storedPosition(pool, `${NAME}:next`)) ?? -1n) > 0n);
    abort.abort(new Error('stopped'));
    await stalled.catch(() => undefined);
    await reached(await append(rain(1, 'a')));
    expect((await table()).get('a')?.rains).toBe(301);
    await rebuildView(optionsOf(beds));
    await reached(await append(rain(1, 'a')));
    expect(await table()).toEqual(foldView(beds, await stored()));
  });

  it('mends a view that had stopped at an event, once its code can take it', async () => {
    let fragile = true;
    const view = fragileBeds(() => fragile);
    start(view);
    await append(dig('a'), rain(-1, 'a'));
    await eventually(() => registry.get('projection:fragile:v1')?.state === 'failed');
    await expect(rebuildView(optionsOf(view))).rejects.toThrow(/can't be rebuilt: at garden-1@1 negative rain/);
    fragile = false;
    await rebuildView(optionsOf(view));
    await append(rain(3, 'a'));
    expect(
      await registry
        .waitForPosition(pool, 'projection:fragile:v1', 1n, 0)
        .then(() => eventually(() => registry.get('projection:fragile:v1')?.position === 2n)),
    ).toBe(true);
    expect((await pool.query('select * from fragile')).rows).toEqual([{ id: 'a', litres: 2 }]);
    await pool.query('drop table fragile');
  });

  it('into a later version waits at an event that it can not apply, until it is resumed', async () => {
    let fragile = false;
    const old = start(fragileBeds(() => fragile));
    await append(dig('a'), rain(-1, 'a'));
    await eventually(() => registry.get('projection:fragile:v1')?.position === 1n);
    await old.stop();
    fragile = true;
    start(fragileBeds(() => fragile, 2));
    await eventually(() => registry.get('projection:fragile:v2:next')?.state === 'failed');
    expect((await pool.query('select * from fragile')).rows).toEqual([{ id: 'a', litres: -1 }]);
    fragile = false;
    await resumeSubscription(pool, 'projection:fragile:v2:next');
    await eventually(() => registry.get('projection:fragile:v2')?.position === 1n);
    expect(registry.get('projection:fragile:v2:next')).toBeUndefined();
    await pool.query('drop table fragile');
  });

  it('lets others read on while a long reader keeps it from the swap', async () => {
    start(beds);
    await reached(await append(dig('a'), rain(1, 'a')));
    const report = await pool.connect();
    await report.query('begin; select * from bed');
    let swapped = false;
    const rebuilding = rebuildView(optionsOf(beds)).then(() => (swapped = true));
    const waiting = `select from pg_locks where relation = to_regclass('bed') and mode = 'AccessExclusiveLock' and not granted`;
    await eventually(async () => (await pool.query(waiting)).rowCount === 1);
    expect((await pool.query('select * from bed')).rowCount).toBe(1);
    expect(swapped).toBe(false);
    await report.query('commit');
    report.release();
    await rebuilding;
    await reached(await append(rain(1, 'a')));
    expect(await table()).toEqual(foldView(beds, await stored()));
  });

  it('is refused where the view never ran', async () => {
    await expect(rebuildView(optionsOf(beds))).rejects.toThrow('has never run');
  });
});

describe('a view over the event log in Postgres', () => {
  it('has the rows of the fold after many writers and a rebuild at once', async () => {
    const postgres = new PostgresEventLog({ url: database.url });
    try {
      const options = { ...optionsOf(beds), log: postgres };
      start(beds, { log: postgres });
      await eventually(() => registry.get(NAME)?.state === 'running');
      const names = Array.from({ length: 8 }, (_, i) => `bed ${i}`);
      const writers = names.map(async (name, i) => {
        await postgres.append(`bed-${i}`, -1, [dig(name)]);
        for (let n = 0; n < 40; n++) await postgres.append(`bed-${i}`, n, [rain(n, name, names[(i + n) % 8]!)]);
      });
      await rebuildView(options);
      await Promise.all(writers);
      await rebuildView(options);
      await reached(await postgres.head());
      expect(await table()).toEqual(foldView(beds, await postgres.readAll({ after: -1n, maxCount: 10_000 })));
      expect(await compareWithRebuild(options)).toMatchObject({ rows: 8, differingCount: 0 });
    } finally {
      await hosts.pop()?.stop();
      await postgres.close();
    }
  });
});

describe('comparing a view with its events', () => {
  it('finds no difference where there is none, also while the view is written', async () => {
    start(beds);
    await reached(await append(dig('a'), dig('b'), ...Array.from({ length: 200 }, () => rain(1.1, 'a'))));
    await meanwhile(
      async () => {
        await append(rain(0.1, 'a', 'b'));
        await pool.query('select');
      },
      async () => {
        for (let i = 0; i < 5; i++)
          expect(await compareWithRebuild(optionsOf(beds))).toMatchObject({ rows: 2, differing: [], differingCount: 0 });
      },
    );
  });

  it('names the rows that are not what the events say, and leaves them alone', async () => {
    start(beds);
    await reached(await append(dig('a'), dig('b'), dig('c'), rain(1, 'a', 'b', 'c')));
    await pool.query(
      `update bed set rains = 7 where bed_id = 'a'; delete from bed where bed_id = 'b'; insert into bed (bed_id) values ('ghost')`,
    );
    const comparison = await compareWithRebuild(optionsOf(beds));
    expect(comparison).toMatchObject({ position: 3n, rows: 3, differingCount: 3 });
    expect(comparison.differing).toEqual([
      { key: 'a', live: expect.objectContaining({ rains: 7 }), rebuilt: expect.objectContaining({ rains: 1 }) },
      { key: 'b', live: undefined, rebuilt: expect.objectContaining({ bed_id: 'b' }) },
      { key: 'ghost', live: expect.objectContaining({ bed_id: 'ghost' }), rebuilt: undefined },
    ]);
    expect((await pool.query(`select rains from bed where bed_id = 'a'`)).rows).toEqual([{ rains: 7 }]);
  });
});
