import fc from 'fast-check';
import { inclusionProof, leafHash, rootOfLeaves, streamedProofs, verifyInclusion, type Hash } from '#libs/ledger';

const hashes = (count: number): Hash[] => Array.from({ length: count }, (_, i) => leafHash(`leaf ${i}`));
async function* inBatches(leaves: readonly Hash[], of: number): AsyncIterable<readonly Hash[]> {
  for (let i = 0; i < leaves.length; i += of) yield leaves.slice(i, i + of);
}

describe('inclusion proofs from a stream of leaves', () => {
  it('are those of the tree in memory, for every tree, leaf and batch, and hold', async () => {
    const leaf = fc.nat(299);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.array(leaf, { maxLength: 8 }),
        fc.integer({ min: 1, max: 70 }),
        async (size, some, of) => {
          const leaves = hashes(size);
          const indices = some.map((i) => i % size);
          // More than the tree has are not looked at.
          const proofs = await streamedProofs(inBatches([...leaves, leafHash('more')], of), indices, size);
          for (const index of indices) {
            const { hash, path } = proofs.get(index)!;
            expect(hash).toEqual(leaves[index]);
            expect(path).toEqual(inclusionProof(leaves, index));
            expect(verifyInclusion(hash, index, size, path, rootOfLeaves(leaves))).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are none of a leaf that the tree has not, or of a tree that is not all there', async () => {
    await expect(streamedProofs(inBatches(hashes(5), 2), [5], 5)).rejects.toThrow('has no leaf 5');
    await expect(streamedProofs(inBatches(hashes(4), 2), [1], 5)).rejects.toThrow('There are 4 leaves, and the tree has 5.');
  });
});
