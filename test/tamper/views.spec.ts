import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { parseManifest, textOf, writeExport, FILES } from '#libs/audit-export';
import { storedSource } from '#libs/audit-export/database';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { LogKeys } from '#libs/ledger';
import { compareViews, replay } from '../../src/auditor/replay.ts';
import { restoreLedger } from '../../src/auditor/restore-ledger.ts';
import { views } from '../../src/read-models.ts';
import { Random } from '../faults/random.ts';
import { freshDatabase, type FreshDatabase } from '../support/database.ts';
import { logKey, memorySource } from '../support/exports.ts';
import { history } from '../support/history.ts';
import { story } from '../support/story.ts';

const SEED = Number(process.env['TAMPER_SEED'] ?? 20_261_122);
const ROUNDS = 40;
const signer = logKey();
const NOW = '2026-03-03T00:00:00.000Z';

/** The story with its ledger and views, as Plimsoll makes them: what is tampered with; and the same once more: what the events give. */
let database: FreshDatabase;
let replayed: FreshDatabase;
let client: Client;
let pools: { readonly tampered: Pool; readonly honest: Pool };
let log: PostgresEventLog;
let root: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'plimsoll-tamper-views-'));
  const events = history(story);
  const folder = join(root, 'story');
  await writeExport(memorySource(events, [events.length]), folder, { now: NOW });
  const manifest = parseManifest(await textOf(folder, FILES.manifest));
  database = await freshDatabase();
  replayed = await freshDatabase();
  for (const { url } of [database, replayed]) await replay(folder, manifest, url);
  await restoreLedger(folder, database.url, { keys: new LogKeys(signer.verifier), witnesses: [], at: NOW });
  client = new Client({ connectionString: database.url });
  await client.connect();
  pools = { tampered: new Pool({ connectionString: database.url }), honest: new Pool({ connectionString: replayed.url }) };
  log = new PostgresEventLog({ url: replayed.url });
}, 120_000);
afterAll(async () => {
  await log.close();
  await client.end();
  await Promise.all(Object.values(pools).map((pool) => pool.end()));
  await database.drop();
  await replayed.drop();
  rmSync(root, { recursive: true, force: true });
});

async function foundNow(): Promise<readonly string[]> {
  const folder = mkdtempSync(join(root, 'export-'));
  const tampered = new PostgresEventLog({ url: database.url });
  try {
    const source = await storedSource({ pool: pools.tampered, log: tampered, kind: 'postgres', views });
    await writeExport(source, folder, { now: NOW });
    const { findings, views: compared } = await compareViews(folder, log, pools.honest);
    expect(compared.filter((view) => !view.compared)).toEqual([]);
    return [...new Set(findings.map(({ name, where }) => `${name} ${where.split(' ')[0]!}`))];
  } finally {
    await tampered.close();
    rmSync(folder, { recursive: true });
  }
}

interface Column {
  readonly column_name: string;
  readonly data_type: string;
}

/** Another value of the same type. */
const OTHER: Readonly<Record<string, (column: string) => string>> = {
  text: (column) => `${column} || '-x'`,
  integer: (column) => `${column} + 1`,
  bigint: (column) => `${column} + 1`,
  boolean: (column) => `not ${column}`,
  jsonb: (column) => `case jsonb_typeof(${column}) when 'array' then ${column} || '["x"]' else '{"x": 1}' end`,
  'timestamp with time zone': (column) => `${column} - interval '1 day'`,
};

/** Edits, deletes or copies one random row of a view. @returns what was done; undefined where a constraint of its table is against it */
async function tamper(view: (typeof views)[number], random: Random): Promise<string | undefined> {
  const { table, key } = view;
  const keys = (await client.query<{ key: string }>(`select ${key}::text as key from ${table} order by 1`)).rows;
  if (keys.length === 0) return undefined;
  const { rows: types } = await client.query<Column>(
    'select column_name, data_type from information_schema.columns where table_name = $1',
    [table],
  );
  const how = random.pick(['edit', 'edit', 'delete', 'insert'] as const);
  const columns = types.filter((c) => OTHER[c.data_type] && view.columns.some(({ name }) => name === c.column_name));
  const column = how === 'insert' ? columns.find((c) => c.column_name === key) : random.pick(columns);
  if (!column) return undefined;
  const name = column.column_name;
  const other = OTHER[column.data_type]!(`t.${name}`);
  const text = {
    edit: `update ${table} t set ${name} = ${other} where ${key}::text = $1 and ${other} is distinct from t.${name}`,
    delete: `delete from ${table} where ${key}::text = $1`,
    insert: `insert into ${table} select (jsonb_populate_record(t, jsonb_build_object('${name}', ${other}))).* from ${table} t where ${key}::text = $1`,
  }[how];
  const row = random.pick(keys).key;
  return await client.query(text, [row]).then(
    // Of nothing there is no other value.
    ({ rowCount }) => (rowCount === 0 ? undefined : `${how} of ${name} in ${row}`),
    (error: Error) => (/constraint|violates|enum/.test(error.message) ? undefined : Promise.reject(error)),
  );
}

it(`names each of ${ROUNDS} random edits of rows of views by their view, and nothing before and after (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const wrong: string[] = [];
  const seen = new Set<string>();
  expect(await foundNow()).toEqual([]);
  for (let round = 0; round < ROUNDS;) {
    const view = random.pick(views);
    await client.query(`create table kept as table ${view.table}`);
    const done = await tamper(view, random);
    if (done) {
      const names = (await foundNow()).join();
      if (names !== `view-differs ${view.name}`) wrong.push(`round ${round}: ${view.name}: ${done} was called ${names || 'nothing'}`);
      seen.add(view.name);
      round++;
    }
    await client.query(`delete from ${view.table}`);
    await client.query(`insert into ${view.table} table kept`);
    await client.query('drop table kept');
  }
  expect(await foundNow()).toEqual([]);
  expect(wrong).toEqual([]);
  expect(seen.size).toBeGreaterThan(3);
}, 300_000);
