import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import type { StoredEvent } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { eventLeafHash } from '#libs/ledger';
import { openDatabase } from '../../src/auditor/database-source.ts';
import type { FindingName } from '../../src/auditor/findings.ts';
import { verifyExport } from '../../src/auditor/verify.ts';
import { writeExport } from '#libs/audit-export';
import { recordLeaves } from '../../src/ledger/record-leaves.ts';
import { Random } from '../faults/random.ts';
import { freshDatabase, type FreshDatabase } from '../support/database.ts';
import { logKey, signedCheckpoint } from '../support/exports.ts';
import { history } from '../support/history.ts';
import { story } from '../support/story.ts';

const SEED = Number(process.env['TAMPER_SEED'] ?? 20_261_122);
const ROUNDS = 60;
const signer = logKey();

let database: FreshDatabase;
let client: Client;
let root: string;
let events: readonly StoredEvent[];

/** The story in a real Postgres, with its ledger and four checkpoints. */
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'plimsoll-tamper-database-'));
  database = await freshDatabase();
  const log = new PostgresEventLog({ url: database.url });
  for (const event of history(story)) await log.append(event.stream, event.revision - 1, [event]);
  events = await log.readAll({ after: -1n, maxCount: 1000 });
  const pool = new Pool({ connectionString: database.url });
  const recorder = await pool.connect();
  await recorder.query('begin');
  await recordLeaves(log).transactional(events, recorder, { epoch: 0 } as never);
  await recorder.query('commit');
  recorder.release();
  await pool.end();
  await log.close();
  client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query('insert into ledger_signer (verifier) values ($1)', [signer.verifier.text]);
  const hashes = events.map(eventLeafHash);
  for (const size of [4, 11, 19, events.length]) {
    await client.query(
      `insert into ledger_checkpoint (size, root, note, signed_at, window_events, window_seconds) values ($1, $2, $3, now(), 1, 1)`,
      [size, Buffer.alloc(32), signedCheckpoint(hashes, size, signer)],
    );
  }
  // Whoever owns the database can switch off what keeps the log append-only: that is what the ledger is for.
  await client.query('alter table event_log.events disable trigger append_only');
  for (const table of TABLES) await client.query(`create table kept_${table.replace('.', '_')} as table ${table}`);
});
afterAll(async () => {
  await client.end();
  await database.drop();
  rmSync(root, { recursive: true, force: true });
});

const TABLES = ['event_log.events', 'ledger_leaf', 'ledger_checkpoint'];

async function restore(): Promise<void> {
  for (const table of TABLES) {
    await client.query(`delete from ${table}`);
    await client.query(`insert into ${table} table kept_${table.replace('.', '_')}`);
  }
}

async function namesNow(known: readonly string[] = []): Promise<string> {
  const folder = mkdtempSync(join(root, 'export-'));
  const source = await openDatabase({ database: database.url });
  try {
    await writeExport(source, folder, { now: '2026-03-03T00:00:00.000Z' });
  } finally {
    await source.close();
  }
  const { findings } = await verifyExport(folder, { key: signer.verifier.text, known });
  rmSync(folder, { recursive: true });
  return [...new Set(findings.map(({ name }) => name))].join();
}

interface DatabaseTampering {
  readonly what: string;
  readonly name: FindingName;
  apply(random: Random): Promise<void>;
}
const run = async (text: string, values: unknown[] = []): Promise<void> => void (await client.query(text, values));
const goesOn = (event: StoredEvent): boolean => events.some((e) => e.stream === event.stream && e.revision > event.revision);

const tamperings: readonly DatabaseTampering[] = [
  {
    what: 'an edited row',
    name: 'edit',
    apply: async (random) => {
      const { position, metadata } = random.pick(events);
      const other = JSON.stringify({ ...metadata, actor: `${metadata.actor}-x` });
      await run('update event_log.events set metadata = $2 where position = $1', [String(position), other]);
    },
  },
  {
    what: 'an event of another type',
    name: 'edit',
    apply: async (random) =>
      run(`update event_log.events set type = type || '2' where position = $1`, [String(random.pick(events).position)]),
  },
  {
    what: 'a deleted event',
    name: 'deletion',
    apply: async (random) => run('delete from event_log.events where position = $1', [String(random.pick(events.filter(goesOn)).position)]),
  },
  {
    what: 'a truncated stream',
    name: 'truncation',
    apply: async (random) => {
      const { stream, revision } = random.pick(events);
      await run('delete from event_log.events where stream = $1 and revision >= $2', [stream, revision]);
    },
  },
  {
    what: 'a truncated log',
    name: 'truncation',
    apply: async (random) => run('delete from event_log.events where position >= $1', [String(random.pick(events.slice(1)).position)]),
  },
  {
    what: 'two events that have changed places',
    name: 'reordering',
    apply: async (random) => {
      const n = random.whole(0, events.length - 2);
      const [a, b] = [String(events[n]!.position), String(random.pick(events.slice(n + 1)).position)];
      await run('update event_log.events set position = -2 where position = $1', [a]);
      await run('update event_log.events set position = $1 where position = $2', [a, b]);
      await run('update event_log.events set position = $1 where position = -2', [b]);
    },
  },
  {
    what: 'an inserted event',
    name: 'insertion',
    apply: async (random) => {
      const n = random.whole(1, events.length - 1);
      await run('update event_log.events set position = -position where position >= $1', [String(events[n]!.position)]);
      await run('update event_log.events set position = 1 - position where position < 0');
      await run('update ledger_leaf set position = -position where position >= $1', [String(events[n]!.position)]);
      await run('update ledger_leaf set position = 1 - position where position < 0');
      await run(
        `insert into event_log.events (position, stream, revision, id, type, data, metadata)
         select $1, stream, revision + 1000, gen_random_uuid(), type, data, metadata from event_log.events where position = $2`,
        [String(events[n]!.position), String(events[n - 1]!.position)],
      );
    },
  },
  {
    what: 'a back-dated event',
    name: 'back-dating',
    apply: async (random) => {
      const { position, metadata } = random.pick(events);
      const earlier = new Date(Date.parse(metadata.recordedAt) - random.pick([7, 900, 45_000])).toISOString();
      await run('update event_log.events set metadata = $2 where position = $1', [
        String(position),
        JSON.stringify({ ...metadata, recordedAt: earlier }),
      ]);
    },
  },
  {
    what: 'an edited event whose leaf was changed with it',
    name: 'fork',
    apply: async (random) => {
      const n = random.whole(0, events.length - 1);
      const event = { ...events[n]!, metadata: { ...events[n]!.metadata, actor: 'person-other' } };
      await run('update event_log.events set metadata = $2 where position = $1', [String(event.position), JSON.stringify(event.metadata)]);
      await run('update ledger_leaf set hash = $2 where sequence = $1', [n, eventLeafHash(event)]);
    },
  },
  {
    what: 'a checkpoint that was changed',
    name: 'forged-checkpoint',
    apply: async (random) => {
      const size = random.pick([4, 11, 19]);
      await run(
        `update ledger_checkpoint set note = replace(note, e'\\n' || size || e'\\n', e'\\n' || (size + 1) || e'\\n') where size = $1`,
        [size],
      );
    },
  },
];

it(`names each of ${ROUNDS} random tamperings of the database by its name, and nothing before and after`, async () => {
  const random = new Random(SEED);
  const wrong: string[] = [];
  expect(await namesNow()).toBe('');
  for (let round = 0; round < ROUNDS; round++) {
    const way = tamperings[round % tamperings.length]!;
    await way.apply(random);
    const names = await namesNow();
    if (names !== way.name) wrong.push(`round ${round}: ${way.what} is ${way.name}; it was called ${names || 'nothing'}`);
    await restore();
  }
  expect(await namesNow()).toBe('');
  expect(wrong).toEqual([]);
}, 120_000);

it('names checkpoints that were taken away or set back, to whoever has kept the last one', async () => {
  const last = signedCheckpoint(events.map(eventLeafHash), events.length, signer);
  expect(await namesNow([last])).toBe('');
  await run('delete from ledger_checkpoint where size > 11');
  expect(await namesNow([last])).toBe('rollback');
  await restore();
});
