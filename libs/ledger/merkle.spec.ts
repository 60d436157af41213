import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  appendLeaves,
  consistencyProof,
  consistencyRanges,
  EMPTY_FRONTIER,
  EMPTY_ROOT,
  inclusionProof,
  inclusionRanges,
  leafHash,
  nodeHash,
  perfectSubtrees,
  rootOf,
  rootOfLeaves,
  verifyConsistency,
  verifyInclusion,
  type Hash,
} from './index.ts';

const leavesOf = (count: number, salt = ''): Hash[] => Array.from({ length: count }, (_, n) => leafHash(`leaf ${n}${salt}`));

/** MTH as RFC 6962 writes it, word for word: slow, and the oracle of everything quick. */
function treeHash(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

const sized = fc.integer({ min: 1, max: 300 });
const leafOfTree = sized.chain((size) => fc.record({ size: fc.constant(size), index: fc.integer({ min: 0, max: size - 1 }) }));
const twoSizes = sized.chain((second) => fc.record({ second: fc.constant(second), first: fc.integer({ min: 1, max: second }) }));

describe('the hashes of leaves and nodes', () => {
  const sha256 = (...parts: readonly Uint8Array[]): Hash => createHash('sha256').update(Buffer.concat(parts)).digest();
  const zero = Buffer.from([0]);

  it('are SHA-256 behind a first byte of 0 and of 1, whatever came before', () => {
    const sized = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.constantFrom(1, 100, 255, 256, 257, 300, 1000));
    fc.assert(
      fc.property(fc.array(sized, { minLength: 1, maxLength: 5 }), (all) => {
        for (const [bytes, times] of all) {
          const leaf = Buffer.concat(Array.from({ length: times }, () => bytes));
          expect(leafHash(leaf)).toEqual(sha256(zero, leaf));
          expect(nodeHash(leafHash(leaf), sha256(leaf))).toEqual(sha256(Buffer.from([1]), sha256(zero, leaf), sha256(leaf)));
        }
      }),
    );
    for (const length of [0, 16_382, 16_383, 16_384, 16_385]) {
      const leaf = Buffer.alloc(length, 7);
      expect(leafHash(leaf)).toEqual(sha256(zero, leaf));
    }
  });

  it('are those of the UTF-8 of a text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => leafHash(text).equals(leafHash(Buffer.from(text)))));
    expect(leafHash('a\0b')).toEqual(sha256(zero, Buffer.from([0x61, 0, 0x62])));
  });
});

describe('the root of a tree', () => {
  it('is of nothing the hash of nothing, and of one leaf the leaf', () => {
    expect(rootOf(EMPTY_FRONTIER).toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(leafHash('').toString('hex')).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    expect(rootOfLeaves([leafHash('a')])).toEqual(leafHash('a'));
  });

  it('is that of other implementations', () => {
    // The example of certificate-transparency's reference implementation.
    const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const hashes = leaves.map((hex) => leafHash(Buffer.from(hex, 'hex')));
    expect(rootOfLeaves(hashes).toString('hex')).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
    expect(leafHash('é')).toEqual(leafHash(Buffer.from([0xc3, 0xa9])));
  });

  it('is what RFC 6962 says, in whatever portions the leaves come', () => {
    fc.assert(
      fc.property(sized, fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 20 }), (size, portions) => {
        const leaves = leavesOf(size);
        let frontier = EMPTY_FRONTIER;
        for (const portion of [...portions, size]) {
          frontier = appendLeaves(frontier, leaves.slice(frontier.size, frontier.size + portion));
          expect(rootOf(frontier)).toEqual(treeHash(leaves.slice(0, frontier.size)));
        }
        expect(frontier.size).toBe(size);
      }),
    );
  });

  it('tells of every inner node once, when its leaves are all there', () => {
    const leaves = leavesOf(137);
    const nodes = new Map<string, Hash>();
    appendLeaves(EMPTY_FRONTIER, leaves, ({ level, index }, node) => {
      expect(nodes.has(`${level}/${index}`)).toBe(false);
      nodes.set(`${level}/${index}`, node);
    });
    for (let level = 1; 2 ** level <= 137; level++) {
      for (let index = 0; (index + 1) * 2 ** level <= 137; index++) {
        expect(nodes.get(`${level}/${index}`)).toEqual(treeHash(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)));
        nodes.delete(`${level}/${index}`);
      }
    }
    expect(nodes.size).toBe(0);
  });

  it('comes from few whole subtrees for any range that a proof asks for', () => {
    fc.assert(
      fc.property(leafOfTree, ({ size, index }) => {
        const leaves = leavesOf(size);
        for (const range of inclusionRanges(index, size)) {
          const nodes = perfectSubtrees(range).map((n) => treeHash(leaves.slice(n.index * 2 ** n.level, (n.index + 1) * 2 ** n.level)));
          expect(rootOf({ nodes })).toEqual(treeHash(leaves.slice(range.start, range.end)));
          expect(nodes.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)) + 1);
        }
      }),
    );
  });
});

describe('the whole subtrees of a range', () => {
  it('are next to each other from its start to its end, each in a place of its size, and no two could be one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 }), (start, length) => {
        const end = start + length;
        const nodes = perfectSubtrees({ start, end });
        let at = start;
        for (const [i, { level, index }] of nodes.entries()) {
          expect(Number.isInteger(index)).toBe(true);
          expect(index * 2 ** level).toBe(at);
          at += 2 ** level;
          const before = nodes[i - 1];
          if (before) expect(before.level === level && before.index % 2 === 0).toBe(false);
        }
        expect(at).toBe(end);
      }),
    );
  });
});

describe('what is no proof at all', () => {
  const leaves = leavesOf(4);
  const root = rootOfLeaves(leaves);
  const short = root.subarray(0, 31);

  it.each([-1, 0.25, NaN, Infinity, 2 ** 53])('shows no leaf at the place %d', (index) => {
    expect(verifyInclusion(leaves[0]!, 0, 4, inclusionProof(leaves, 0), root)).toBe(true);
    expect(verifyInclusion(leaves[0]!, index, 4, inclusionProof(leaves, 0), root)).toBe(false);
  });

  it.each([4.5, -4, NaN, Infinity, 2 ** 53])('shows no leaf in a tree of the size %d', (size) => {
    expect(verifyInclusion(leaves[0]!, 0, size, inclusionProof(leaves, 0), root)).toBe(false);
  });

  it('shows no tree in one of a size that is none, and no larger one in a smaller', () => {
    const proof = consistencyProof(leaves, 2);
    const first = rootOfLeaves(leaves.slice(0, 2));
    expect(verifyConsistency(2, 4, first, root, proof)).toBe(true);
    for (const size of [4.5, NaN, Infinity, -4, 2 ** 53]) expect(verifyConsistency(2, size, first, root, proof)).toBe(false);
    for (const size of [1.5, 2.5, NaN, -2]) expect(verifyConsistency(size, 4, first, root, proof)).toBe(false);
    expect(verifyConsistency(2, 1, first, first, [])).toBe(false);
    expect(verifyConsistency(4, 2, root, root, [])).toBe(false);
  });

  it('has hashes of another length than SHA-256', () => {
    const [one, other] = [nodeHash(short, leaves[1]!), nodeHash(leaves[0]!, short)];
    expect(verifyInclusion(short, 0, 2, [leaves[1]!], one)).toBe(false);
    expect(verifyInclusion(leaves[0]!, 0, 2, [short], other)).toBe(false);
    expect(verifyConsistency(1, 2, short, one, [leaves[1]!])).toBe(false);
    expect(verifyConsistency(1, 2, leaves[0]!, other, [short])).toBe(false);
    expect(verifyInclusion(short, 0, 1, [], short)).toBe(false);
  });

  it('is shorter than the sizes ask for', () => {
    // What shows a tree of two in one of three, said of one of two in three.
    const two = rootOfLeaves(leaves.slice(0, 2));
    expect(verifyConsistency(1, 2, leaves[0]!, two, [leaves[1]!])).toBe(true);
    expect(verifyConsistency(1, 3, leaves[0]!, two, [leaves[1]!])).toBe(false);
    expect(verifyInclusion(leaves[0]!, 0, 2, [leaves[1]!], two)).toBe(true);
    expect(verifyInclusion(leaves[0]!, 0, 3, [leaves[1]!], two)).toBe(false);
    expect(verifyConsistency(3, 4, rootOfLeaves(leaves.slice(0, 3)), root, [])).toBe(false);
  });

  it('is not asked for where there is none, and the reason says which there are', () => {
    expect(() => inclusionRanges(4, 4)).toThrow('A tree of 4 leaves has no leaf 4.');
    expect(() => consistencyRanges(0, 4)).toThrow(
      'There is a consistency proof from size 1 up, to a size that is no smaller; not from 0 to 4.',
    );
  });
});

describe('an inclusion proof', () => {
  it('shows a leaf of any tree at its place, and no other leaf, place, size or root', () => {
    fc.assert(
      fc.property(leafOfTree, fc.integer({ min: 0, max: 320 }), fc.integer({ min: 1, max: 320 }), ({ size, index }, at, other) => {
        const leaves = leavesOf(size);
        const root = treeHash(leaves);
        const proof = inclusionProof(leaves, index);
        expect(proof.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)));
        expect(verifyInclusion(leaves[index]!, index, size, proof, root)).toBe(true);
        expect(verifyInclusion(leafHash('another'), index, size, proof, root)).toBe(false);
        expect(verifyInclusion(leaves[index]!, index, size, proof, leafHash('another'))).toBe(false);
        expect(verifyInclusion(leaves[index]!, index, size, [...proof, root], root)).toBe(false);
        if (at !== index) expect(verifyInclusion(leaves[index]!, at, size, proof, root)).toBe(false);
        // A path may be right for trees of several sizes; never with the root of another tree.
        if (other !== size) expect(verifyInclusion(leaves[index]!, index, other, proof, rootOfLeaves(leavesOf(other, '!')))).toBe(false);
      }),
    );
  });

  it.each([
    [0, 0],
    [1, 1],
    [-1, 5],
    [0.5, 5],
    [2 ** 53, 2 ** 53 + 2],
  ])('is refused for leaf %d of %d', (index, size) => {
    expect(() => inclusionRanges(index, size)).toThrow(RangeError);
    expect(verifyInclusion(leafHash('a'), index, size, [], leafHash('a'))).toBe(false);
  });
});

describe('a consistency proof', () => {
  it('shows that a tree goes on from another, and not from one with another leaf', () => {
    fc.assert(
      fc.property(twoSizes, fc.nat(), ({ first, second }, n) => {
        const leaves = leavesOf(second);
        const [firstRoot, root] = [treeHash(leaves.slice(0, first)), treeHash(leaves)];
        const proof = consistencyProof(leaves, first);
        expect(verifyConsistency(first, second, firstRoot, root, proof)).toBe(true);
        const forged = leaves.slice(0, first).map((leaf, i) => (i === n % first ? leafHash('forged') : leaf));
        expect(verifyConsistency(first, second, treeHash(forged), root, proof)).toBe(false);
        expect(verifyConsistency(first, second, firstRoot, root, [...proof, root])).toBe(false);
        if (proof.length > 0) expect(verifyConsistency(first, second, firstRoot, root, proof.slice(1))).toBe(false);
        if (first < second) expect(verifyConsistency(second, first, root, firstRoot, proof)).toBe(false);
      }),
    );
  });

  it.each([
    [0, 0],
    [0, 5],
    [6, 5],
    [1, 2 ** 53],
  ])('is refused from size %d to %d', (first, second) => {
    expect(() => consistencyRanges(first, second)).toThrow(RangeError);
    expect(verifyConsistency(first, second, EMPTY_ROOT, EMPTY_ROOT, [])).toBe(false);
  });
});
