/** Signed notes as C2SP has them (c2sp.org/signed-note): a text, an empty line, and a line for each signature. */
import type { Signer, Verifier } from './keys.ts';

/** Longest note that is read, in characters. */
export const MAX_NOTE_LENGTH = 64 * 1024;
/** Most signatures of a note that is read. */
export const MAX_SIGNATURES = 64;

export interface NoteSignature {
  readonly name: string;
  /** Eight hex digits. */
  readonly keyHash: string;
  /** Of Ed25519: 64 bytes. Of cosignature/v1: eight bytes of time before them. */
  readonly bytes: Buffer;
}

export interface Note {
  /** What is signed: ends with a line break. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface VerifiedSignature {
  readonly name: string;
  readonly keyHash: string;
  /** When a witness says that it signed, in seconds since 1970. */
  readonly time?: number;
}

export class MalformedNote extends Error {
  override readonly name = 'MalformedNote';
}

/** A note without any good signature of a known key, or with a bad one. */
export class UnverifiedNote extends Error {
  override readonly name = 'UnverifiedNote';
}

/** @throws MalformedNote */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE_LENGTH) throw new MalformedNote(`The note is longer than ${MAX_NOTE_LENGTH} characters.`);
  if (/(?!\n)[\p{Cc}\p{Cs}]/u.test(note)) throw new MalformedNote('The note has a control character or half of a surrogate pair.');
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) throw new MalformedNote('A note is a text, an empty line, and lines of signatures.');
  const lines = note.slice(end + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw new MalformedNote(`The note has more than ${MAX_SIGNATURES} signatures.`);
  return { text: note.slice(0, end + 1), signatures: lines.map(parseSignature) };
}

/** @throws MalformedNote */
export function parseSignature(line: string): NoteSignature {
  const [, name, encoded] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (!name || bytes.length < 5 || bytes.toString('base64') !== encoded) throw new MalformedNote('A signature is written "— name base64".');
  return { name, keyHash: bytes.toString('hex', 0, 4), bytes: bytes.subarray(4) };
}

export function formatNote({ text, signatures }: Note): string {
  return `${text}\n${signatures.map((s) => `${formatSignature(s)}\n`).join('')}`;
}

export function formatSignature({ name, keyHash, bytes }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([Buffer.from(keyHash, 'hex'), bytes]).toString('base64')}`;
}

/**
 * Signs a text. @param seconds since 1970: what a cosignature says of when.
 * @throws MalformedNote the text does not end with a line break
 */
export function signatureOf(text: string, { verifier, sign }: Signer, seconds: number): NoteSignature {
  if (!text.endsWith('\n')) throw new MalformedNote('The text of a note ends with a line break.');
  const { name, keyHash, kind } = verifier;
  if (kind === 'ed25519') return { name, keyHash, bytes: sign(Buffer.from(text)) };
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  return { name, keyHash, bytes: Buffer.concat([time, sign(cosigned(text, seconds))]) };
}

/**
 * Checks the signatures of the keys that are known; those of others do not count, for better or worse.
 *
 * @returns one for each known key that has signed, in the note's order; never empty
 * @throws UnverifiedNote no known key has signed, or a signature in the name of one is bad
 */
export function verifyNote(note: Note, known: readonly Verifier[]): readonly VerifiedSignature[] {
  const good: VerifiedSignature[] = [];
  for (const signature of note.signatures) {
    const { name, keyHash } = signature;
    const key = known.find((k) => k.name === name && k.keyHash === keyHash);
    if (!key || good.some((g) => g.name === name && g.keyHash === keyHash)) continue;
    good.push(verifySignature(note.text, signature, key));
  }
  if (good.length === 0) throw new UnverifiedNote('No key that is known here has signed the note.');
  return good;
}

function verifySignature(text: string, { name, keyHash, bytes }: NoteSignature, key: Verifier): VerifiedSignature {
  if (key.kind === 'ed25519') {
    if (key.verify(Buffer.from(text), bytes)) return { name, keyHash };
  } else if (bytes.length === 72) {
    const time = Number(bytes.readBigUInt64BE());
    if (Number.isSafeInteger(time) && key.verify(cosigned(text, time), bytes.subarray(8))) return { name, keyHash, time };
  }
  throw new UnverifiedNote(`The signature in the name of ${name} is not by its key, or the note was changed.`);
}

/** c2sp.org/tlog-cosignature */
function cosigned(text: string, seconds: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
}
