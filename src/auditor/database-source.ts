import { Pool } from 'pg';
import { BEFORE_ALL, type EventLog } from '#libs/event-sourcing';
import { EventStoreDbEventLog } from '#libs/event-sourcing/eventstoredb';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { appendLeaves, consistencyRanges, EMPTY_FRONTIER, parseVerifier, rootOf, type Frontier, type Hash } from '#libs/ledger';
import { viewSubscription } from '#libs/read-models';
import { views } from '../read-models.ts';
import type { LeafLine } from './export-format.ts';
import { viewRows } from './view-rows.ts';
import type { ExportRange, ExportSource, ViewRow } from './write-export.ts';

const BATCH = 2_000;

export interface DatabaseSource extends ExportSource {
  /** The smallest range with every event recorded at or after `since` and before `until` (ISO 8601). Reads the whole log. */
  rangeOf(since: string | undefined, until: string | undefined): Promise<ExportRange>;
  close(): Promise<void>;
}

/**
 * A Plimsoll as it is stored: the ledger in Postgres, and the events there or in EventStoreDB. Every connection to Postgres is read-only.
 *
 * @throws Error there is no ledger in the database, or nothing was signed yet
 */
export async function openDatabase(options: {
  readonly database: string;
  readonly eventStore?: string | undefined;
  readonly views?: boolean;
}): Promise<DatabaseSource> {
  const url = readOnly(options.database);
  const pool = new Pool({ connectionString: url, max: 3, application_name: 'plimsoll-audit' });
  pool.on('error', () => undefined);
  const log: EventLog = options.eventStore
    ? new EventStoreDbEventLog({ connectionString: options.eventStore })
    : new PostgresEventLog({ url });
  const close = async (): Promise<void> => {
    await log.close();
    await pool.end();
  };
  try {
    const { rows } = await pool.query<{ verifier: string }>('select verifier from ledger_signer');
    const verifierKey = rows[0]?.verifier;
    if (!verifierKey) throw new Error('The ledger of this database has signed nothing yet: there is nothing that an export could prove.');
    return {
      kind: options.eventStore ? 'eventstoredb' : 'postgres',
      origin: parseVerifier(verifierKey).name,
      verifierKey,
      size: () => sizeOf(pool),
      leaves: (first, end) => leavesOf(pool, first, end),
      frontier: async (first) => (await treeOf(pool, 0, first)).nodes,
      consistency: async (first, second) => {
        const proof: Hash[] = [];
        for (const { start, end } of consistencyRanges(first, second)) proof.push(rootOf(await treeOf(pool, start, end)));
        return proof;
      },
      checkpoints: async function* () {
        const kept = await pool.query<{ note: string }>('select note from ledger_checkpoint order by size');
        yield kept.rows.map(({ note }) => note);
      },
      events: (from, to) => eventsOf(log, from, to),
      ...(options.views ? { views: () => viewsOf(pool) } : {}),
      rangeOf: (since, until) => rangeOf(pool, log, since, until),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function readOnly(database: string): string {
  const url = new URL(database);
  url.searchParams.set('options', '-c default_transaction_read_only=on');
  // Here a blank becomes a plus, which parsers of connection strings take for what it is.
  url.search = url.search.replaceAll('+', '%20');
  return url.href;
}

async function sizeOf(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ size: string }>('select size from ledger_tree');
  return Number(rows[0]?.size ?? 0);
}

async function* leavesOf(pool: Pool, first: number, end: number): AsyncIterable<readonly LeafLine[]> {
  for (let from = first; from < end;) {
    const { rows } = await pool.query<{
      sequence: string;
      position: string;
      event_id: string;
      stream: string;
      revision: number;
      hash: Buffer;
    }>(
      `select sequence, position, event_id, stream, revision, hash from ledger_leaf
        where sequence >= $1 and sequence < $2 order by sequence limit ${BATCH}`,
      [from, end],
    );
    if (rows.length === 0) return;
    yield rows.map(({ sequence, position, event_id, stream, revision, hash }) => ({
      sequence: Number(sequence),
      position,
      event: `${stream}@${revision}`,
      id: event_id,
      hash: hash.toString('hex'),
    }));
    from = Number(rows.at(-1)!.sequence) + 1;
  }
}

/** The tree of a range of leaves by itself; the range begins where a subtree of the whole tree can. */
async function treeOf(pool: Pool, start: number, end: number): Promise<Frontier> {
  let tree = EMPTY_FRONTIER;
  for await (const leaves of leavesOf(pool, start, end))
    tree = appendLeaves(
      tree,
      leaves.map(({ hash }) => Buffer.from(hash, 'hex')),
    );
  return tree;
}

async function* eventsOf(log: EventLog, from: bigint, to: bigint) {
  for (let after = from - 1n; ;) {
    const batch = await log.readAll({ after, maxCount: BATCH });
    const within = batch.filter(({ position }) => position <= to);
    if (within.length > 0) yield within;
    if (within.length < batch.length || batch.length === 0) return;
    after = batch.at(-1)!.position;
  }
}

async function rangeOf(pool: Pool, log: EventLog, since = '', until = '9999'): Promise<ExportRange> {
  let first: bigint | undefined;
  let last: bigint | undefined;
  for (let after = BEFORE_ALL; ;) {
    const batch = await log.readAll({ after, maxCount: BATCH });
    for (const { position, metadata } of batch) {
      // What was appended around Plimsoll has no time of its own.
      const { recordedAt = '' } = metadata as Partial<typeof metadata>;
      if (recordedAt < since || recordedAt >= until) continue;
      first ??= position;
      last = position;
    }
    if (batch.length === 0) break;
    after = batch.at(-1)!.position;
  }
  if (first === undefined || last === undefined) throw new Error('No event was recorded in that time.');
  const { rows } = await pool.query<{ first: string | null; last: string | null }>(
    'select min(sequence) as first, max(sequence) as last from ledger_leaf where position between $1 and $2',
    [String(first), String(last)],
  );
  if (rows[0]?.first == null || rows[0].last == null) throw new Error('The ledger has not come to the events of that time.');
  return { first: Number(rows[0].first), end: Number(rows[0].last) + 1 };
}

/** Rows and positions of all views as of one moment. */
async function* viewsOf(pool: Pool): AsyncIterable<readonly ViewRow[]> {
  const client = await pool.connect();
  let failed = true;
  try {
    await client.query('begin transaction isolation level repeatable read read only');
    for (const view of views) {
      const kept = await client.query<{ position: string }>('select position from subscription where name = $1', [viewSubscription(view)]);
      const position = kept.rows[0]?.position;
      if (position === undefined) continue;
      const about = { view: view.name, version: view.version, position };
      let empty = true;
      for await (const rows of viewRows(client, view)) {
        empty = false;
        yield rows.map((row) => ({ ...about, ...row }));
      }
      // That a view had no rows is to be compared, too.
      if (empty) yield [about];
    }
    await client.query('commit');
    failed = false;
  } finally {
    client.release(failed);
  }
}
