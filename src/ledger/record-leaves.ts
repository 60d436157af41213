import type { PoolClient } from 'pg';
import type { EventLog, StoredEvent, Stray } from '#libs/event-sourcing';
import { appendLeaves, EMPTY_FRONTIER, eventLeafHash, rootOf, type Frontier, type Hash } from '#libs/ledger';
import type { TransactionalHandler } from '#libs/subscriptions';
import { LedgerDamaged, leafBy, STORED_LEVELS, type StoredLeaf } from '#libs/ledger/postgres';

/** The event log holds something else than what its leaf says, or nothing. */
export class LogDiffersFromLedger extends Error {
  override readonly name = 'LogDiffersFromLedger';
}

/** The subscription that makes leaves of events. */
export const LEDGER_SUBSCRIPTION = 'ledger';
/** Most events of one transaction. */
export const LEDGER_BATCH = 2_000;

/**
 * Every event of the log becomes the next leaf, in the order of the log. Leaves, nodes, the frontier and the subscription's checkpoint are
 * written in one transaction: the tree is never ahead of the checkpoint or behind it. An event that is a leaf already stays the one it is.
 *
 * A log that was put back to an earlier state and has grown again would give the ledger a history that the log never had: so the last leaf
 * must still be in the log before another is added. Where it is not, the subscription stops and waits for a person.
 */
export const recordLeaves = (log: Pick<EventLog, 'readStream'>): TransactionalHandler => ({
  transactional: async (events, client) => {
    const tree = await lockTree(client);
    if (tree.frontier.size > 0) await mustBeInLog(log, await leafBy(client, { sequence: tree.frontier.size - 1 }));
    const fresh = events.filter(({ position }) => position > tree.position);
    const last = fresh.at(-1);
    if (!last) return;
    const hashes = fresh.map(hashed);
    const nodes: { level: number; index: number; hash: Hash }[] = [];
    const frontier = appendLeaves(tree.frontier, hashes, ({ level, index }, hash) => {
      if (level % STORED_LEVELS === 0) nodes.push({ level, index, hash });
    });
    await insertLeaves(client, tree.frontier.size, fresh, hashes);
    if (nodes.length > 0) await insertNodes(client, nodes);
    for (const [n, { stray, ...event }] of fresh.entries()) if (stray) await insertStray(client, tree.frontier.size + n, event, stray);
    await client.query({
      name: 'ledger-tree',
      text: 'update ledger_tree set size = $1, frontier = $2, root = $3, position = $4',
      values: [frontier.size, Buffer.concat(frontier.nodes), rootOf(frontier), last.position],
    });
  },
});

/** @throws LogDiffersFromLedger */
export async function mustBeInLog(log: Pick<EventLog, 'readStream'>, leaf: StoredLeaf | undefined): Promise<StoredEvent> {
  if (!leaf) throw new LedgerDamaged('The ledger has lost its last leaf.');
  const event = await eventOf(log, leaf);
  if (event && eventLeafHash(event).equals(leaf.hash)) return event;
  throw new LogDiffersFromLedger(
    `${leaf.stream}@${leaf.revision} in the event log is ${event ? 'not what' : 'gone, and that is not what'} the ledger's leaf ${leaf.sequence} says.`,
  );
}

/** The event of a leaf, as the log has it. */
export async function eventOf(log: Pick<EventLog, 'readStream'>, { stream, revision }: StoredLeaf): Promise<StoredEvent | undefined> {
  return (await log.readStream(stream, { fromRevision: revision, maxCount: 1 })).events[0];
}

function hashed(event: StoredEvent): Hash {
  try {
    return eventLeafHash(event);
  } catch (cause) {
    throw new Error(`${event.type} at ${event.stream}@${event.revision} can't be a leaf: ${(cause as Error).message}`, { cause });
  }
}

async function lockTree(client: PoolClient): Promise<{ frontier: Frontier; position: bigint }> {
  const { rows } = await client.query<{ size: string; frontier: Buffer; position: string }>({
    name: 'ledger-lock-tree',
    text: 'select size, frontier, position from ledger_tree for update',
  });
  const [row] = rows;
  if (row) return { frontier: { size: Number(row.size), nodes: hashesIn(row.frontier) }, position: BigInt(row.position) };
  await client.query("insert into ledger_tree (size, frontier, root, position) values (0, '', $1, -1)", [rootOf(EMPTY_FRONTIER)]);
  return { frontier: EMPTY_FRONTIER, position: -1n };
}

async function insertLeaves(client: PoolClient, first: number, events: readonly StoredEvent[], hashes: readonly Hash[]): Promise<void> {
  await client.query({
    name: 'ledger-leaves',
    // One parameter of bytes for all hashes: an array of them would travel as text.
    text: `
      insert into ledger_leaf (sequence, position, event_id, stream, revision, hash)
      select $1::bigint + n.place - 1, n.position, n.id, n.stream, n.revision, substring($6::bytea from (32 * (n.place - 1) + 1)::int for 32)
        from unnest($2::bigint[], $3::uuid[], $4::text[], $5::int[]) with ordinality as n(position, id, stream, revision, place)`,
    values: [
      first,
      events.map(({ position }) => String(position)),
      events.map(({ id }) => id),
      events.map(({ stream }) => stream),
      events.map(({ revision }) => revision),
      Buffer.concat(hashes),
    ],
  });
}

async function insertNodes(client: PoolClient, nodes: readonly { level: number; index: number; hash: Hash }[]): Promise<void> {
  await client.query({
    name: 'ledger-nodes',
    text: `
      insert into ledger_node (level, index, hash)
      select n.level, n.index, substring($3::bytea from (32 * (n.place - 1) + 1)::int for 32)
        from unnest($1::smallint[], $2::bigint[]) with ordinality as n(level, index, place)`,
    values: [nodes.map(({ level }) => level), nodes.map(({ index }) => index), Buffer.concat(nodes.map(({ hash }) => hash))],
  });
}

/** On record for a person: `GET /v1/ledger` and a metric say how many there are. */
async function insertStray(
  client: PoolClient,
  sequence: number,
  { stream, revision, id }: StoredEvent,
  { type, why }: Stray,
): Promise<void> {
  const printable = type.slice(0, 200).replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\ufffd');
  await client.query(
    `insert into ledger_stray (sequence, stream, revision, event_id, type, why, found_at) values ($1, $2, $3, $4, $5, $6, clock_timestamp())
       on conflict (sequence) do update set stream = $2, revision = $3, event_id = $4, type = $5, why = $6, found_at = excluded.found_at`,
    [sequence, stream, revision, id, printable, why],
  );
}

function hashesIn(bytes: Buffer): readonly Hash[] {
  return Array.from({ length: bytes.length / 32 }, (_, n) => bytes.subarray(32 * n, 32 * (n + 1)));
}
