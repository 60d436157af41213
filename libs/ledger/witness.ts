import { type OpenedCheckpoint } from './checkpoint.ts';
import type { Signer, Verifier } from './keys.ts';
import { EMPTY_ROOT, verifyConsistency, type Hash } from './merkle.ts';
import { formatSignature, MalformedNote, signatureOf, UnverifiedNote } from './note.ts';
import { LogKeys, soundSuccessions, successionIn } from './succession.ts';

/** Most hashes of a consistency proof that is read: twice the height of the largest tree. */
export const MAX_PROOF_LENGTH = 128;

/** What a witness remembers of a log: the last checkpoint that it signed. */
export interface Seen {
  readonly size: number;
  readonly root: Hash;
  /** The note as it came, for whoever must show a fork. */
  readonly note: string;
}

/** Remembers for good: what `replace` has answered true for is there after a crash. */
export interface WitnessStore {
  latest(origin: string): Promise<Seen | undefined>;
  /** The notes that were signed by which a key of the log names the next, oldest first. */
  successions(origin: string): Promise<readonly string[]>;
  /** Puts `next` in the place of `previous` in one step; false, and nothing is changed, where something else is there by now. */
  replace(origin: string, previous: Seen | undefined, next: Seen): Promise<boolean>;
}

export interface WitnessRequest {
  /** The size that the log thinks this witness saw last; 0 the first time. */
  readonly oldSize: number;
  /** From that size to the checkpoint's. */
  readonly proof: readonly Hash[];
  readonly checkpoint: string;
}

/** `rollback` and `fork` are the log's crimes; `behind` only says that it must prove from another size. */
export type WitnessRefusal = 'malformed' | 'unknown-log' | 'unsigned' | 'behind' | 'rollback' | 'fork' | 'bad-proof';

export type WitnessAnswer =
  | { readonly signed: true; readonly size: number; readonly cosignature: string }
  | { readonly signed: false; readonly refusal: WitnessRefusal; readonly detail: string; readonly seenSize?: number };

export interface WitnessOptions {
  readonly signer: Signer;
  /** The logs that it watches. */
  readonly logs: readonly Verifier[];
  readonly store: WitnessStore;
  /** Seconds since 1970. */
  readonly now: () => number;
}

/**
 * Signs a checkpoint of a log if it goes on from the last one that was signed (c2sp.org/tlog-witness), and remembers it before it signs: of
 * two trees that do not go on from one another, it never signs both. Of the log's keys it knows those that the one that it was given leads to, by
 * successions that it has signed itself: so of two successors that a key names, it never follows both.
 */
export async function witnessCheckpoint(options: WitnessOptions, request: WitnessRequest): Promise<WitnessAnswer> {
  // Another request for the same log may be quicker: then look again, at what it has left.
  for (let attempt = 0; attempt < 10; attempt++) {
    // What was seen first, and the keys after it: a key that is named in between makes the attempt fail, and is known to the next.
    const seen = await options.store.latest(request.checkpoint.slice(0, request.checkpoint.indexOf('\n')));
    const opened = await open(options, request.checkpoint);
    if ('refusal' in opened) return opened;
    const { size, origin, root, names } = opened;
    const refusal = judge(seen, request, opened);
    if (refusal) return refusal;
    const same = seen?.size === size && !names;
    if (same || (await options.store.replace(origin, seen, { size, root, note: request.checkpoint }))) {
      return { signed: true, size, cosignature: formatSignature(signatureOf(opened.note.text, options.signer, options.now())) };
    }
  }
  return refused('behind', 'Others had checkpoints of this log signed meanwhile. Ask again.');
}

interface Opened extends OpenedCheckpoint {
  /** It names the log's next key, which is to be remembered. */
  readonly names: boolean;
}

async function open({ logs, store }: WitnessOptions, note: string): Promise<Opened | Extract<WitnessAnswer, { signed: false }>> {
  const origin = note.slice(0, note.indexOf('\n'));
  const log = logs.find(({ name }) => name === origin);
  if (!log) return refused('unknown-log', 'This witness does not watch a log of that origin.');
  try {
    const known = soundSuccessions(await store.successions(origin));
    const named = successionIn(note);
    if (!named) return { ...new LogKeys(log, known).open(note), names: false };
    if (known.some(({ size, to }) => size === named.size && to.text === named.to.text))
      return { ...new LogKeys(log, known).open(note), names: false };
    // The key that is the log's now may name another, and none before it.
    if (named.from.text !== new LogKeys(log, known).newest.text)
      return refused('unsigned', `${named.from.text} is not the key of the log now, and names no other.`);
    return { ...new LogKeys(log, [...known, named]).open(note), names: true };
  } catch (error) {
    if (error instanceof MalformedNote) return refused('malformed', error.message);
    if (error instanceof UnverifiedNote) return refused('unsigned', error.message);
    throw error;
  }
}

function judge(
  seen: Seen | undefined,
  { oldSize, proof }: WitnessRequest,
  { size, root }: OpenedCheckpoint,
): Extract<WitnessAnswer, { signed: false }> | undefined {
  const seenSize = seen?.size ?? 0;
  if (oldSize > size) return refused('malformed', `The old size ${oldSize} is beyond the checkpoint's, ${size}.`);
  if (size === 0 && !root.equals(EMPTY_ROOT)) return refused('malformed', 'A log of size 0 has the root of nothing.');
  if (size < seenSize) return refused('rollback', `The log had ${seenSize} leaves, signed by itself; now it says ${size}.`, seenSize);
  if (size === seenSize && seen && !root.equals(seen.root)) {
    return refused('fork', `The log signed two roots for its first ${size} leaves.`, seenSize);
  }
  if (oldSize !== seenSize) return refused('behind', `This witness last saw ${seenSize} leaves: prove from there.`, seenSize);
  // Everything goes on from nothing, and from itself: there is nothing to prove.
  if (seenSize === 0 || size === seenSize) {
    return proof.length === 0 ? undefined : refused('bad-proof', 'There is nothing to prove here, so the proof must be empty.', seenSize);
  }
  if (verifyConsistency(seenSize, size, seen!.root, root, proof)) return undefined;
  return refused(
    'bad-proof',
    `The proof does not show that the log goes on from the ${seenSize} leaves that this witness saw: it is wrong, or the log has forked.`,
    seenSize,
  );
}

function refused(refusal: WitnessRefusal, detail: string, seenSize?: number): Extract<WitnessAnswer, { signed: false }> {
  return { signed: false, refusal, detail, ...(seenSize === undefined ? {} : { seenSize }) };
}

/** The body of `POST /add-checkpoint` (c2sp.org/tlog-witness). */
export function formatWitnessRequest({ oldSize, proof, checkpoint }: WitnessRequest): string {
  return `old ${oldSize}\n${proof.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${checkpoint}`;
}

/** @throws MalformedNote */
export function parseWitnessRequest(body: string): WitnessRequest {
  const end = body.indexOf('\n\n');
  const [first, ...lines] = body.slice(0, Math.max(0, end)).split('\n');
  const old = /^old (0|[1-9]\d{0,15})$/.exec(first ?? '')?.[1];
  if (old === undefined || !Number.isSafeInteger(Number(old))) {
    throw new MalformedNote('The request is "old <size>", a line for each hash of the proof, an empty line, and the checkpoint.');
  }
  if (lines.length > MAX_PROOF_LENGTH) throw new MalformedNote(`The proof has more than ${MAX_PROOF_LENGTH} hashes.`);
  const proof = lines.map((line) => {
    const hash = Buffer.from(line, 'base64');
    if (hash.length !== 32 || hash.toString('base64') !== line) throw new MalformedNote('A hash of the proof is 32 bytes in base64.');
    return hash;
  });
  return { oldSize: Number(old), proof, checkpoint: body.slice(end + 2) };
}
