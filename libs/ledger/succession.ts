/**
 * The keys of one log, one after the other. A key names its successor in a checkpoint, by a line after the root (an extension, as C2SP's
 * tlog-checkpoint calls it), and both sign that note: `from` because nobody else may say who signs after it, `to` because it is there and takes over.
 * So whoever trusts either key knows the other, and where in the log the one ended and the other began.
 */
import { formatCheckpoint, openCheckpoint, parseCheckpoint, type Checkpoint, type OpenedCheckpoint } from './checkpoint.ts';
import { MalformedKey, parseVerifier, type Signer, type Verifier } from './keys.ts';
import { formatNote, MalformedNote, parseNote, signatureOf, UnverifiedNote, verifyNote } from './note.ts';

const WORD = 'plimsoll-key-succession';

/** Most successions of one log that are read. */
export const MAX_SUCCESSIONS = 100;

export interface Succession {
  /** Of the checkpoint that says it: the last that `from` signs, and the first of `to`. */
  readonly size: number;
  readonly from: Verifier;
  readonly to: Verifier;
}

/** A checkpoint that names the next key, signed with both. @param now seconds since 1970 */
export function signSuccession(checkpoint: Checkpoint, from: Signer, to: Signer, now: number): string {
  const text = `${formatCheckpoint(checkpoint)}${WORD} ${from.verifier.text} ${to.verifier.text}\n`;
  return formatNote({ text, signatures: [from, to].map((signer) => signatureOf(text, signer, now)) });
}

/** What a note says of keys; undefined where it says nothing of them. @throws MalformedNote, UnverifiedNote it is not signed with both */
export function successionIn(note: string): Succession | undefined {
  if (!note.includes(`\n${WORD}`)) return undefined;
  const parsed = parseNote(note);
  const { origin, size } = parseCheckpoint(parsed.text);
  const [word, first, second, ...rest] = (parsed.text.split('\n')[3] ?? '').split(' ');
  if (word !== WORD || !first || !second || rest.length > 0)
    throw new MalformedNote(`A succession is a checkpoint and a line "${WORD} <key> <next key>".`);
  const [from, to] = [verifierIn(first), verifierIn(second)];
  if (from.name !== origin || to.name !== origin || from.kind !== 'ed25519' || to.kind !== 'ed25519' || from.text === to.text)
    throw new MalformedNote('A succession is from one key of the log to another of the same name.');
  // Each by itself: of several known keys one good signature would do.
  for (const key of [from, to]) verifyNote(parsed, [key]);
  return { size, from, to };
}

/** Those of many notes that are signed as they must be; what is wrong with the others is for the verifier to name. */
export function soundSuccessions(notes: readonly string[]): readonly Succession[] {
  return notes.flatMap((note) => {
    try {
      return successionIn(note) ?? [];
    } catch (error) {
      if (error instanceof MalformedNote || error instanceof UnverifiedNote) return [];
      throw error;
    }
  });
}

/** How a note that names the next key can be found among others; beneath, `successionIn` says what it says. */
export const SUCCESSION_LIKE = `%\n${WORD} %`;

function verifierIn(text: string): Verifier {
  try {
    return parseVerifier(text);
  } catch (error) {
    throw error instanceof MalformedKey ? new MalformedNote(error.message) : error;
  }
}

interface Reign {
  readonly verifier: Verifier;
  /** Sizes that it signs, both included. */
  readonly from: number;
  readonly to: number;
}

/** The keys of a log for somebody who trusts one of them. */
export class LogKeys {
  /** Oldest first. */
  private readonly reigns: readonly Reign[];
  /** What is wrong with the successions, as sentences: two of one key, or some that lead nowhere. */
  readonly contradictions: readonly string[];
  readonly strangers: readonly Succession[];

  constructor(
    private readonly trusted: Verifier,
    successions: readonly Succession[] = [],
  ) {
    const contradictions: string[] = [];
    const left = new Set(successions);
    /** The succession from, or to, a key, which may be there several times; another one of it is a contradiction. */
    const take = (end: 'from' | 'to', key: Verifier): Succession | undefined => {
      const all = [...left].filter((s) => s[end].text === key.text);
      all.forEach((s) => left.delete(s));
      const [first, ...others] = all;
      for (const other of others) {
        if (first!.size === other.size && first!.from.text === other.from.text && first!.to.text === other.to.text) continue;
        const which = end === 'from' ? 'names two successors, or one at two sizes' : 'succeeds two keys, or one at two sizes';
        contradictions.push(`The key ${key.text} ${which}: ${first!.size} and ${other.size}.`);
      }
      return first;
    };
    const before: Succession[] = [];
    for (let s = take('to', trusted); s; s = take('to', s.from)) before.unshift(s);
    const after: Succession[] = [];
    for (let s = take('from', trusted); s; s = take('from', s.to)) after.push(s);
    const chain = [...before, ...after];
    this.reigns = [chain[0]?.from ?? trusted, ...chain.map(({ to }) => to)].map((verifier, n) => ({
      verifier,
      from: chain[n - 1]?.size ?? 0,
      to: chain[n]?.size ?? Number.MAX_SAFE_INTEGER,
    }));
    if (this.reigns.some(({ from, to }) => from > to)) contradictions.push('The successions of keys are not in the order of their sizes.');
    this.contradictions = contradictions;
    this.strangers = [...left];
  }

  /** The one that signs now. */
  get newest(): Verifier {
    return this.reigns.at(-1)!.verifier;
  }

  /** The one that signs after a checkpoint of this size. */
  at(size: number): Verifier {
    return this.reigns.findLast(({ from }) => from <= size)?.verifier ?? this.trusted;
  }

  includes({ name, keyHash }: Pick<Verifier, 'name' | 'keyHash'>): boolean {
    return this.reigns.some(({ verifier }) => verifier.name === name && verifier.keyHash === keyHash);
  }

  /**
   * As `openCheckpoint`, by the key that was the log's at that size: what an older key signs after it was succeeded counts no more.
   *
   * @throws MalformedNote, UnverifiedNote
   */
  open(note: string): OpenedCheckpoint {
    const { signatures } = parseNote(note);
    const signing = this.reigns.filter(({ verifier: v }) => signatures.some((s) => s.name === v.name && s.keyHash === v.keyHash));
    if (signing.length === 0) return openCheckpoint(note, this.trusted);
    const opened = openCheckpoint(
      note,
      signing[0]!.verifier,
      signing.slice(1).map(({ verifier }) => verifier),
    );
    if (signing.some(({ from, to }) => from <= opened.size && opened.size <= to)) return opened;
    const { from, to, verifier } = signing[0]!;
    throw new UnverifiedNote(
      `It is of ${opened.size} leaves, and signed with ${verifier.text}, which was the log's key ${from > opened.size ? `from ${from} leaves on` : `up to ${to} leaves`}.`,
    );
  }
}
