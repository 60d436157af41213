import { formatCheckpoint } from './checkpoint.ts';
import { formatSigner, parseSigner, type Signer } from './keys.ts';
import { formatNote, MalformedNote, signatureOf, UnverifiedNote } from './note.ts';
import { LogKeys, signSuccession, soundSuccessions, successionIn, SUCCESSION_LIKE, type Succession } from './succession.ts';

const ORIGIN = 'bank.example/log';
const keyOf = (seed: number, name = ORIGIN): Signer => parseSigner(formatSigner(name, 'ed25519', Buffer.alloc(32, seed)));
const [a, b, c, d] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)];
const checkpoint = (size: number) => ({ origin: ORIGIN, size, root: Buffer.alloc(32, size) });
const signed = (size: number, ...by: readonly Signer[]): string => {
  const text = formatCheckpoint(checkpoint(size));
  return formatNote({ text, signatures: by.map((signer) => signatureOf(text, signer, 1)) });
};
const next = (size: number, from: Signer, to: Signer): string => signSuccession(checkpoint(size), from, to, 1);
const said = (size: number, from: Signer, to: Signer): Succession => ({ size, from: from.verifier, to: to.verifier });
/** A checkpoint with another line than a succession's after it. */
const withLine = (line: string, ...by: readonly Signer[]): string => {
  const text = `${formatCheckpoint(checkpoint(8))}${line}\n`;
  return formatNote({ text, signatures: by.map((signer) => signatureOf(text, signer, 1)) });
};

describe('a succession', () => {
  it('says which key follows which, and from which size on', () => {
    const found = successionIn(next(8, a, b));
    expect(found?.size).toBe(8);
    expect([found?.from.text, found?.to.text]).toEqual([a.verifier.text, b.verifier.text]);
  });

  it('is in no other checkpoint', () => {
    expect(successionIn(signed(8, a))).toBeUndefined();
    expect(successionIn(withLine('some other extension', a))).toBeUndefined();
  });

  it.each([
    ['without the next key', `plimsoll-key-succession ${a.verifier.text}`],
    ['with one key more', `plimsoll-key-succession ${a.verifier.text} ${b.verifier.text} ${c.verifier.text}`],
    ['with another word that begins so', `plimsoll-key-successions ${a.verifier.text} ${b.verifier.text}`],
    ['to itself', `plimsoll-key-succession ${a.verifier.text} ${a.verifier.text}`],
    ['to the key of another log', `plimsoll-key-succession ${a.verifier.text} ${keyOf(2, 'other.example/log').verifier.text}`],
    ['from the key of another log', `plimsoll-key-succession ${keyOf(1, 'other.example/log').verifier.text} ${b.verifier.text}`],
    ['to what is no key', `plimsoll-key-succession ${a.verifier.text} nothing`],
  ])('is none %s', (_what, line) => {
    expect(() => successionIn(withLine(line, a, b))).toThrow(MalformedNote);
  });

  it('is none to the key of a witness', () => {
    const witness = parseSigner(formatSigner(ORIGIN, 'cosignature/v1', Buffer.alloc(32, 2)));
    const line = `plimsoll-key-succession ${a.verifier.text} ${witness.verifier.text}`;
    expect(() => successionIn(withLine(line, a))).toThrow('from one key of the log to another of the same name');
  });

  it('is none from the key of a witness', () => {
    const witness = parseSigner(formatSigner(ORIGIN, 'cosignature/v1', Buffer.alloc(32, 2)));
    const line = `plimsoll-key-succession ${witness.verifier.text} ${a.verifier.text}`;
    expect(() => successionIn(withLine(line, witness, a))).toThrow('from one key of the log to another of the same name');
  });

  it.each([
    ['the old key alone', [a]],
    ['the new key alone', [b]],
    ['neither', [c]],
  ])('is none that is signed by %s', (_who, by) => {
    const line = `plimsoll-key-succession ${a.verifier.text} ${b.verifier.text}`;
    expect(() => successionIn(withLine(line, ...by))).toThrow(UnverifiedNote);
    expect(successionIn(withLine(line, a, b))).toMatchObject({ size: 8 });
  });

  it('is found among many notes, and those that are none are left out', () => {
    const broken = withLine('plimsoll-key-succession nothing', a);
    const unsigned = withLine(`plimsoll-key-succession ${b.verifier.text} ${c.verifier.text}`, b);
    const sound = soundSuccessions([signed(3, a), broken, next(8, a, b), unsigned, next(12, b, c)]);
    expect(sound.map(({ size }) => size)).toEqual([8, 12]);
  });

  it('is found by a pattern of SQL, and no other checkpoint is', () => {
    const like = new RegExp(`^${SUCCESSION_LIKE.replaceAll('%', '[^]*')}$`);
    expect(next(8, a, b)).toMatch(like);
    for (const other of [signed(8, a), withLine('some other extension', a), withLine('plimsoll-key-successions x', a)])
      expect(other).not.toMatch(like);
  });

  it('is written as a line after the root, which both sign', () => {
    const [head, tail] = next(8, a, b).split('\n\n');
    expect(head).toBe(`${formatCheckpoint(checkpoint(8))}plimsoll-key-succession ${a.verifier.text} ${b.verifier.text}`);
    expect(tail?.trim().split('\n')).toHaveLength(2);
  });

  it('is not left out where more is wrong than the note', () => {
    expect(() => soundSuccessions([undefined as never])).toThrow(TypeError);
  });

  it('says what is wrong with it', () => {
    const says = (line: string, why: string) => expect(() => successionIn(withLine(line, a, b))).toThrow(why);
    says('plimsoll-key-succession', 'A succession is a checkpoint and a line "plimsoll-key-succession <key> <next key>".');
    says(
      `plimsoll-key-succession ${a.verifier.text} ${a.verifier.text}`,
      'A succession is from one key of the log to another of the same name.',
    );
  });
});

describe('the keys of a log', () => {
  const line = [said(8, a, b), said(12, b, c), said(20, c, d)];

  it('is one where nothing was said of another', () => {
    const keys = new LogKeys(a.verifier);
    expect(keys.newest.text).toBe(a.verifier.text);
    expect([keys.at(0), keys.at(1_000_000)].map(({ text }) => text)).toEqual([a.verifier.text, a.verifier.text]);
    expect(keys.includes(b.verifier)).toBe(false);
    expect(keys.open(signed(5, a)).size).toBe(5);
    expect(() => keys.open(signed(5, b))).toThrow(UnverifiedNote);
  });

  it.each([
    ['the first', a],
    ['one in the middle', b],
    ['the last', d],
  ])('are all known to who trusts %s, whatever the order in which they are found', (_which, trusted) => {
    for (const found of [line, [...line].reverse(), [line[1]!, line[2]!, line[0]!, line[1]!]]) {
      const keys = new LogKeys(trusted.verifier, found);
      expect(keys.contradictions).toEqual([]);
      expect(keys.strangers).toEqual([]);
      expect(keys.newest.text).toBe(d.verifier.text);
      const after = [0, 7, 8, 11, 12, 19, 20, 99].map((size) => keys.at(size).text);
      expect(after).toEqual([a, a, b, b, c, c, d, d].map(({ verifier }) => verifier.text));
      for (const key of [a, b, c, d]) expect(keys.includes(key.verifier)).toBe(true);
      expect(keys.includes(keyOf(5).verifier)).toBe(false);
    }
  });

  it('sign each from its succession to the next one, both included, and not before nor after', () => {
    const keys = new LogKeys(a.verifier, line);
    for (const [size, by] of [
      [1, a],
      [8, a],
      [8, b],
      [12, b],
      [12, c],
      [20, d],
      [21, d],
    ] as const)
      expect(keys.open(signed(size, by)).size).toBe(size);
    expect(() => keys.open(signed(9, a))).toThrow(/of 9 leaves, .* up to 8 leaves/);
    expect(() => keys.open(signed(7, b))).toThrow(/of 7 leaves, .* from 8 leaves on/);
    expect(() => keys.open(signed(13, b))).toThrow(/up to 12 leaves/);
    expect(() => keys.open(signed(5, keyOf(5)))).toThrow(UnverifiedNote);
  });

  it('open what two of them signed, where one of them may', () => {
    const keys = new LogKeys(a.verifier, line);
    expect(keys.open(next(8, a, b)).size).toBe(8);
    expect(keys.open(signed(10, a, b)).size).toBe(10);
    expect(() => keys.open(signed(30, a, b))).toThrow(UnverifiedNote);
  });

  it('are not those of a succession that leads to none of them', () => {
    const stranger = said(5, keyOf(6), keyOf(7));
    const keys = new LogKeys(a.verifier, [...line, stranger]);
    expect(keys.strangers).toEqual([stranger]);
    expect(keys.contradictions).toEqual([]);
    expect(keys.includes(keyOf(7).verifier)).toBe(false);
  });

  it.each([
    ['names two successors', [said(8, a, b), said(8, a, c)], 'names two successors, or one at two sizes: 8 and 8'],
    ['names its successor at two sizes', [said(8, a, b), said(9, a, b)], 'names two successors, or one at two sizes: 8 and 9'],
  ])('contradict each other where one %s', (_what, found, why) => {
    expect(new LogKeys(a.verifier, found).contradictions).toEqual([expect.stringContaining(why)]);
  });

  it('do not contradict each other where one succession is found twice, and do where one size has two', () => {
    expect(new LogKeys(a.verifier, [said(8, a, b), said(8, a, b)]).contradictions).toEqual([]);
    expect(new LogKeys(c.verifier, [said(8, a, c), said(8, b, c)]).contradictions).toEqual([
      expect.stringContaining('succeeds two keys, or one at two sizes: 8 and 8'),
    ]);
  });

  it('contradict each other where one succeeds two, and where they do not follow in the order of their sizes', () => {
    const two = new LogKeys(c.verifier, [said(8, a, c), said(9, b, c)]);
    expect(two.contradictions).toEqual([expect.stringContaining('succeeds two keys, or one at two sizes: 8 and 9')]);
    const disorder = new LogKeys(a.verifier, [said(12, a, b), said(8, b, c)]);
    expect(disorder.contradictions).toEqual(['The successions of keys are not in the order of their sizes.']);
    expect(new LogKeys(a.verifier, [said(8, a, b), said(8, b, c)]).contradictions).toEqual([]);
  });
});
