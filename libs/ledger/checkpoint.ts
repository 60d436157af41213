/** Checkpoints as C2SP has them (c2sp.org/tlog-checkpoint): the size and root of a log, as the text of a signed note. */
import type { Hash } from './merkle.ts';
import { MalformedNote, parseNote, verifyNote, type Note, type VerifiedSignature } from './note.ts';
import type { Verifier } from './keys.ts';

export interface Checkpoint {
  /** Names the log, for ever: no two logs have one origin. */
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

export interface OpenedCheckpoint extends Checkpoint {
  readonly note: Note;
  readonly signatures: readonly VerifiedSignature[];
}

/** The text that is signed. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** Reads the text of a checkpoint; lines after the root are extensions, and not ours to judge. @throws MalformedNote */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root, ...rest] = text.split('\n');
  if (!origin || !size || !root || rest.at(-1) !== '') {
    throw new MalformedNote('A checkpoint has a line each for its origin, its size and its root.');
  }
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) {
    throw new MalformedNote('The size of a checkpoint is a whole number below 2^53, without leading zeros.');
  }
  const bytes = Buffer.from(root, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== root) throw new MalformedNote('The root of a checkpoint is 32 bytes in base64.');
  return { origin, size: Number(size), root: bytes };
}

/**
 * Reads a signed checkpoint and checks it: the log's own signature must be there and good, and those of known witnesses must be good.
 *
 * @throws MalformedNote, UnverifiedNote
 */
export function openCheckpoint(note: string, log: Verifier, witnesses: readonly Verifier[] = []): OpenedCheckpoint {
  const parsed = parseNote(note);
  verifyNote(parsed, [log]);
  const checkpoint = parseCheckpoint(parsed.text);
  if (checkpoint.origin !== log.name) throw new MalformedNote(`The checkpoint is of the log ${checkpoint.origin}, not of ${log.name}.`);
  return { ...checkpoint, note: parsed, signatures: verifyNote(parsed, [log, ...witnesses]) };
}
