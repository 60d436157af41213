/**
 * The Merkle tree of RFC 6962, section 2.1, and nothing else: SHA-256, leaves and nodes told apart by a first byte, so that
 * neither can pass for the other. Pure: hashes in, hashes out. Sizes and indices are whole numbers from 0 to 2^53-1.
 */
import { hash } from 'node:crypto';

/** 32 bytes. */
export type Hash = Buffer;

/** The root of a tree with all its leaves in place: the node `index` (from the left, 0-based) at `level` (0 are the leaves). */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** The leaves from `start` to before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** MTH({}): SHA-256 of nothing. */
export const EMPTY_ROOT: Hash = sha256(Buffer.alloc(0));

/** MTH({d}) = SHA-256(0x00 ‖ d). Text counts as UTF-8. */
export function leafHash(data: Buffer | string): Hash {
  if (typeof data === 'string') return sha256(`\0${data}`);
  if (data.length >= LEAF.length) return sha256(Buffer.concat([LEAF.subarray(0, 1), data]));
  LEAF.set(data, 1);
  return sha256(LEAF.subarray(0, 1 + data.length));
}

/** SHA-256(0x01 ‖ left ‖ right). @throws RangeError they have more than 64 bytes together */
export function nodeHash(left: Hash, right: Hash): Hash {
  NODE.set(left, 1);
  NODE.set(right, 1 + left.length);
  return sha256(NODE.subarray(0, 1 + left.length + right.length));
}

/** Written over for every leaf that fits, and every node: what it takes to make a buffer is more than the hash. The first byte stays. */
const LEAF = Buffer.alloc(16 * 1024, 0);
const NODE = Buffer.alloc(65, 1);

function sha256(bytes: Buffer | string): Hash {
  // As text of a byte a character, since `buffer` takes twice as long.
  return Buffer.from(hash('sha256', bytes, 'binary'), 'binary');
}

/** A tree as far as it takes to go on appending: its size, and the roots of its perfect subtrees from the left (the largest) to the right. */
export interface Frontier {
  readonly size: number;
  readonly nodes: readonly Hash[];
}

export const EMPTY_FRONTIER: Frontier = { size: 0, nodes: [] };

/** The frontier with leaves added. `onNode` is told of every node above the leaves that becomes complete by it, once. */
export function appendLeaves(frontier: Frontier, leaves: readonly Hash[], onNode?: (id: NodeId, root: Hash) => void): Frontier {
  const nodes = [...frontier.nodes];
  let { size } = frontier;
  for (const leaf of leaves) {
    let node = leaf;
    let index = size;
    for (let level = 1; index % 2 === 1; level++) {
      node = nodeHash(nodes.pop()!, node);
      index = (index - 1) / 2;
      onNode?.({ level, index }, node);
    }
    nodes.push(node);
    size++;
  }
  return { size, nodes };
}

/** The root of the whole tree. */
export function rootOf({ nodes }: Pick<Frontier, 'nodes'>): Hash {
  return nodes.length === 0 ? EMPTY_ROOT : nodes.reduceRight((right, left) => nodeHash(left, right));
}

/** The perfect subtrees that a range of a tree consists of, from left to right. The range begins where a subtree can: RFC 6962 cuts no others. */
export function perfectSubtrees({ start, end }: Range): readonly NodeId[] {
  const found: NodeId[] = [];
  for (let at = start; at < end;) {
    let level = 0;
    let width = 1;
    while (at % (width * 2) === 0 && at + width * 2 <= end) {
      width *= 2;
      level++;
    }
    found.push({ level, index: at / width });
    at += width;
  }
  return found;
}

/** The ranges whose roots are the inclusion proof (PATH) of a leaf in a tree, in the proof's order. @throws RangeError no such leaf */
export function inclusionRanges(index: number, size: number): readonly Range[] {
  if (!isSize(index) || !isSize(size) || index >= size) throw new RangeError(`A tree of ${size} leaves has no leaf ${index}.`);
  const proof: Range[] = [];
  for (let start = 0, end = size; end - start > 1;) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      proof.push({ start: middle, end });
      end = middle;
    } else {
      proof.push({ start, end: middle });
      start = middle;
    }
  }
  return proof.reverse();
}

/** The ranges whose roots are the consistency proof (PROOF) between two sizes, in the proof's order. @throws RangeError not 0 < first ≤ second */
export function consistencyRanges(first: number, second: number): readonly Range[] {
  if (!isSize(first) || !isSize(second) || first < 1 || first > second) {
    throw new RangeError(`There is a consistency proof from size 1 up, to a size that is no smaller; not from ${first} to ${second}.`);
  }
  const proof: Range[] = [];
  let start = 0;
  let end = second;
  // Until what is left is a whole subtree of the first tree, too.
  while (end !== first) {
    const middle = start + largestPowerBelow(end - start);
    if (first <= middle) {
      proof.push({ start: middle, end });
      end = middle;
    } else {
      proof.push({ start, end: middle });
      start = middle;
    }
  }
  // The verifier knows the first root: it is sent only where the first tree is more than this subtree.
  if (start > 0) proof.push({ start, end });
  return proof.reverse();
}

/** Whether the proof shows that a leaf with this hash is at this index of the tree with this size and root. Never throws. */
export function verifyInclusion(leaf: Hash, index: number, size: number, proof: readonly Hash[], root: Hash): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || ![leaf, root, ...proof].every(isHash)) return false;
  let node = index;
  let last = size - 1;
  let computed = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      computed = nodeHash(sibling, computed);
      // At the right edge a subtree may stand alone on some levels: it goes up unchanged. It is never 0 here, which would never be odd.
      while (node % 2 === 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      computed = nodeHash(computed, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && computed.equals(root);
}

/**
 * Whether the proof shows that the tree of the second size and root begins with the tree of the first. Never throws.
 * Size 0 is refused: everything begins with nothing, so it would prove nothing.
 */
export function verifyConsistency(first: number, second: number, firstRoot: Hash, secondRoot: Hash, proof: readonly Hash[]): boolean {
  if (!isSize(first) || !isSize(second) || first < 1 || first > second) return false;
  if (first === second) return proof.length === 0 && Buffer.compare(firstRoot, secondRoot) === 0;
  if (![firstRoot, secondRoot, ...proof].every(isHash)) return false;

  let node = first - 1;
  let last = second - 1;
  while (node % 2 === 1) {
    node = (node - 1) / 2;
    last = Math.floor(last / 2);
  }
  // A first tree that is one whole subtree begins the proof itself, and the verifier knows it.
  const path = node === 0 ? [firstRoot, ...proof] : proof;
  if (path.length === 0) return false;
  let ofFirst = path[0]!;
  let ofSecond = path[0]!;
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      ofFirst = nodeHash(sibling, ofFirst);
      ofSecond = nodeHash(sibling, ofSecond);
      while (node % 2 === 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      ofSecond = nodeHash(ofSecond, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && ofFirst.equals(firstRoot) && ofSecond.equals(secondRoot);
}

/** For trees that fit into memory: the root, and the proofs, from the leaves' hashes. */
export function rootOfLeaves(leaves: readonly Hash[]): Hash {
  return rootOf(appendLeaves(EMPTY_FRONTIER, leaves));
}

export function inclusionProof(leaves: readonly Hash[], index: number): readonly Hash[] {
  return inclusionRanges(index, leaves.length).map(({ start, end }) => rootOfLeaves(leaves.slice(start, end)));
}

export function consistencyProof(leaves: readonly Hash[], first: number): readonly Hash[] {
  return consistencyRanges(first, leaves.length).map(({ start, end }) => rootOfLeaves(leaves.slice(start, end)));
}

/** The largest power of two below n, for n > 1. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

function isSize(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

function isHash(bytes: Hash): boolean {
  return bytes.length === 32;
}
