import { appendLeaves, EMPTY_FRONTIER, inclusionRanges, perfectSubtrees, rootOf, type Hash, type NodeId } from './merkle.ts';

/** A leaf and the way from it to a tree's root. */
export interface LeafProof {
  readonly hash: Hash;
  /** PATH of RFC 6962, from the leaf up. */
  readonly path: readonly Hash[];
}

/**
 * Inclusion proofs of some leaves of a tree, from all its leaves in one go: what is kept is only what the proofs consist of, however large the tree.
 *
 * @param leaves hashes from the first on, in batches; more than `size` are not looked at
 * @param size of the tree
 * @throws RangeError no such leaf, or there are fewer leaves than `size`
 */
export async function streamedProofs(
  leaves: AsyncIterable<readonly Hash[]>,
  indices: readonly number[],
  size: number,
): Promise<ReadonlyMap<number, LeafProof>> {
  const ways = new Map(indices.map((index) => [index, inclusionRanges(index, size).map(perfectSubtrees)]));
  const wanted = new Map<string, Hash | undefined>();
  for (const [index, way] of ways) {
    wanted.set(nameOf({ level: 0, index }), undefined);
    for (const node of way.flat()) wanted.set(nameOf(node), undefined);
  }
  const keep = (node: NodeId, hash: Hash): void => {
    const name = nameOf(node);
    if (wanted.has(name)) wanted.set(name, hash);
  };
  let tree = EMPTY_FRONTIER;
  for await (const batch of leaves) {
    const within = batch.slice(0, size - tree.size);
    for (const [i, hash] of within.entries()) keep({ level: 0, index: tree.size + i }, hash);
    tree = appendLeaves(tree, within, keep);
    if (tree.size === size) break;
  }
  if (tree.size < size) throw new RangeError(`There are ${tree.size} leaves, and the tree has ${size}.`);
  const found = (node: NodeId): Hash => wanted.get(nameOf(node))!;
  return new Map(
    [...ways].map(([index, way]) => [
      index,
      { hash: found({ level: 0, index }), path: way.map((nodes) => rootOf({ nodes: nodes.map(found) })) },
    ]),
  );
}

function nameOf({ level, index }: NodeId): string {
  return `${level}/${index}`;
}
