import type { Pool } from 'pg';
import type { EventLog, StoredEvent } from '#libs/event-sourcing';
import {
  appendLeaves,
  consistencyRanges,
  EMPTY_FRONTIER,
  parseVerifier,
  rootOf,
  SUCCESSION_LIKE,
  type Frontier,
  type Hash,
} from '#libs/ledger';
import { viewRows, viewSubscription, type View } from '#libs/read-models';
import type { LeafLine, Manifest } from '../export-format.ts';
import type { ExportSource, ViewRow } from '../write-export.ts';

const BATCH = 2_000;

/**
 * A Plimsoll as it is stored, to be exported: the ledger in Postgres, and the events in their log. It only reads.
 *
 * @param views whose rows are exported, too; none unless told
 * @throws Error there is no ledger in the database, or nothing was signed yet
 */
export async function storedSource(options: {
  readonly pool: Pool;
  readonly log: Pick<EventLog, 'readAll'>;
  readonly kind: Manifest['source'];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of views has no common row
  readonly views?: readonly View<any>[];
}): Promise<ExportSource> {
  const { pool, log, kind, views } = options;
  const { rows } = await pool.query<{ verifier: string }>('select verifier from ledger_signer');
  const verifierKey = rows[0]?.verifier;
  if (!verifierKey) throw new Error('The ledger of this database has signed nothing yet: there is nothing that an export could prove.');
  return {
    kind,
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
      const kept = await pool.query<{ note: string }>(`
          select c.note || coalesce(string_agg(s.line || E'\\n', '' order by s.verifier), '') as note
            from ledger_checkpoint c left join ledger_cosignature s on s.size = c.size and s.root = c.root
           group by c.size order by c.size`);
      yield kept.rows.map(({ note }) => note);
    },
    successions: async () => {
      const named = await pool.query<{ note: string }>('select note from ledger_checkpoint where note like $1 order by size', [
        SUCCESSION_LIKE,
      ]);
      return named.rows.map(({ note }) => note);
    },
    events: (from, to) => eventsOf(log, from, to),
    ...(views ? { views: () => viewsOf(pool, views) } : {}),
  };
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

async function* eventsOf(log: Pick<EventLog, 'readAll'>, from: bigint, to: bigint): AsyncIterable<readonly StoredEvent[]> {
  for (let after = from - 1n; ;) {
    const batch = await log.readAll({ after, maxCount: BATCH });
    const within = batch.filter(({ position }) => position <= to);
    if (within.length > 0) yield within;
    if (within.length < batch.length || batch.length === 0) return;
    after = batch.at(-1)!.position;
  }
}

/** Rows and positions of all views as of one moment. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of views has no common row
async function* viewsOf(pool: Pool, views: readonly View<any>[]): AsyncIterable<readonly ViewRow[]> {
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
