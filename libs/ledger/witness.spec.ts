import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  consistencyProof,
  formatCheckpoint,
  formatNote,
  formatSigner,
  formatWitnessRequest,
  leafHash,
  MalformedNote,
  openCheckpoint,
  parseNote,
  parseSignature,
  parseSigner,
  parseWitnessRequest,
  rootOfLeaves,
  signatureOf,
  WitnessFolder,
  witnessCheckpoint,
  type Hash,
  type WitnessAnswer,
  type WitnessOptions,
} from './index.ts';

const log = parseSigner(formatSigner('log.example/one', 'ed25519', Buffer.alloc(32, 1)));
const signer = parseSigner(formatSigner('witness.example', 'cosignature/v1', Buffer.alloc(32, 2)));
const leavesOf = (count: number, salt = ''): Hash[] => Array.from({ length: count }, (_, n) => leafHash(`${n}${salt}`));

let folder: string;
let witness: WitnessOptions;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-witness-'));
  witness = { signer, logs: [log.verifier], store: new WitnessFolder(folder), now: () => 1_800_000_000 };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function checkpointOf(leaves: readonly Hash[], by = log, origin = by.verifier.name): string {
  const text = formatCheckpoint({ origin, size: leaves.length, root: rootOfLeaves(leaves) });
  return formatNote({ text, signatures: [signatureOf(text, by, 0)] });
}
const add = (leaves: readonly Hash[], oldSize: number, options = witness): Promise<WitnessAnswer> =>
  witnessCheckpoint(options, {
    oldSize,
    proof: oldSize > 0 && oldSize < leaves.length ? consistencyProof(leaves, oldSize) : [],
    checkpoint: checkpointOf(leaves),
  });

describe('a witness', () => {
  it('signs a checkpoint, what goes on from it, and the same again', async () => {
    for (const [size, old] of [
      [3, 0],
      [8, 3],
      [8, 8],
      [21, 8],
    ] as const) {
      const answer = await add(leavesOf(size), old);
      expect(answer).toMatchObject({ signed: true, size });
      if (!answer.signed) continue;
      const note = parseNote(checkpointOf(leavesOf(size)));
      const cosigned = formatNote({ ...note, signatures: [...note.signatures, parseSignature(answer.cosignature)] });
      expect(openCheckpoint(cosigned, log.verifier, [signer.verifier]).signatures).toMatchObject([{}, { time: 1_800_000_000 }]);
    }
  });

  it('refuses a fork, with more leaves and with as many', async () => {
    await add(leavesOf(8), 0);
    expect(await add(leavesOf(8, 'forged'), 8)).toMatchObject({ signed: false, refusal: 'fork', seenSize: 8 });
    expect(await add(leavesOf(12, 'forged'), 8)).toMatchObject({ signed: false, refusal: 'bad-proof', seenSize: 8 });
    expect(await add(leavesOf(12), 8)).toMatchObject({ signed: true });
  });

  it('refuses a log that was rolled back, though it proves from there', async () => {
    await add(leavesOf(8), 0);
    expect(await add(leavesOf(5), 0)).toMatchObject({ signed: false, refusal: 'rollback', seenSize: 8 });
    expect(await add(leavesOf(5), 5)).toMatchObject({ signed: false, refusal: 'rollback', seenSize: 8 });
  });

  it('says what it saw last to a log that proves from elsewhere', async () => {
    await add(leavesOf(8), 0);
    expect(await add(leavesOf(12), 3)).toMatchObject({ signed: false, refusal: 'behind', seenSize: 8 });
    expect(await add(leavesOf(12), 0)).toMatchObject({ signed: false, refusal: 'behind', seenSize: 8 });
  });

  it('refuses logs that it does not watch, notes that the log has not signed, and what is no note', async () => {
    const stranger = parseSigner(formatSigner('log.example/two', 'ed25519', Buffer.alloc(32, 3)));
    const ask = (checkpoint: string, oldSize = 0) => witnessCheckpoint(witness, { oldSize, proof: [], checkpoint });
    expect(await ask(checkpointOf(leavesOf(3), stranger))).toMatchObject({ refusal: 'unknown-log' });
    expect(await ask(checkpointOf(leavesOf(3), stranger, 'log.example/one'))).toMatchObject({ refusal: 'unsigned' });
    expect(await ask(checkpointOf(leavesOf(3)).replace('\n3\n', '\n4\n'))).toMatchObject({ refusal: 'unsigned' });
    expect(await ask('log.example/one\nnonsense')).toMatchObject({ refusal: 'malformed' });
    expect(await ask(checkpointOf(leavesOf(3)), 4)).toMatchObject({ refusal: 'malformed' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a proof where there is nothing to prove', async () => {
    const request = { oldSize: 0, proof: [leafHash('x')], checkpoint: checkpointOf(leavesOf(3)) };
    expect(await witnessCheckpoint(witness, request)).toMatchObject({ refusal: 'bad-proof' });
  });

  it('remembers in its folder, for the next process', async () => {
    await add(leavesOf(8), 0);
    const again = { ...witness, store: new WitnessFolder(folder) };
    expect(await add(leavesOf(8, 'forged'), 8, again)).toMatchObject({ refusal: 'fork' });
    // What a crash left half done is nothing.
    const [of] = await readdir(folder);
    await writeFile(join(folder, of!, 'draft-1'), 'half a no');
    expect(await add(leavesOf(9), 8, again)).toMatchObject({ signed: true });
  });

  it('signs one of two forks that come at the same moment, though two processes share its folder', async () => {
    for (let round = 0; round < 10; round++) {
      const size = 4 + round;
      const store = join(folder, String(round));
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, n) => add(leavesOf(size, n % 2 ? 'forged' : ''), 0, { ...witness, store: new WitnessFolder(store) })),
      );
      const sides = new Set(answers.flatMap((answer, n) => (answer.signed ? [n % 2] : [])));
      expect(sides.size).toBe(1);
    }
  });

  it('never signs two histories, in whatever order they are offered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ size: fc.integer({ min: 1, max: 20 }), forkAt: fc.integer({ min: 0, max: 20 }), old: fc.nat(20) }), {
          maxLength: 15,
        }),
        async (offers) => {
          const store = new WitnessFolder(await mkdtemp(join(folder, 'run-')));
          const signed: Hash[][] = [];
          for (const { size, forkAt, old } of offers) {
            const leaves = leavesOf(size).map((leaf, n) => (n < forkAt ? leaf : leafHash(`${n} forged`)));
            const answer = await add(leaves, Math.min(old, size), { ...witness, store });
            if (answer.signed) signed.push(leaves);
          }
          for (const [n, later] of signed.entries()) {
            for (const earlier of signed.slice(0, n)) expect(later.slice(0, earlier.length)).toEqual(earlier);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('a request to a witness', () => {
  it('is read as it was written', () => {
    const request = { oldSize: 5, proof: leavesOf(4), checkpoint: checkpointOf(leavesOf(9)) };
    expect(parseWitnessRequest(formatWitnessRequest(request))).toEqual(request);
  });

  it.each([
    '',
    'old 5',
    'old -1\n\nx',
    'old 05\n\nx',
    'new 5\n\nx',
    'old 5\nshort\n\nx',
    `old 5\n${`${leafHash('x').toString('base64')}\n`.repeat(129)}\nx`,
  ])('is refused when it is malformed: %p', (body) => expect(() => parseWitnessRequest(body)).toThrow(MalformedNote));
});
