import { join } from 'node:path';
import { Pool } from 'pg';
import type { ExportRange, ExportSource } from '#libs/audit-export';
import { storedSource } from '#libs/audit-export/database';
import { holdsCluster, readEmbeddedPostgres } from '#libs/embedded-postgres';
import { BEFORE_ALL, type EventLog } from '#libs/event-sourcing';
import { EventStoreDbEventLog } from '#libs/event-sourcing/eventstoredb';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { views } from '../read-models.ts';

const BATCH = 2_000;

export interface DatabaseSource extends ExportSource {
  /** The smallest range with every event recorded at or after `since` and before `until` (ISO 8601). Reads the whole log. */
  rangeOf(since: string | undefined, until: string | undefined): Promise<ExportRange>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly database: string;
  readonly eventStore?: string | undefined;
  readonly views?: boolean;
}

/** Whether a data folder of Plimsoll has an embedded Postgres in it. */
export function holdsDatabase(dataDir: string): boolean {
  return holdsCluster(join(dataDir, 'postgres'));
}

/** The Plimsoll of a data folder, running or stopped, on its embedded Postgres. @throws Error as `openDatabase`, or its server can't be started for reading */
export async function openDataFolder({
  dataDir,
  ...options
}: Omit<DatabaseOptions, 'database'> & { readonly dataDir: string }): Promise<DatabaseSource> {
  const server = await readEmbeddedPostgres(join(dataDir, 'postgres'));
  try {
    const source = await openDatabase({ ...options, database: server.url });
    const close = async (): Promise<void> => {
      await source.close();
      await server.stop();
    };
    return { ...source, close };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * A Plimsoll as it is stored: the ledger in Postgres, and the events there or in EventStoreDB. Every connection to Postgres is read-only.
 *
 * @throws Error there is no ledger in the database, or nothing was signed yet
 */
export async function openDatabase(options: DatabaseOptions): Promise<DatabaseSource> {
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
    const kind = options.eventStore ? 'eventstoredb' : 'postgres';
    const source = await storedSource({ pool, log, kind, ...(options.views ? { views } : {}) });
    return { ...source, rangeOf: (since, until) => rangeOf(pool, log, since, until), close };
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

async function rangeOf(pool: Pool, log: EventLog, since = '', until = '9999'): Promise<ExportRange> {
  let first: bigint | undefined;
  let last: bigint | undefined;
  for (let after = BEFORE_ALL; ;) {
    const batch = await log.readAll({ after, maxCount: BATCH });
    for (const { position, metadata, stray } of batch) {
      // What was appended around Plimsoll has no time of its own.
      const recordedAt = stray ? '' : metadata.recordedAt;
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
