import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FILES, linesOf, parseLeaf, writeExport, type ExportSource, type Manifest } from '#libs/audit-export';
import {
  appendLeaves,
  leafHash,
  LogKeys,
  parseVerifier,
  rootOf,
  soundSuccessions,
  verifyConsistency,
  type Frontier,
  type Hash,
} from '#libs/ledger';
import { checkSize, type Archive } from './archive.ts';
import {
  fileOf,
  MANIFEST,
  manifestBytes,
  segmentFolder,
  SEGMENT_SCHEMA,
  sha256,
  viewsFolder,
  VIEWS_SCHEMA,
  type SegmentManifest,
} from './manifests.ts';

/** The log, the ledger and what was signed do not agree: this is not archived as if it were the truth. */
export class SegmentNotProved extends Error {
  override readonly name = 'SegmentNotProved';
}

/** What is decided of a segment before any of it is written, so that a second try after a crash writes the same bytes. */
export interface SegmentPlan {
  readonly first: number;
  readonly end: number;
  /** Digest of the manifest of the segment before; null for the first. */
  readonly previous: string | null;
  /** ISO 8601. */
  readonly archivedAt: string;
  readonly retainUntil: string;
}

/** A manifest in the archive. */
export interface Written<M> {
  /** Of the object. */
  readonly name: string;
  readonly sha256: string;
  readonly manifest: M;
}

/**
 * Archives a range of the log: proves that its events have the hashes of their leaves, and these the root that was signed; then puts the
 * files, and the manifest last. Done again with the same plan it changes nothing and ends what a crash has left half-done.
 *
 * @throws SegmentNotProved nothing was put
 * @throws ArchiveConflict something else lies under the segment's names
 * @throws ArchiveTooLarge nothing was put: plan a smaller range
 */
export async function writeSegment(archive: Archive, source: ExportSource, plan: SegmentPlan): Promise<Written<SegmentManifest>> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-segment-'));
  try {
    const { first, end, previous, archivedAt, retainUntil } = plan;
    const exported = await writeExport(source, folder, { first, end, now: archivedAt });
    const { keys, tree, checkpoint, positions } = await proved(folder, exported);
    // What the ledger has besides, be it leaves or another key, is something else at the next try.
    const successions = (exported.successions ?? []).filter((note) => soundSuccessions([note]).some(({ size }) => size <= checkpoint.size));
    const verifierKey = keys.at(checkpoint.size).text;
    const { successions: _later, ...rest } = exported;
    const stable: Manifest = { ...rest, verifierKey, ledgerSize: checkpoint.size, ...(successions.length > 0 ? { successions } : {}) };
    const files = [
      [FILES.manifest, Buffer.from(`${JSON.stringify(stable, null, 2)}\n`)] as const,
      ...(await Promise.all(
        [FILES.events, FILES.leaves, FILES.checkpoints].map(async (name) => [name, await readFile(join(folder, name))] as const),
      )),
    ];
    for (const [name, bytes] of files) checkSize(name, bytes);
    const at = segmentFolder(plan);
    for (const [name, bytes] of files) await archive.put(`${at}/${name}`, bytes, { retainUntil });
    const manifest: SegmentManifest = {
      schema: SEGMENT_SCHEMA,
      origin: exported.origin,
      verifierKey,
      first,
      end,
      positions,
      checkpoint,
      frontier: tree.nodes.map((hash) => hash.toString('hex')),
      previous,
      files: files.map(([name, bytes]) => fileOf(name, bytes)),
      archivedAt,
      retainUntil,
    };
    const bytes = manifestBytes(manifest);
    await archive.put(`${at}/${MANIFEST}`, bytes, { retainUntil });
    return { name: `${at}/${MANIFEST}`, sha256: sha256(bytes), manifest };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Archives what the views say, row by row; `rows` are lines of views.ndjson. The same rows again are no change. */
export async function writeViews(
  archive: Archive,
  views: { readonly origin: string; readonly position: bigint; readonly rows: Buffer },
  retainUntil: string,
): Promise<{ readonly name: string; readonly sha256: string }> {
  const { origin, position, rows } = views;
  const file = fileOf(FILES.views, rows);
  const at = viewsFolder(position, file.sha256);
  await archive.put(`${at}/${FILES.views}`, rows, { retainUntil });
  const bytes = manifestBytes({ schema: VIEWS_SCHEMA, origin, position: String(position), files: [file] });
  await archive.put(`${at}/${MANIFEST}`, bytes, { retainUntil });
  return { name: `${at}/${MANIFEST}`, sha256: sha256(bytes) };
}

interface Proved {
  readonly keys: LogKeys;
  readonly tree: Frontier;
  readonly checkpoint: SegmentManifest['checkpoint'];
  readonly positions: SegmentManifest['positions'];
}

async function proved(folder: string, { first, end, frontier, verifierKey, successions = [], consistency }: Manifest): Promise<Proved> {
  const hashes: Hash[] = [];
  const positions: string[] = [];
  for await (const lines of linesOf(folder, FILES.leaves)) {
    for (const line of lines) {
      const leaf = parseLeaf(line.toString('latin1'));
      hashes.push(Buffer.from(leaf.hash, 'hex'));
      positions.push(leaf.position);
    }
  }
  let count = 0;
  for await (const lines of linesOf(folder, FILES.events)) {
    for (const line of lines) {
      if (!hashes[count]?.equals(leafHash(line)))
        throw new SegmentNotProved(`Event ${first + count} of the log is not what the ledger's leaf says.`);
      count++;
    }
  }
  if (count !== end - first || hashes.length !== count)
    throw new SegmentNotProved(
      `The log has ${count} events and the ledger ${hashes.length} leaves of the ${end - first} from ${first} on.`,
    );
  const tree = appendLeaves({ size: first, nodes: frontier.map((hash) => Buffer.from(hash, 'hex')) }, hashes);
  const root = rootOf(tree);
  const keys = new LogKeys(parseVerifier(verifierKey), soundSuccessions(successions));
  for await (const lines of linesOf(folder, FILES.checkpoints)) {
    for (const line of lines) {
      const { note } = JSON.parse(line.toString('utf8')) as { note: string };
      const signed = keys.open(note);
      if (signed.size < end) continue;
      const holds =
        signed.size === end
          ? signed.root.equals(root)
          : consistency?.size === signed.size &&
            verifyConsistency(
              end,
              signed.size,
              root,
              signed.root,
              consistency.proof.map((hash) => Buffer.from(hash, 'hex')),
            );
      if (!holds) throw new SegmentNotProved(`What the ledger holds before sequence ${end} does not come to the root that was signed.`);
      return { keys, tree, checkpoint: { size: signed.size, note }, positions: { first: positions[0]!, last: positions.at(-1)! } };
    }
  }
  throw new SegmentNotProved(`No signed checkpoint covers sequence ${end - 1}.`);
}
