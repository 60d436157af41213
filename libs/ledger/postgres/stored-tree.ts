import type { Pool } from 'pg';
import {
  consistencyRanges,
  inclusionRanges,
  perfectSubtrees,
  rootOf,
  rootOfLeaves,
  type Hash,
  type NodeId,
  type Range,
} from '#libs/ledger';

/** Nodes are stored of every eighth level: a 256th of the leaves. */
export const STORED_LEVELS = 8;

type Source = Pick<Pool, 'query'>;

/** A hash that must be in the store is not: somebody has removed it. */
export class LedgerDamaged extends Error {
  override readonly name = 'LedgerDamaged';
}

export interface TreeHead {
  readonly size: number;
  readonly root: Hash;
  /** Of the last event that is a leaf; -1 before the first. */
  readonly position: bigint;
}

export interface StoredLeaf {
  readonly sequence: number;
  readonly position: bigint;
  readonly eventId: string;
  readonly stream: string;
  readonly revision: number;
  readonly hash: Hash;
}

/** The tree as far as it is built; undefined before the first event. */
export async function treeHead(source: Source): Promise<TreeHead | undefined> {
  const { rows } = await source.query<{ size: string; root: Buffer; position: string }>('select size, root, position from ledger_tree');
  const [row] = rows;
  return row && { size: Number(row.size), root: row.root, position: BigInt(row.position) };
}

/** A leaf by its place, or by the event; where the log holds an event id twice, the first. */
export async function leafBy(
  source: Source,
  by: { readonly sequence: number } | { readonly eventId: string },
): Promise<StoredLeaf | undefined> {
  const [column, value] = 'sequence' in by ? ['sequence', by.sequence] : ['event_id', by.eventId];
  const { rows } = await source.query<{
    sequence: string;
    position: string;
    event_id: string;
    stream: string;
    revision: number;
    hash: Buffer;
  }>(`select sequence, position, event_id, stream, revision, hash from ledger_leaf where ${column} = $1 order by sequence limit 1`, [
    value,
  ]);
  return rows.map((row) => ({
    sequence: Number(row.sequence),
    position: BigInt(row.position),
    eventId: row.event_id,
    stream: row.stream,
    revision: row.revision,
    hash: row.hash,
  }))[0];
}

/** The signed checkpoint of a size, or the last one, with the witnesses' lines below the log's own; undefined where there is none. */
export async function checkpointNote(source: Source, size?: number): Promise<string | undefined> {
  const { rows } = await source.query<{ note: string }>(
    `${COSIGNED} where $1::bigint is null or c.size = $1 group by c.size order by c.size desc limit 1`,
    [size ?? null],
  );
  return rows[0]?.note;
}

const COSIGNED = `
  select c.note || coalesce(string_agg(s.line || E'\\n', '' order by s.verifier), '') as note
    from ledger_checkpoint c left join ledger_cosignature s on s.size = c.size and s.root = c.root`;

/** The root of the tree's first `size` leaves. @throws LedgerDamaged also where there are not so many */
export async function rootAt(source: Source, size: number): Promise<Hash> {
  const [root] = await rootsOf(source, [{ start: 0, end: size }]);
  return root!;
}

/** @throws RangeError, LedgerDamaged */
export function inclusionProofOf(source: Source, index: number, size: number): Promise<readonly Hash[]> {
  return rootsOf(source, inclusionRanges(index, size));
}

/** The same of many leaves: neighbours have most of their ways in common, which are read and hashed once. @throws RangeError, LedgerDamaged */
export async function inclusionProofsOf(source: Source, indices: readonly number[], size: number): Promise<readonly (readonly Hash[])[]> {
  const ways = indices.map((index) => inclusionRanges(index, size));
  const ranges = new Map(ways.flat().map((range) => [nameOf(range), range]));
  const roots = await rootsOf(source, [...ranges.values()]);
  const byName = new Map([...ranges.keys()].map((name, i) => [name, roots[i]!]));
  return ways.map((way) => way.map((range) => byName.get(nameOf(range))!));
}

function nameOf({ start, end }: Range): string {
  return `${start}-${end}`;
}

/** @throws RangeError, LedgerDamaged */
export function consistencyProofOf(source: Source, first: number, second: number): Promise<readonly Hash[]> {
  return rootsOf(source, consistencyRanges(first, second));
}

/** The roots of ranges, by one query for each stored level: some hundred hashes for a proof, however large the tree. */
async function rootsOf(source: Source, ranges: readonly Range[]): Promise<readonly Hash[]> {
  const subtrees = ranges.map(perfectSubtrees);
  const stored = await readStored(source, subtrees.flat().map(storedBelow));
  return subtrees.map((nodes) =>
    rootOf({
      nodes: nodes.map((node) => {
        const { level, start, end } = storedBelow(node);
        return rootOfLeaves(
          Array.from({ length: end - start }, (_, n) => {
            const hash = stored.get(`${level}/${start + n}`);
            if (!hash) throw new LedgerDamaged(`The ledger has lost the node ${start + n} of level ${level}, or has not come so far.`);
            return hash;
          }),
        );
      }),
    }),
  );
}

/** What is stored of the tree below a node: some neighbours of the next stored level. */
function storedBelow({ level, index }: NodeId): Range & { readonly level: number } {
  const above = level % STORED_LEVELS;
  return { level: level - above, start: index * 2 ** above, end: (index + 1) * 2 ** above };
}

async function readStored(source: Source, wanted: readonly (Range & { readonly level: number })[]): Promise<ReadonlyMap<string, Hash>> {
  const found = new Map<string, Hash>();
  for (const level of new Set(wanted.map((range) => range.level))) {
    const ranges = wanted.filter((range) => range.level === level);
    const { rows } = await source.query<{ index: string; hash: Buffer }>(
      level === 0
        ? `select l.sequence as index, l.hash from unnest($1::bigint[], $2::bigint[]) as r("from", "to")
             join ledger_leaf l on l.sequence >= r."from" and l.sequence < r."to"`
        : `select n.index, n.hash from unnest($1::bigint[], $2::bigint[]) as r("from", "to")
             join ledger_node n on n.level = $3 and n.index >= r."from" and n.index < r."to"`,
      [ranges.map(({ start }) => start), ranges.map(({ end }) => end), ...(level === 0 ? [] : [level])],
    );
    for (const { index, hash } of rows) found.set(`${level}/${index}`, hash);
  }
  return found;
}
