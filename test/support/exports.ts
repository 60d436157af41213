import { createHash } from 'node:crypto';
import type { StoredEvent } from '#libs/event-sourcing';
import {
  appendLeaves,
  consistencyProof,
  EMPTY_FRONTIER,
  eventLeafHash,
  formatCheckpoint,
  formatNote,
  formatSigner,
  parseSigner,
  rootOfLeaves,
  signatureOf,
  signSuccession,
  type Hash,
  type Signer,
} from '#libs/ledger';
import type { ExportSource } from '#libs/audit-export';

/** A log's key that is the same for the same name, and number of the key. */
export function logKey(origin = 'ledger.example/plimsoll', number = 1): Signer {
  const seed = createHash('sha256')
    .update(number === 1 ? origin : `${origin} ${number}`)
    .digest();
  return parseSigner(formatSigner(origin, 'ed25519', seed));
}

/** A checkpoint of the first `size` leaves, signed. */
export function signedCheckpoint(leaves: readonly Hash[], size: number, signer: Signer): string {
  const text = formatCheckpoint({ origin: signer.verifier.name, size, root: rootOfLeaves(leaves.slice(0, size)) });
  return formatNote({ text, signatures: [signatureOf(text, signer, 0)] });
}

/** A checkpoint of the first `size` leaves by which one key names the next. */
export function signedSuccession(leaves: readonly Hash[], size: number, from: Signer, to: Signer): string {
  return signSuccession({ origin: from.verifier.name, size, root: rootOfLeaves(leaves.slice(0, size)) }, from, to, 0);
}

/**
 * A store and its ledger in memory: `stored` is what the store says today, the ledger is of `events`, as they were.
 *
 * @param sizes of the signed checkpoints
 * @param next another key, from a size on that is one of those
 */
export function memorySource(
  events: readonly StoredEvent[],
  sizes: readonly number[],
  {
    signer = logKey(),
    stored = events,
    next,
  }: {
    readonly signer?: Signer;
    readonly stored?: readonly StoredEvent[];
    readonly next?: { readonly size: number; readonly signer: Signer };
  } = {},
): ExportSource {
  const hashes = events.map(eventLeafHash);
  return {
    kind: 'memory',
    origin: signer.verifier.name,
    verifierKey: (next?.signer ?? signer).verifier.text,
    size: async () => events.length,
    leaves: async function* (first, end) {
      yield events.slice(first, end).map(({ id, position, stream, revision }, n) => ({
        sequence: first + n,
        position: String(position),
        event: `${stream}@${revision}`,
        id,
        hash: hashes[first + n]!.toString('hex'),
      }));
    },
    frontier: async (first) => appendLeaves(EMPTY_FRONTIER, hashes.slice(0, first)).nodes,
    consistency: async (first, second) => consistencyProof(hashes.slice(0, second), first),
    checkpoints: async function* () {
      yield sizes.map((size) =>
        next?.size === size
          ? signedSuccession(hashes, size, signer, next.signer)
          : signedCheckpoint(hashes, size, next && size > next.size ? next.signer : signer),
      );
    },
    ...(next ? { successions: async () => [signedSuccession(hashes, next.size, signer, next.signer)] } : {}),
    events: async function* (from, to) {
      yield stored.filter(({ position }) => position >= from && position <= to);
    },
  };
}
