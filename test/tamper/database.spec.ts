import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { writeExport } from '#libs/audit-export';
import type { StoredEvent } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { eventLeafHash, formatSignature, formatSigner, parseNote, parseSigner, rootOfLeaves, signatureOf } from '#libs/ledger';
import { openDatabase } from '../../src/auditor/database-source.ts';
import { verifyExport, type Verification, type VerifyOptions } from '../../src/auditor/verify.ts';
import { recordLeaves } from '../../src/ledger/record-leaves.ts';
import { Random } from '../faults/random.ts';
import { freshDatabase, type FreshDatabase } from '../support/database.ts';
import { logKey, signedCheckpoint } from '../support/exports.ts';
import { databaseTamperings, type Before } from './database-tampering.ts';
import { randomHistory } from './random-history.ts';

const SEED = Number(process.env['TAMPER_SEED'] ?? 20_261_122);
/** Each a database with another content: first as nobody touched it, then tampered with. */
const ROUNDS = 204;
const TABLES = [
  'event_log.events',
  'ledger_leaf',
  'ledger_node',
  'ledger_tree',
  'ledger_checkpoint',
  'ledger_cosignature',
  'ledger_signer',
];
const signer = logKey();
const key = signer.verifier.text;
const witness = parseSigner(formatSigner('witness.example', 'cosignature/v1', Buffer.alloc(32, 7)));

let database: FreshDatabase;
let client: Client;
let pool: Pool;
let log: PostgresEventLog;
let root: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'plimsoll-tamper-database-'));
  database = await freshDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
  pool = new Pool({ connectionString: database.url });
  log = new PostgresEventLog({ url: database.url });
  // Whoever owns the database can switch off what keeps the log append-only: that is what the ledger is for.
  await client.query('alter table event_log.events disable trigger append_only');
});
afterAll(async () => {
  await log.close();
  await pool.end();
  await client.end();
  await database.drop();
  rmSync(root, { recursive: true, force: true });
});

/** A log in Postgres, its leaves as Plimsoll makes them, checkpoints of random sizes up to the last event, and a witness's signatures. */
async function filled(random: Random): Promise<Before> {
  const events = randomHistory(random);
  await client.query(`truncate ${TABLES.join(', ')}`);
  await insert(events);
  const recorder = await pool.connect();
  try {
    await recorder.query('begin');
    await recordLeaves(log).transactional(events, recorder, { epoch: 0 } as never);
    await recorder.query('commit');
  } finally {
    recorder.release();
  }
  const hashes = events.map(eventLeafHash);
  const some = Array.from({ length: random.whole(0, 5) }, () => random.whole(1, events.length - 1));
  const sizes = [...new Set([...some, events.length])].sort((a, b) => a - b);
  await client.query('insert into ledger_signer (verifier) values ($1)', [key]);
  for (const size of sizes) {
    const note = signedCheckpoint(hashes, size, signer);
    const top = rootOfLeaves(hashes.slice(0, size));
    await client.query(
      `insert into ledger_checkpoint (size, root, note, signed_at, window_events, window_seconds, published_at) values ($1, $2, $3, now(), 1, 1, now())`,
      [size, top, note],
    );
    const line = formatSignature(signatureOf(parseNote(note).text, witness, 1_790_000_000));
    await client.query(`insert into ledger_cosignature (verifier, size, root, line, witnessed_at) values ($1, $2, $3, $4, now())`, [
      witness.verifier.text,
      size,
      top,
      line,
    ]);
  }
  return { client, events, sizes };
}

async function insert(events: readonly StoredEvent[]): Promise<void> {
  await client.query(
    `insert into event_log.events (position, stream, revision, id, type, data, metadata)
     select * from unnest($1::bigint[], $2::text[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::text[])`,
    [
      events.map((e) => String(e.position)),
      events.map((e) => e.stream),
      events.map((e) => e.revision),
      events.map((e) => e.id),
      events.map((e) => e.type),
      events.map((e) => JSON.stringify(e.data)),
      events.map((e) => JSON.stringify(e.metadata)),
    ],
  );
}

/** What an auditor finds who exports the database as it is now. */
async function verifiedNow(options: VerifyOptions): Promise<Verification> {
  const folder = mkdtempSync(join(root, 'export-'));
  const source = await openDatabase({ database: database.url });
  try {
    await writeExport(source, folder, { now: '2026-03-03T00:00:00.000Z' });
  } finally {
    await source.close();
  }
  const verification = await verifyExport(folder, { key, ...options });
  rmSync(folder, { recursive: true });
  return verification;
}

it(`finds nothing in ${ROUNDS} databases that nobody touched, and names what was done to each by its name, and nothing else (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const wrong: string[] = [];
  const alarms: string[] = [];
  const seen = new Map<string, number>();
  for (let round = 0; round < ROUNDS;) {
    const before = await filled(random);
    const known = [signedCheckpoint(before.events.map(eventLeafHash), before.events.length, signer)];
    const untouched = await verifiedNow({ known, witnesses: [witness.verifier.text] });
    if (untouched.findings.length > 0 || untouched.anchored !== before.events.length || untouched.notes.length > 0)
      alarms.push(`round ${round}: ${JSON.stringify(untouched)}`);

    const way = databaseTamperings[round % databaseTamperings.length]!;
    const done = await way.apply(before, random);
    if (done === undefined) continue;
    const { findings } = await verifiedNow({
      known: way.needs === 'known' ? known : [],
      witnesses: way.needs === 'witness' ? [witness.verifier.text] : [],
    });
    const names = [...new Set(findings.map(({ name }) => name))].join();
    if (names !== way.name) wrong.push(`round ${round}: ${way.what} (${done}) is ${way.name}; it was called ${names || 'nothing'}`);
    seen.set(way.what, (seen.get(way.what) ?? 0) + 1);
    round++;
  }
  expect(alarms).toEqual([]);
  expect(wrong).toEqual([]);
  expect([...seen.keys()]).toEqual(databaseTamperings.map(({ what }) => what));
  expect(ROUNDS).toBeGreaterThanOrEqual(200);
}, 900_000);
