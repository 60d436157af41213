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
  parseCheckpoint,
  parseNote,
  parseSignature,
  parseSigner,
  parseWitnessRequest,
  rootOfLeaves,
  signatureOf,
  signSuccession,
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

describe('a witness of a log that changes its key', () => {
  const [second, third] = [3, 4].map((byte) => parseSigner(formatSigner('log.example/one', 'ed25519', Buffer.alloc(32, byte)))) as [
    typeof log,
    typeof log,
  ];
  const successionOf = (size: number, from: typeof log, to: typeof log): string =>
    signSuccession({ origin: 'log.example/one', size, root: rootOfLeaves(leavesOf(size)) }, from, to, 0);
  const ask = async (checkpoint: string, oldSize: number): Promise<string> => {
    const { size } = parseCheckpoint(parseNote(checkpoint).text);
    const proof = oldSize > 0 && oldSize < size ? consistencyProof(leavesOf(size), oldSize) : [];
    // As after a restart: what it knows of keys is in its folder.
    const options = { ...witness, store: new WitnessFolder(folder) };
    const answer = await witnessCheckpoint(options, { oldSize, proof, checkpoint });
    return answer.signed ? 'signed' : answer.refusal;
  };

  it('follows the succession that it has signed, and no other', async () => {
    expect(await ask(checkpointOf(leavesOf(5)), 0)).toBe('signed');
    expect(await ask(checkpointOf(leavesOf(8), second), 5)).toBe('unsigned');
    expect(await ask(successionOf(8, log, second), 5)).toBe('signed');
    expect(await ask(successionOf(8, log, second), 8)).toBe('signed');
    // The old key is at its end, whoever has it: for leaves, and for keys, at the same size and later.
    expect(await ask(checkpointOf(leavesOf(10)), 8)).toBe('unsigned');
    expect(await ask(successionOf(8, log, third), 8)).toBe('unsigned');
    expect(await ask(successionOf(10, log, third), 8)).toBe('unsigned');
    // Nor does it name the same one again, elsewhere.
    expect(await ask(successionOf(10, log, second), 8)).toBe('unsigned');
    expect(await ask(checkpointOf(leavesOf(10), second), 8)).toBe('signed');
    expect(await ask(successionOf(12, second, third), 10)).toBe('signed');
    expect(await ask(checkpointOf(leavesOf(14), second), 12)).toBe('unsigned');
    expect(await ask(checkpointOf(leavesOf(14), third), 12)).toBe('signed');
    expect(await ask(checkpointOf(leavesOf(13), third), 14)).toBe('malformed');
  });

  it('remembers one that comes at the size that it has seen, and of two at once follows one', async () => {
    expect(await ask(checkpointOf(leavesOf(8)), 0)).toBe('signed');
    const both = await Promise.all([ask(successionOf(8, log, second), 8), ask(successionOf(8, log, third), 8)]);
    expect(both.sort()).toEqual(['signed', 'unsigned']);
    const after = [await ask(checkpointOf(leavesOf(9), second), 8), await ask(checkpointOf(leavesOf(9), third), 8)];
    expect(after.sort()).toEqual(['signed', 'unsigned']);
  });

  it('says which key may name no other', async () => {
    const named = (size: number, to: typeof log) =>
      witnessCheckpoint(witness, {
        oldSize: size === 5 ? 0 : 5,
        proof: size === 5 ? [] : consistencyProof(leavesOf(size), 5),
        checkpoint: successionOf(size, log, to),
      });
    expect(await named(5, second)).toMatchObject({ signed: true, size: 5 });
    expect(await named(8, third)).toEqual({
      signed: false,
      refusal: 'unsigned',
      detail: `${log.verifier.text} is not the key of the log now, and names no other.`,
    });
  });

  it('refuses one that is not signed with both keys', async () => {
    await ask(checkpointOf(leavesOf(5)), 0);
    const note = parseNote(successionOf(8, log, second));
    for (const signature of note.signatures) expect(await ask(formatNote({ ...note, signatures: [signature] }), 5)).toBe('unsigned');
    expect(await ask(successionOf(8, third, second), 5)).toBe('unsigned');
  });
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

  it('says in words why it refuses', async () => {
    const details = async (answer: Promise<WitnessAnswer>): Promise<string> => {
      const given = await answer;
      return given.signed ? 'signed' : `${given.refusal}: ${given.detail}`;
    };
    const ask = (checkpoint: string, oldSize = 0, proof: readonly Hash[] = []) =>
      details(witnessCheckpoint(witness, { oldSize, proof, checkpoint }));
    const unwatched = parseSigner(formatSigner('log.example/two', 'ed25519', Buffer.alloc(32, 3)));
    expect(await ask(checkpointOf(leavesOf(3), unwatched))).toBe('unknown-log: This witness does not watch a log of that origin.');
    const text = `log.example/one\nno number\n${leafHash('x').toString('base64')}\n`;
    expect(await ask(formatNote({ text, signatures: [signatureOf(text, log, 0)] }))).toMatch(/^malformed: The size of a checkpoint/);
    expect(await ask(checkpointOf(leavesOf(3)), 4)).toBe("malformed: The old size 4 is beyond the checkpoint's, 3.");
    const empty = formatCheckpoint({ origin: 'log.example/one', size: 0, root: leafHash('x') });
    expect(await ask(formatNote({ text: empty, signatures: [signatureOf(empty, log, 0)] }))).toBe(
      'malformed: A log of size 0 has the root of nothing.',
    );
    expect(await ask(checkpointOf([]))).toBe('signed');
    expect(await ask(checkpointOf(leavesOf(3)), 0, [leafHash('x')])).toBe(
      'bad-proof: There is nothing to prove here, so the proof must be empty.',
    );
    expect(await ask(checkpointOf(leavesOf(8)))).toBe('signed');
    expect(await ask(checkpointOf(leavesOf(8)), 8, [leafHash('x')])).toBe(
      'bad-proof: There is nothing to prove here, so the proof must be empty.',
    );
    expect(await ask(checkpointOf(leavesOf(5)), 5)).toBe('rollback: The log had 8 leaves, signed by itself; now it says 5.');
    expect(await ask(checkpointOf(leavesOf(8, '!')), 8)).toBe('fork: The log signed two roots for its first 8 leaves.');
    expect(await ask(checkpointOf(leavesOf(9)), 3)).toBe('behind: This witness last saw 8 leaves: prove from there.');
    expect(await ask(checkpointOf(leavesOf(9)), 8)).toBe(
      'bad-proof: The proof does not show that the log goes on from the 8 leaves that this witness saw: it is wrong, or the log has forked.',
    );
  });

  it('says what size it saw last where it saw one, and nothing of a size where it did not', async () => {
    expect(await add(leavesOf(3), 4)).not.toHaveProperty('seenSize');
    await add(leavesOf(8), 0);
    expect(await add(leavesOf(9), 3)).toHaveProperty('seenSize', 8);
  });

  it('writes nothing for a checkpoint that it has signed already', async () => {
    await add(leavesOf(8), 0);
    const kept = witness.store;
    const store = {
      latest: kept.latest.bind(kept),
      successions: async () => [],
      replace: () => Promise.reject(new Error('written again')),
    };
    expect(await add(leavesOf(8), 8, { ...witness, store })).toMatchObject({ signed: true });
    await expect(add(leavesOf(9), 8, { ...witness, store })).rejects.toThrow('written again');
  });

  it('lets a log ask again where others are quicker every time', async () => {
    let tries = 0;
    const store = { latest: async () => undefined, successions: async () => [], replace: async () => ++tries > 1000 };
    expect(await add(leavesOf(8), 0, { ...witness, store })).toEqual({
      signed: false,
      refusal: 'behind',
      detail: 'Others had checkpoints of this log signed meanwhile. Ask again.',
    });
  });

  it('passes on what is neither a note nor a signature', async () => {
    const broken = { ...log.verifier, verify: () => { throw new Error('no crypto here'); } }; // prettier-ignore
    await expect(add(leavesOf(8), 0, { ...witness, logs: [broken] })).rejects.toThrow('no crypto here');
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

  it('may be the largest that there is', () => {
    const request = { oldSize: 2 ** 53 - 1, proof: Array.from({ length: 128 }, (_, n) => leafHash(`${n}`)), checkpoint: 'x' };
    expect(parseWitnessRequest(formatWitnessRequest(request))).toEqual(request);
    expect(parseWitnessRequest('old 10\n\nx').oldSize).toBe(10);
  });

  it('says what is wrong with it', () => {
    const hash = leafHash('x').toString('base64');
    const says = (body: string, message: string) => expect(() => parseWitnessRequest(body)).toThrow(message);
    for (const body of ['', 'old 5', 'xold 5\n\nx', 'old 5x\n\nx', 'old 1x\n\nx', 'old 9007199254740992\n\nx', '\n\nx'])
      says(body, 'The request is "old <size>", a line for each hash of the proof, an empty line, and the checkpoint.');
    says(`old 5\n${`${hash}\n`.repeat(129)}\nx`, 'The proof has more than 128 hashes.');
    for (const line of [hash.slice(1), `${hash}=`, Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64'), ` ${hash}`])
      says(`old 5\n${line}\n\nx`, 'A hash of the proof is 32 bytes in base64.');
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
