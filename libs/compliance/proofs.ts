import { verifyInclusion, type LeafProof } from '#libs/ledger';
import type { Change, ChangeProof, ChangeRecord, ComplianceReport, LogRange, ProvenLeaf, Written } from './report.ts';

/** Sampled changes that are proved, the first that were drawn: of a larger sample the rest is proved one by one, by reference. */
export const MOST_PROVED = 250;
/** Leaves of one change that are proved; the start, the effect and the end are always among them. */
export const MOST_PROVED_LEAVES = 32;
/** Longest way in a tree of 2^53 leaves. */
const MOST_PATH = 53;

type Place = Pick<Written, 'ref' | 'sequence'>;

/** Finds leaves and the ways from them to the root of the tree of this size, in the order in which they were asked for. */
export type Prove = (leaves: readonly Place[], size: number) => Promise<readonly LeafProof[]>;

/** What is found of a leaf does not lead to the signed root: the log is not what was signed. */
export class ProofDoesNotHold extends Error {
  override readonly name = 'ProofDoesNotHold';
}

/** What is proved of a change: that it was asked for, approved, decided on, started, took effect and ended. In the order of the ledger. */
export function leavesOf(
  change: Change,
  record: ChangeRecord | undefined,
): { readonly leaves: readonly Omit<ProvenLeaf, 'leafHash' | 'path'>[]; readonly omitted: number } {
  const found = new Map<number, Omit<ProvenLeaf, 'leafHash' | 'path'>>();
  const take = (of: ProvenLeaf['of'], at: Place | undefined): void => {
    if (at && !found.has(at.sequence)) found.set(at.sequence, { of, ref: at.ref, sequence: at.sequence });
  };
  take('started', change.started);
  take('effect', change.effect);
  take('ended', change.ended);
  take('requested', change.requested);
  take('change', change.changeRecord);
  take('decision', record?.decided ?? record?.model?.approved);
  take('review', record?.review);
  for (const approval of change.approvals) take('approval', approval);
  const all = [...found.values()];
  const leaves = all.slice(0, MOST_PROVED_LEAVES).sort((a, b) => a.sequence - b.sequence);
  return { leaves, omitted: all.length - leaves.length };
}

/**
 * The inclusion proofs of the sampled changes, each held to the signed root before it is given out.
 *
 * @throws ProofDoesNotHold
 */
export async function proveSample(
  { sample, changes, changeRecords }: Pick<ComplianceReport, 'sample' | 'changes' | 'changeRecords'>,
  checkpoint: NonNullable<LogRange['checkpoint']>,
  prove: Prove,
): Promise<readonly ChangeProof[]> {
  const drawn = (sample?.changeIds ?? []).slice(0, MOST_PROVED);
  const wanted = new Set(drawn);
  const byId = new Map(changes.flatMap((change) => (wanted.has(change.id) ? [[change.id, change] as const] : [])));
  const records = new Map(changeRecords.map((record) => [`${record.changeId} ${record.round}`, record]));
  const asked = drawn.flatMap((changeId) => {
    const change = byId.get(changeId);
    const of = change?.changeRecord;
    return change ? [{ changeId, ...leavesOf(change, of && records.get(`${of.changeId} ${of.round}`)) }] : [];
  });
  const root = Buffer.from(checkpoint.root, 'base64');
  const found = await prove(
    asked.flatMap(({ leaves }) => leaves),
    checkpoint.size,
  );
  let next = 0;
  return asked.map(({ changeId, leaves, omitted }) => ({
    changeId,
    leaves: leaves.map(({ of, ref, sequence }): ProvenLeaf => {
      const proof = found[next++];
      if (!proof || !verifyInclusion(proof.hash, sequence, checkpoint.size, proof.path, root))
        throw new ProofDoesNotHold(`${ref}, leaf ${sequence}, does not lead to the signed root of size ${checkpoint.size}.`);
      return { leafHash: proof.hash.toString('base64'), of, path: proof.path.map((hash) => hash.toString('base64')), ref, sequence };
    }),
    omitted,
  }));
}

/** A proof that does not hold, and why: `change …, stream@revision`. */
export interface WrongProof {
  readonly where: string;
  readonly detail: string;
}

/**
 * Holds the proofs of a report that was given to a signed root, and to those that the events give. What was given is anybody's JSON.
 *
 * @param own of the same report, made again
 */
export function wrongProofs(given: unknown, own: ComplianceReport): readonly WrongProof[] {
  const { checkpoint } = own.log;
  const root = Buffer.from(checkpoint?.root ?? '', 'base64');
  const list: readonly unknown[] = Array.isArray(given) ? given : [];
  const wrong: WrongProof[] = [];
  if (list.length > MOST_PROVED)
    return [{ where: 'proofs', detail: `There are ${list.length}; a report proves ${MOST_PROVED} changes at most.` }];
  for (const { changeId, leaves } of own.proofs ?? []) {
    const theirs = list.map(asProof).find((proof) => proof.changeId === changeId);
    for (const leaf of leaves) {
      const where = `change ${changeId}, ${leaf.ref}`;
      const said = theirs?.leaves.find(({ sequence }) => sequence === leaf.sequence);
      if (!said) wrong.push({ where, detail: `It has no proof of leaf ${leaf.sequence}.` });
      else if (said.leafHash !== leaf.leafHash) wrong.push({ where, detail: `Its leaf ${leaf.sequence} is not what the log has there.` });
      else if (!checkpoint || !verifyInclusion(hashOf(said.leafHash), leaf.sequence, checkpoint.size, said.path.map(hashOf), root))
        wrong.push({ where, detail: `Its proof of leaf ${leaf.sequence} does not lead to the signed root.` });
      else if (said.ref !== leaf.ref || said.of !== leaf.of)
        wrong.push({ where, detail: `Leaf ${leaf.sequence} is ${leaf.ref}, ${leaf.of}; it says ${said.ref}, ${said.of}.` });
    }
  }
  const known = new Set((own.proofs ?? []).flatMap(({ changeId, leaves }) => leaves.map(({ sequence }) => `${changeId} ${sequence}`)));
  for (const { changeId, leaves } of list.map(asProof))
    for (const { sequence } of leaves)
      if (!known.has(`${changeId} ${sequence}`))
        wrong.push({ where: `change ${changeId}`, detail: `Its proof of leaf ${sequence} is of nothing that the sample has.` });
  return wrong;
}

interface GivenLeaf {
  readonly of: string;
  readonly ref: string;
  readonly sequence: number;
  readonly leafHash: string;
  readonly path: readonly string[];
}

function asProof(value: unknown): { readonly changeId: string; readonly leaves: readonly GivenLeaf[] } {
  const { changeId, leaves } = (value ?? {}) as { readonly changeId?: unknown; readonly leaves?: unknown };
  const list: readonly unknown[] = Array.isArray(leaves) ? leaves.slice(0, MOST_PROVED_LEAVES) : [];
  return { changeId: String(changeId), leaves: list.map(asLeaf) };
}

function asLeaf(value: unknown): GivenLeaf {
  const { of, ref, sequence, leafHash, path } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const list: readonly unknown[] = Array.isArray(path) ? path.slice(0, MOST_PATH + 1) : [];
  return { of: String(of), ref: String(ref), sequence: Number(sequence), leafHash: String(leafHash), path: list.map(String) };
}

/** Base64 is read leniently by Node: only what it would itself write is a hash. */
function hashOf(text: string): Buffer {
  const hash = Buffer.from(text, 'base64');
  return hash.toString('base64') === text ? hash : Buffer.alloc(0);
}
