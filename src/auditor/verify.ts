import {
  appendLeaves,
  leafHash,
  LogKeys,
  parseVerifier,
  rootOf,
  successionIn,
  verifyConsistency,
  verifyNote,
  type Frontier,
  type Hash,
  type OpenedCheckpoint,
  type Succession,
  type Verifier,
} from '#libs/ledger';
import { CLOCK_TOLERANCE_MS, differences, type FoundEvent, type SignedLeaf } from './differences.ts';
import { asStored } from '#libs/event-sourcing';
import { FILES, MalformedExport, parseCheckpointLine, parseEvent, parseLeaf, parseManifest, type Manifest } from '#libs/audit-export';
import type { Finding } from './findings.ts';
import { linesOf, textOf } from '#libs/audit-export';

export interface VerifyOptions {
  /** The log's verifier key as it was given by other means than the export; without it the export's own is taken, which proves less. */
  readonly key?: string;
  /** Signed checkpoints (notes) that the auditor or a witness kept from earlier. */
  readonly known?: readonly string[];
  /** Keys of witnesses that must have signed a checkpoint that covers events of the export. */
  readonly witnesses?: readonly string[];
  readonly toleranceMs?: number;
  /** Told now and then how far it is, in words. */
  readonly onProgress?: (what: string) => void;
}

export interface Verification {
  readonly findings: readonly Finding[];
  readonly events: number;
  /** Signed checkpoints that hold. */
  readonly checkpoints: number;
  /** Events of the range that are under a signed checkpoint. */
  readonly anchored: number;
  /** The largest of the checkpoints kept from earlier that the log has signed; 0 where there is none. */
  readonly largestKnown: number;
  /** What the auditor should know, though it is no finding. */
  readonly notes: readonly string[];
}

/**
 * Verifies an export with nothing but its folder and the log's public key. The order of proof: each checkpoint is signed by the log; the
 * ledger's leaves come to the root that each checkpoint names; the events' bytes have the hashes of the leaves. Where they have not, the
 * leaves, proved, say what was done to the events.
 */
export async function verifyExport(folder: string, options: VerifyOptions = {}): Promise<Verification> {
  try {
    return await verified(folder, options);
  } catch (error) {
    if (!(error instanceof MalformedExport)) throw error;
    const findings = [{ name: 'malformed' as const, where: error.file, detail: error.message }];
    return { findings, events: 0, checkpoints: 0, anchored: 0, largestKnown: 0, notes: [] };
  }
}

async function verified(folder: string, options: VerifyOptions): Promise<Verification> {
  const manifest = parseManifest(await textOf(folder, FILES.manifest));
  const key = keyOf(options.key ?? manifest.verifierKey);
  const { name } = keyOf(manifest.verifierKey);
  if (manifest.origin !== name) throw new MalformedExport(FILES.manifest, `Its origin is ${manifest.origin}; its key is of ${name}.`);
  const findings: Finding[] = [];
  const notes = await notesIn(folder);
  const keys = keysOf(key, [...(manifest.successions ?? []), ...notes], findings);
  const checkpoints = signedCheckpoints(notes, manifest, keys, findings);
  const known = knownCheckpoints(options.known ?? [], keys, findings);
  const all = [...checkpoints, ...known];
  findings.push(...forksAmong(all), ...setBack(manifest, checkpoints, known));

  const leaves = await readLeaves(folder, manifest);
  const leafRoots = rootsAt(manifest, leaves.hashes, all);
  const events = await readEvents(folder, leaves, options);
  // Where events were taken out of the store before it was made, the export has fewer than leaves, and says so.
  if (events.same && manifest.events !== events.count)
    findings.push({ name: 'malformed', where: FILES.manifest, detail: `It says ${manifest.events} events; there are ${events.count}.` });
  const eventRoots = events.same ? leafRoots : rootsAt(manifest, (await hashesOf(folder, options)).hashes, all);

  const heldByLeaves = all.filter((checkpoint) => agrees(checkpoint, leafRoots, manifest));
  const heldByEvents = all.filter((checkpoint) => agrees(checkpoint, eventRoots, manifest));
  const checkable = all.filter(({ size }) => leafRoots.has(size) || proofFor(size, manifest));
  // What `setBack` has named already needs no second name.
  const lost = new Set(findings.filter(({ name }) => name === 'rollback').map(({ where }) => where));
  for (const { size } of known)
    if (size > 0 && !leafRoots.has(size) && !proofFor(size, manifest) && !lost.has(`size ${size}`)) findings.push(notCompared(size));
  if (!events.same && heldByEvents.length === checkable.length && checkable.length > heldByLeaves.length) {
    findings.push({
      name: 'edit',
      where: FILES.leaves,
      detail: 'The list of leaves was changed; the events themselves are those that were signed.',
    });
  } else {
    for (const checkpoint of checkable.filter((c) => !heldByLeaves.includes(c))) findings.push(rewritten(checkpoint, heldByLeaves));
    if (!events.same) {
      const found = (await hashesOf(folder, options, leaves.hashes)).events;
      findings.push(...differences(leaves.list(), found, options.toleranceMs, options.onProgress));
    }
  }
  // Up to the first event that was changed all are those that were signed.
  findings.push(...events.findings);

  const held = events.same || heldByLeaves.length >= heldByEvents.length ? heldByLeaves : heldByEvents;
  if (keys.newest.text !== manifest.verifierKey && held.length > 0) {
    const detail = `It names the key ${manifest.verifierKey}; its checkpoints are signed with ${keys.newest.text}.`;
    findings.push({ name: 'malformed', where: FILES.manifest, detail });
  }
  const reach = Math.max(manifest.first, ...held.map(({ size }) => Math.min(size, manifest.end)));
  const anchored = reach - manifest.first;
  if (anchored === 0 && findings.length === 0) {
    findings.push({ name: 'unanchored', where: FILES.checkpoints, detail: 'No signed checkpoint covers any event of the export.' });
  }
  const witnessed = (options.witnesses ?? []).map((text) => {
    const witness = keyOf(text);
    return { name: witness.name, end: signedBy(witness, held, findings) };
  });
  for (const { name } of witnessed.filter(({ end }) => end <= manifest.first)) {
    findings.push({
      name: 'unwitnessed',
      where: name,
      detail: 'This witness has signed no checkpoint that covers any event of the export.',
    });
  }
  return {
    findings: unique(findings),
    events: events.count,
    checkpoints: held.length,
    anchored,
    largestKnown: Math.max(0, ...known.map(({ size }) => size)),
    notes: [
      ...notesOf(options, manifest, keys, { reach, all, checkable }),
      ...witnessed
        .filter(({ end }) => end > manifest.first && end < reach)
        .map(({ name, end }) => `${reach - end} events at the end are under no checkpoint that the witness ${name} has signed yet.`),
    ],
  };
}

function keyOf(text: string): Verifier {
  try {
    return parseVerifier(text);
  } catch (error) {
    throw new MalformedExport('the key', `It is no verifier key: ${(error as Error).message}`);
  }
}

async function notesIn(folder: string): Promise<readonly string[]> {
  const notes: string[] = [];
  for await (const lines of linesOf(folder, FILES.checkpoints))
    for (const line of lines) notes.push(parseCheckpointLine(line.toString('utf8')));
  return notes;
}

/** The keys of the log, from the one that is trusted on: what names another must be signed with both, and lead to it. */
function keysOf(trusted: Verifier, notes: readonly string[], findings: Finding[]): LogKeys {
  const wrong = (where: string, detail: string): void => void findings.push({ name: 'forged-checkpoint', where, detail });
  const successions = notes.flatMap((note): Succession[] => {
    try {
      return [successionIn(note) ?? []].flat();
    } catch (error) {
      wrong('succession of keys', (error as Error).message);
      return [];
    }
  });
  const keys = new LogKeys(trusted, successions);
  for (const { size, from } of keys.strangers) wrong(`succession of size ${size}`, `The key ${from.text} is none that your key leads to.`);
  findings.push(...keys.contradictions.map((detail): Finding => ({ name: 'fork', where: 'succession of keys', detail })));
  return keys;
}

/** The checkpoints that carry the log's signature. */
function signedCheckpoints(notes: readonly string[], manifest: Manifest, keys: LogKeys, findings: Finding[]): OpenedCheckpoint[] {
  const checkpoints: OpenedCheckpoint[] = [];
  notes.forEach((note, n) => {
    try {
      checkpoints.push(keys.open(note));
    } catch (error) {
      findings.push({ name: 'forged-checkpoint', where: `checkpoint ${n + 1}`, detail: (error as Error).message });
    }
  });
  const count = notes.length;
  if (count < manifest.checkpoints) {
    const detail = `The export was made with ${manifest.checkpoints} checkpoints; ${count} are left.`;
    findings.push({ name: 'rollback', where: FILES.checkpoints, detail });
  }
  checkpoints.forEach((checkpoint, n) => {
    const before = checkpoints[n - 1];
    if (!before || before.size <= checkpoint.size) return;
    const detail = `A checkpoint of size ${checkpoint.size} follows one of size ${before.size}.`;
    findings.push({ name: 'rollback', where: `checkpoint ${n + 1}`, detail });
  });
  return checkpoints;
}

/** How many leaves the largest checkpoint has that the witness has signed; 0 where there is none. */
function signedBy(witness: Verifier, checkpoints: readonly OpenedCheckpoint[], findings: Finding[]): number {
  const sizes = checkpoints.flatMap(({ note, size }) => {
    if (!note.signatures.some(({ name, keyHash }) => name === witness.name && keyHash === witness.keyHash)) return [];
    try {
      verifyNote(note, [witness]);
      return [size];
    } catch (error) {
      findings.push({ name: 'forged-checkpoint', where: `checkpoint of size ${size}`, detail: (error as Error).message });
      return [];
    }
  });
  return Math.max(0, ...sizes);
}

function knownCheckpoints(notes: readonly string[], keys: LogKeys, findings: Finding[]): OpenedCheckpoint[] {
  return notes.flatMap((note, n) => {
    try {
      return [keys.open(note)];
    } catch (error) {
      findings.push({ name: 'forged-checkpoint', where: `known checkpoint ${n + 1}`, detail: (error as Error).message });
      return [];
    }
  });
}

/** One size, two roots, both signed. */
function forksAmong(checkpoints: readonly OpenedCheckpoint[]): Finding[] {
  const roots = new Map<number, Hash>();
  return checkpoints.flatMap(({ size, root }): Finding[] => {
    const other = roots.get(size);
    if (!other) roots.set(size, root);
    if (!other || other.equals(root)) return [];
    return [{ name: 'fork', where: `size ${size}`, detail: 'The log has signed two different roots of this size.' }];
  });
}

/** What was signed is more than what there is said to be. */
function setBack(manifest: Manifest, checkpoints: readonly OpenedCheckpoint[], known: readonly OpenedCheckpoint[]): Finding[] {
  const last = Math.max(0, ...checkpoints.map(({ size }) => size));
  const beyond = [...checkpoints, ...known].filter(({ size }) => size > manifest.ledgerSize);
  const gone = beyond.map(({ size }): Finding => {
    const detail = `The log has signed ${size} leaves; the export says that it has ${manifest.ledgerSize}.`;
    return { name: 'rollback', where: `size ${size}`, detail };
  });
  const unlisted = known.flatMap(({ size }): Finding[] => {
    if (size <= manifest.end && size > last) {
      return [
        {
          name: 'rollback',
          where: `size ${size}`,
          detail: `The log has signed a checkpoint of ${size} leaves; the last one in the export is of ${last}.`,
        },
      ];
    }
    return [];
  });
  return [...gone, ...unlisted];
}

/** Neither the leaves nor the events come to what was signed: somewhere after the last checkpoint that holds, history was written anew. */
function rewritten({ size }: OpenedCheckpoint, held: readonly OpenedCheckpoint[]): Finding {
  const from = Math.max(0, ...held.map((c) => c.size).filter((s) => s < size));
  const detail = `The leaves of the export do not come to the root that was signed: what lies between sequence ${from} and ${size - 1} is another history.`;
  return { name: 'fork', where: `size ${size}`, detail };
}

interface Leaves {
  /** 32 bytes a leaf. */
  readonly hashes: Buffer;
  /** What each leaf says of its event, beside the hash. */
  readonly ids: readonly string[];
  readonly names: readonly string[];
  list(): SignedLeaf[];
}

async function readLeaves(folder: string, { first, end }: Manifest): Promise<Leaves> {
  let hashes = Buffer.alloc(32 * 1024);
  const ids: string[] = [];
  const names: string[] = [];
  let position = -1n;
  for await (const lines of linesOf(folder, FILES.leaves)) {
    for (const line of lines) {
      const leaf = parseLeaf(line.toString('latin1'));
      const wrong = (detail: string): never => {
        throw new MalformedExport(FILES.leaves, `Line ${ids.length + 1}: ${detail}`);
      };
      if (leaf.sequence !== first + ids.length) wrong(`sequence ${first + ids.length} should be here, not ${leaf.sequence}.`);
      const before = position;
      position = BigInt(leaf.position);
      if (position <= before) wrong('its position is not after the one before.');
      // By what was read, and not by what the manifest says will come.
      if (ids.length * 32 === hashes.length) hashes = Buffer.concat([hashes, Buffer.alloc(hashes.length)]);
      hashes.write(leaf.hash, ids.length * 32, 'hex');
      ids.push(leaf.id);
      names.push(leaf.event);
    }
  }
  if (ids.length !== end - first)
    throw new MalformedExport(FILES.leaves, `It has ${ids.length} leaves of the ${end - first} of the range.`);
  return {
    hashes: hashes.subarray(0, ids.length * 32),
    ids,
    names,
    list: () => ids.map((id, n) => ({ sequence: first + n, event: names[n]!, id, hash: hashes.toString('hex', n * 32, n * 32 + 32) })),
  };
}

/** The root of the tree at every size that a checkpoint asks for and the range reaches. */
function rootsAt({ first, frontier }: Manifest, hashes: Buffer, checkpoints: readonly OpenedCheckpoint[]): Map<number, Hash> {
  const count = hashes.length / 32;
  const last = first + count;
  const sizes = [...new Set([...checkpoints.map(({ size }) => size), last])].filter((size) => size >= first && size > 0 && size <= last);
  let tree: Frontier = { size: first, nodes: frontier.map((hash) => Buffer.from(hash, 'hex')) };
  const roots = new Map<number, Hash>();
  for (const size of sizes.sort((a, b) => a - b)) {
    const next = Array.from({ length: size - tree.size }, (_, n) =>
      hashes.subarray((tree.size - first + n) * 32, (tree.size - first + n + 1) * 32),
    );
    tree = appendLeaves(tree, next);
    roots.set(size, rootOf(tree));
  }
  return roots;
}

/** Whether a checkpoint is of this tree: by the root of its size, or by a consistency proof where it is outside of the range. */
function agrees({ size, root }: OpenedCheckpoint, roots: ReadonlyMap<number, Hash>, manifest: Manifest): boolean {
  const own = roots.get(size);
  if (own) return own.equals(root);
  const { end } = manifest;
  const last = roots.get(end);
  const proof = proofFor(size, manifest)?.map((hash) => Buffer.from(hash, 'hex'));
  if (!last || !proof) return false;
  return size < end ? verifyConsistency(size, end, root, last, proof) : verifyConsistency(end, size, last, root, proof);
}

function proofFor(size: number, { consistency, known = [] }: Manifest): readonly string[] | undefined {
  return [...(consistency ? [consistency] : []), ...known].find((proof) => proof.size === size)?.proof;
}

/** It may be that the log was set back behind it: what the manifest says of the log's size is no proof that it was not. */
function notCompared(size: number): Finding {
  const detail = `The log has signed ${size} leaves; the export neither reaches that size nor proves that it belongs to the same log: have it made with --known, or of a range that reaches it.`;
  return { name: 'known-not-compared', where: `size ${size}`, detail };
}

interface Events {
  readonly count: number;
  /** Each has the hash of its leaf, and there are as many. */
  readonly same: boolean;
  /** What is wrong with events that are exactly those that were signed. */
  readonly findings: readonly Finding[];
}

/** The fast way: line by line against the leaves. What was signed can still be wrong: streams with holes, times that go back. */
async function readEvents(
  folder: string,
  { hashes: leaves, ids, names }: Leaves,
  { toleranceMs = CLOCK_TOLERANCE_MS, onProgress }: VerifyOptions,
): Promise<Events> {
  const findings: Finding[] = [];
  const revisions = new Map<string, number>();
  let latest = 0;
  let count = 0;
  let same = true;
  for await (const lines of linesOf(folder, FILES.events)) {
    for (const line of lines) {
      same &&= count * 32 < leaves.length && leaves.compare(leafHash(line), 0, 32, count * 32, count * 32 + 32) === 0;
      count++;
      if (!same) continue;
      const { id, type, data, stored, stream, revision, created } = parseEvent(line.toString('utf8'));
      const where = `${stream}@${revision}`;
      if (id !== ids[count - 1] || where !== names[count - 1]) {
        const detail = `Line ${count} names ${names[count - 1]}, event ${ids[count - 1]}; the event that was signed there is ${where}, ${id}.`;
        findings.push({ name: 'edit', where: FILES.leaves, detail });
      }
      if (asStored({ id, type, data, metadata: stored, stream, revision, position: 0n }).stray) {
        findings.push({
          name: 'insertion',
          where,
          detail: 'No command led to it: it was appended around Plimsoll, and signed so.',
          signedSo: true,
        });
      }
      const time = Date.parse(created);
      if (time < latest - toleranceMs) {
        const detail = `It claims ${created}, and was recorded after an event of ${new Date(latest).toISOString()}.`;
        findings.push({ name: 'back-dating', where, detail, signedSo: true });
      }
      if (time > latest) latest = time;
      const before = revisions.get(stream);
      if (before !== undefined && revision !== before + 1) {
        const detail = revision > before ? 'Its stream skips revisions before it' : 'Its stream has been at a later revision before it';
        findings.push({
          name: revision > before ? 'deletion' : 'reordering',
          where,
          detail: `${detail}: it was signed so.`,
          signedSo: true,
        });
      }
      revisions.set(stream, revision);
    }
    onProgress?.(`${count} events verified`);
  }
  return { count, same: same && count * 32 === leaves.length, findings };
}

/** The slow way, where events are not what was signed: all of them at once, with the text of those that the ledger does not have. */
async function hashesOf(folder: string, { onProgress }: VerifyOptions, leaves?: Buffer): Promise<{ hashes: Buffer; events: FoundEvent[] }> {
  const signed = new Set<string>();
  for (let at = 0; leaves && at < leaves.length; at += 32) signed.add(leaves.toString('hex', at, at + 32));
  const hashes: Buffer[] = [];
  const events: FoundEvent[] = [];
  for await (const lines of linesOf(folder, FILES.events)) {
    for (const line of lines) {
      const bytes = leafHash(line);
      hashes.push(bytes);
      if (!leaves) continue;
      const hash = bytes.toString('hex');
      const text = line.toString('utf8');
      const { id, stream, revision, created } = parseEvent(text);
      events.push({ hash, id, stream, revision, created, ...(signed.has(hash) ? {} : { line: text }) });
    }
    onProgress?.(`events are not what was signed: ${hashes.length} read once more`);
  }
  return { hashes: Buffer.concat(hashes), events };
}

function notesOf(
  { key }: VerifyOptions,
  manifest: Manifest,
  keys: LogKeys,
  {
    reach,
    all,
    checkable,
  }: { readonly reach: number; readonly all: readonly OpenedCheckpoint[]; readonly checkable: readonly OpenedCheckpoint[] },
): string[] {
  const notes: string[] = [];
  if (key === undefined) notes.push('The key was taken from the export itself: give the key that you were told by other means with --key.');
  else if (key !== manifest.verifierKey && keys.newest.text !== manifest.verifierKey)
    notes.push(`The export names another key than yours: ${manifest.verifierKey}.`);
  else if (key !== manifest.verifierKey) notes.push(`Your key has named its successor; the log's key is now ${keys.newest.text}.`);
  if (reach < manifest.end) notes.push(`${manifest.end - reach} events at the end are under no signed checkpoint yet.`);
  const out = all.filter((checkpoint) => !checkable.includes(checkpoint));
  if (out.length > 0) notes.push(`${out.length} checkpoints are of sizes outside of the range and could not be compared.`);
  return notes;
}

function unique(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}
