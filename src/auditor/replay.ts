import { Pool } from 'pg';
import { plimsollCodec } from '#libs/contracts';
import { BEFORE_ALL, type EventLog, type StoredEvent } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { runView, viewSubscription, type View } from '#libs/read-models';
import { SubscriptionRegistry } from '#libs/subscriptions';
import { migrate } from '../../migrations/migrate.ts';
import { views } from '../read-models.ts';
import { FILES, MalformedExport, parseObject, type Manifest } from '#libs/audit-export';
import type { Finding } from './findings.ts';
import { linesOf } from '#libs/audit-export';
import { readExport } from '#libs/audit-export';
import { viewRows } from '#libs/read-models';

export interface Replayed {
  readonly events: number;
  readonly views: readonly { readonly view: string; readonly rows: number; readonly compared: boolean; readonly differing: number }[];
  readonly findings: readonly Finding[];
}

/** The first of a view that are told one by one. */
const MOST_TOLD = 20;

/**
 * Puts the events of an export, which must begin with the first of all, into an empty database, has Plimsoll's own projections make the views of
 * them, and compares these with the rows that came with the export, byte for byte, each view at the position that it had.
 *
 * @throws Error the database is not empty, or the export does not begin at the beginning
 */
export async function replay(
  folder: string,
  manifest: Manifest,
  url: string,
  onProgress: (what: string) => void = () => undefined,
): Promise<Replayed> {
  if (manifest.first !== 0)
    throw new Error(`The export begins at sequence ${manifest.first}: views are made from the first event on. Export from 0.`);
  await migrate(url);
  const pool = new Pool({ connectionString: url, max: 8 });
  pool.on('error', () => undefined);
  const log = new PostgresEventLog({ url });
  try {
    if ((await log.head()) !== BEFORE_ALL) throw new Error('The database has events already: a replay takes an empty one.');
    const events = await restore(pool, folder, onProgress);
    return { events, ...(await compareViews(folder, log, pool, onProgress)) };
  } finally {
    await log.close();
    await pool.end();
  }
}

/** Has Plimsoll's own projections make the views of a log's events, each as far as its exported rows are, and compares both. */
export async function compareViews(
  folder: string,
  log: EventLog,
  pool: Pool,
  onProgress: (what: string) => void = () => undefined,
): Promise<Omit<Replayed, 'events'>> {
  const { rows: exported, findings: incomparable } = await exportedRows(folder);
  const results: Replayed['views'][number][] = [];
  const findings: Finding[] = [...incomparable];
  for (const view of views) {
    onProgress(`view ${view.name}`);
    const rows = exported.get(view.name);
    const head = await log.head();
    const position = rows?.position ?? head;
    if (position > head) throw new Error(`The view ${view.name} was at position ${position}, and the export ends at ${head}.`);
    await runUpTo(view, log, pool, position);
    const differing = rows ? await compare(view, pool, rows.byKey) : [];
    findings.push(...differing.slice(0, MOST_TOLD));
    results.push({ view: view.name, rows: rows?.byKey.size ?? 0, compared: rows !== undefined, differing: differing.length });
  }
  return { views: results, findings };
}

/** Events keep the positions of the store that they come from, so that what cites a position stays true. */
async function restore(pool: Pool, folder: string, onProgress: (what: string) => void): Promise<number> {
  let count = 0;
  for await (const batch of readExport(folder)) {
    const columns = [
      batch.map((e) => String(e.position)),
      batch.map((e) => e.stream),
      batch.map((e) => e.revision),
      batch.map((e) => e.id),
      batch.map((e) => (e.stray ?? e).type),
      batch.map((e) => JSON.stringify((e.stray ?? e).data)),
      batch.map((e) => JSON.stringify((e.stray ?? e).metadata)),
    ];
    await pool.query(
      `insert into event_log.events (position, stream, revision, id, type, data, metadata)
       select * from unnest($1::bigint[], $2::text[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::text[])`,
      columns,
    );
    count += batch.length;
    onProgress(`${count} events restored`);
  }
  return count;
}

interface ExportedRows {
  readonly position: bigint;
  readonly byKey: Map<string, string>;
}

/**
 * The exported rows of each view that this program makes, and what can't be held against anything: nothing of it is passed over, for else a row could be
 * hidden by giving it another view's name or version.
 */
export async function exportedRows(folder: string): Promise<{ rows: Map<string, ExportedRows>; findings: readonly Finding[] }> {
  const found = new Map<string, ExportedRows>();
  const known = new Map(views.map((view) => [view.name, view]));
  const wrong = new Map<string, Finding>();
  const differs = (where: string, detail: string): void => {
    if (wrong.size < MOST_TOLD) wrong.set(`${where} ${detail}`, { name: 'view-differs', where, detail });
  };
  try {
    for await (const lines of linesOf(folder, FILES.views)) {
      for (const line of lines) {
        const { view: name, version, position, key, row } = parseObject(FILES.views, line.toString('utf8'));
        if (typeof position !== 'string' || !/^\d{1,19}$/.test(position)) throw new MalformedExport(FILES.views, 'A line has no position.');
        const view = known.get(String(name));
        if (!view) {
          differs(short(String(name)), 'This program makes no such view: its rows were compared with nothing.');
          continue;
        }
        if (view.version !== version) {
          const detail = `There are rows of version ${short(JSON.stringify(version) ?? 'none')}, this program makes version ${view.version}: compare them with the Plimsoll of then.`;
          differs(view.name, detail);
          continue;
        }
        const rows = found.get(view.name) ?? { position: BigInt(position), byKey: new Map<string, string>() };
        if (BigInt(position) !== rows.position)
          differs(view.name, 'Its rows are of several positions: those of an export are of one moment.');
        if (typeof key === 'string') {
          if (rows.byKey.has(key)) differs(`${view.name} ${key}`, 'The export has this row twice.');
          else rows.byKey.set(key, String(row));
        }
        found.set(view.name, rows);
      }
    }
  } catch (error) {
    if (!(error instanceof MalformedExport) || !/ENOENT/.test(error.message)) throw error;
  }
  return { rows: found, findings: [...wrong.values()] };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of views has no common row
async function runUpTo(view: View<any>, log: EventLog, pool: Pool, position: bigint): Promise<void> {
  const stop = new AbortController();
  const registry = new SubscriptionRegistry();
  const running = runView({ view, log: upTo(log, position), codec: plimsollCodec(), pool, registry, signal: stop.signal });
  const name = viewSubscription(view);
  try {
    while (!(await registry.waitForPosition(pool, name, position, 500))) {
      const failure = registry.get(name)?.failure;
      if (failure) throw new Error(`The view ${view.name} can't take ${failure.stream}@${failure.revision}: ${failure.message}`);
    }
  } finally {
    stop.abort();
    await running;
  }
}

/** A log that ends at a position: a view is made exactly as far as it was when its rows were exported. */
function upTo(log: EventLog, position: bigint): EventLog {
  const within = (events: readonly StoredEvent[]): readonly StoredEvent[] => events.filter((event) => event.position <= position);
  return {
    append: (...args) => log.append(...args),
    readStream: (...args) => log.readStream(...args),
    readAll: async (options) => within(await log.readAll(options)),
    subscribe: async function* (options) {
      for await (const batch of log.subscribe(options)) {
        const some = within(batch);
        if (some.length > 0) yield some;
      }
    },
    head: async () => {
      const head = await log.head();
      return head < position ? head : position;
    },
    close: async () => undefined,
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of views has no common row
async function compare(view: View<any>, pool: Pool, exported: ReadonlyMap<string, string>): Promise<Finding[]> {
  const findings: Finding[] = [];
  const left = new Set(exported.keys());
  const client = await pool.connect();
  try {
    for await (const batch of viewRows(client, view)) {
      for (const { key, row } of batch) {
        left.delete(key);
        const was = exported.get(key);
        if (was === row) continue;
        const detail =
          was === undefined
            ? 'The events give this row; the export has none.'
            : `The export has ${short(was)}, the events give ${short(row)}.`;
        findings.push({ name: 'view-differs', where: `${view.name} ${key}`, detail });
      }
    }
  } finally {
    client.release();
  }
  for (const key of left)
    findings.push({ name: 'view-differs', where: `${view.name} ${key}`, detail: 'The export has this row; the events do not give it.' });
  return findings;
}

function short(row: string): string {
  return row.length > 300 ? `${row.slice(0, 300)}…` : row;
}
