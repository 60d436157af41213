import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXPORT_SCHEMA, FILES, parseManifest, type Manifest } from '#libs/audit-export';
import { ArchiveDamaged, type Archive } from './archive.ts';
import {
  MANIFEST,
  parseRecordsManifest,
  parseSegmentManifest,
  parseViewsManifest,
  recordsManifestName,
  segmentFolder,
  segmentRange,
  sha256,
  type ArchivedFile,
  type SegmentManifest,
  type ViewsManifest,
} from './manifests.ts';

/** What can be wrong with an archive, by itself: whether its events are those that were signed, the export's verifier says. */
export interface ArchiveFinding {
  readonly name:
    | 'archive-missing' // something is not there that a manifest or the order of segments asks for
    | 'archive-damaged' // something is not what its manifest says
    | 'archive-overwritten'; // a segment is another than the one that its successor goes on from
  /** The object, or the sequences. */
  readonly where: string;
  /** A sentence. */
  readonly detail: string;
}

export interface ReadSegment {
  /** Of its manifest. */
  readonly name: string;
  readonly sha256: string;
  readonly manifest: SegmentManifest;
}

export interface ReadArchive {
  /** From the first on, without gaps; those before the first thing that is wrong with their order. */
  readonly segments: readonly ReadSegment[];
  readonly findings: readonly ArchiveFinding[];
  /** Segments that go on from the others and have no manifest: lost, or not put yet when Plimsoll was killed. The chain before them is whole. */
  readonly unended: readonly ArchiveFinding[];
}

/** The segments of an archive, every file read and held against its manifest's digest, and every manifest against its successor. */
export async function readSegments(archive: Archive, onProgress: (what: string) => void = () => undefined): Promise<ReadArchive> {
  const findings: ArchiveFinding[] = [];
  const begun: { readonly end: number; readonly finding: ArchiveFinding }[] = [];
  const complete: ReadSegment[] = [];
  for (const [folder, names] of await foldersOf(archive)) {
    const name = `${folder}/${MANIFEST}`;
    if (!names.has(name)) {
      const { first, end } = segmentRange(`${folder}/`)!;
      const lost = `Sequences ${first} to ${end - 1}, which were signed, are not restored.`;
      begun.push({ end, finding: { name: 'archive-missing', where: name, detail: `${unendedBecause(folder, names)} ${lost}` } });
      continue;
    }
    onProgress(folder);
    const segment = await segmentAt(archive, name, findings);
    if (segment) complete.push(segment);
  }
  const segments = inOrder(complete, findings);
  const reached = segments.at(-1)?.manifest.end ?? 0;
  // What a database that was put back has left and others hold by now is nothing that is missing.
  const unended = begun.filter(({ end }) => end > reached).map(({ finding }) => finding);
  return { segments, findings, unended };
}

/** Why a segment has no manifest, as far as its files tell, which are put in this order. */
function unendedBecause(folder: string, names: ReadonlySet<string>): string {
  const files = [FILES.manifest, FILES.events, FILES.leaves, FILES.checkpoints];
  const missing = files.filter((file) => !names.has(`${folder}/${file}`));
  if (missing.length === 0)
    return 'All files of the segment are there, and its manifest is not: it was taken out, or Plimsoll was killed just before it was put.';
  const listed = `${missing.join(', ')} and the manifest of the segment are not there`;
  return files.indexOf(missing[0]!) < files.length - missing.length
    ? `${listed}, and what is put after them is: they were taken out.`
    : `${listed}: they were taken out, or Plimsoll was killed before it put them; which of both can't be told.`;
}

/**
 * One file of the archive, held against what its manifest says.
 *
 * @returns its bytes, or what is wrong
 */
export async function readFileOf(archive: Archive, folder: string, file: ArchivedFile): Promise<Buffer | ArchiveFinding> {
  const where = `${folder}/${file.name}`;
  let bytes: Buffer | undefined;
  try {
    bytes = await archive.get(where);
  } catch (error) {
    if (error instanceof ArchiveDamaged) return { name: 'archive-damaged', where, detail: error.message };
    throw error;
  }
  if (!bytes) return { name: 'archive-missing', where, detail: 'Its manifest lists it, and it is not there.' };
  if (bytes.length === file.bytes && sha256(bytes) === file.sha256) return bytes;
  const detail = `Its manifest says ${file.bytes} bytes with SHA-256 ${file.sha256}; there are ${bytes.length} with ${sha256(bytes)}.`;
  return { name: 'archive-damaged', where, detail };
}

export interface ReadRecords {
  /** Ids that a manifest lists, each with the event that tells of it, `stream@revision`. */
  readonly listed: ReadonlyMap<string, string>;
  readonly findings: readonly ArchiveFinding[];
}

/**
 * What is kept beside the log, every record held against its manifest, and every manifest against the digest that is its name.
 *
 * @param now ISO 8601: what the store was to keep until before then may be gone from it
 */
export async function readRecords(
  archive: Archive,
  now: string,
  onProgress: (what: string) => void = () => undefined,
): Promise<ReadRecords> {
  const listed = new Map<string, string>();
  const findings: ArchiveFinding[] = [];
  for await (const { name } of archive.list('records/manifests/')) {
    try {
      const bytes = await archive.get(name);
      if (!bytes || recordsManifestName(bytes) !== name) throw new ArchiveDamaged('Its name is the digest of other bytes.');
      const { records, retainUntil } = parseRecordsManifest(name, bytes);
      onProgress(name);
      for (const { recordId, event, ...file } of records) {
        listed.set(recordId, event);
        const read = await readFileOf(archive, 'records', file);
        if (Buffer.isBuffer(read) || (read.name === 'archive-missing' && retainUntil < now)) continue;
        findings.push(read);
      }
    } catch (error) {
      if (!(error instanceof ArchiveDamaged)) throw error;
      findings.push({ name: 'archive-damaged', where: name, detail: error.message });
    }
  }
  return { listed, findings };
}

/**
 * Reads a segment back: its manifest, which must have this digest, and every file of it.
 *
 * @returns what is wrong; nothing where it can be relied upon
 */
export async function verifySegment(archive: Archive, name: string, digest: string): Promise<readonly ArchiveFinding[]> {
  const findings: ArchiveFinding[] = [];
  const segment = await segmentAt(archive, name, findings);
  if (segment && segment.sha256 !== digest) {
    const detail = `Its SHA-256 was ${digest} when it was written, and is ${segment.sha256}.`;
    findings.push({ name: 'archive-overwritten', where: name, detail });
  }
  return findings;
}

/** The manifests of segments that begin at a sequence: one, or none. @throws ArchiveDamaged */
export async function segmentsFrom(archive: Archive, first: number): Promise<readonly ReadSegment[]> {
  const found: ReadSegment[] = [];
  for await (const { name } of archive.list(segmentFolder({ first, end: 0 }).replace(/\d+$/, ''))) {
    if (!name.endsWith(`/${MANIFEST}`)) continue;
    const bytes = (await archive.get(name)) ?? Buffer.alloc(0);
    found.push({ name, sha256: sha256(bytes), manifest: parseSegmentManifest(name, bytes) });
  }
  return found;
}

async function segmentAt(archive: Archive, name: string, findings: ArchiveFinding[]): Promise<ReadSegment | undefined> {
  const folder = name.slice(0, -MANIFEST.length - 1);
  try {
    const bytes = await archive.get(name);
    if (!bytes) {
      findings.push({ name: 'archive-missing', where: name, detail: 'The manifest of the segment is not there.' });
      return undefined;
    }
    const manifest = parseSegmentManifest(name, bytes);
    if (segmentFolder(manifest) !== folder) throw new ArchiveDamaged(`It is of the segment ${segmentFolder(manifest)}.`);
    for (const file of manifest.files) {
      const read = await readFileOf(archive, folder, file);
      if (!Buffer.isBuffer(read)) findings.push(read);
    }
    return { name, sha256: sha256(bytes), manifest };
  } catch (error) {
    if (!(error instanceof ArchiveDamaged)) throw error;
    findings.push({ name: 'archive-damaged', where: name, detail: error.message });
    return undefined;
  }
}

async function foldersOf(archive: Archive): Promise<[string, Set<string>][]> {
  const folders = new Map<string, Set<string>>();
  for await (const { name } of archive.list('segments/')) {
    const range = segmentRange(name);
    if (!range) continue;
    const folder = segmentFolder(range);
    folders.set(folder, (folders.get(folder) ?? new Set()).add(name));
  }
  return [...folders].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The chain from sequence 0 on, as far as it goes; what breaks it is found. */
function inOrder(complete: readonly ReadSegment[], findings: ArchiveFinding[]): readonly ReadSegment[] {
  const chain: ReadSegment[] = [];
  let broken = false;
  let last: ReadSegment | undefined;
  for (const segment of [...complete].sort((a, b) => a.manifest.first - b.manifest.first || a.manifest.end - b.manifest.end)) {
    const { first, previous } = segment.manifest;
    const reached = last?.manifest.end ?? 0;
    if (first > reached) {
      const detail = `No segment holds these events; the next one begins at ${first}.`;
      findings.push({ name: 'archive-missing', where: `sequences ${reached} to ${first - 1}`, detail });
      broken = true;
    } else if (first < reached) {
      findings.push({ name: 'archive-overwritten', where: segment.name, detail: `${last!.name} holds sequence ${first}, too.` });
      broken = true;
      continue;
    } else if (previous !== (last?.sha256 ?? null)) {
      const detail = `${segment.name} goes on from a manifest with SHA-256 ${previous ?? 'of none'}, and this one has ${last?.sha256 ?? 'none'}.`;
      findings.push({ name: 'archive-overwritten', where: last?.name ?? segment.name, detail });
      broken = true;
    }
    if (!broken) chain.push(segment);
    last = segment;
  }
  return chain;
}

/**
 * Makes of segments in their order the export that the auditor's program reads, from the first event on, with the newest rows of the views that
 * lie within it.
 *
 * @returns its manifest, and what is wrong with the archive's views
 */
export async function exportOf(
  archive: Archive,
  segments: readonly ReadSegment[],
  folder: string,
): Promise<{ readonly manifest: Manifest; readonly findings: readonly ArchiveFinding[]; readonly views: ViewsFound }> {
  const last = segments.at(-1)?.manifest;
  if (!last) throw new Error('The archive has no segment.');
  const notes: string[] = [];
  let lastExport: Manifest | undefined;
  for (const { manifest } of segments) {
    const at = segmentFolder(manifest);
    const bytesOf = async (name: string): Promise<Buffer> => {
      const file = manifest.files.find((f) => f.name === name);
      const read = file && (await readFileOf(archive, at, file));
      if (!Buffer.isBuffer(read)) throw new ArchiveDamaged(`${at}/${name}: ${read?.detail ?? 'its manifest does not list it.'}`);
      return read;
    };
    await append(folder, FILES.events, await bytesOf(FILES.events));
    await append(folder, FILES.leaves, await bytesOf(FILES.leaves));
    notes.push(
      ...(await bytesOf(FILES.checkpoints))
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== ''),
    );
    lastExport = parseManifest((await bytesOf(FILES.manifest)).toString('utf8'));
  }
  // Of checkpoints at the edge of two segments, and after a segment, both have one.
  const lines = [...new Set(notes)];
  await writeFile(join(folder, FILES.checkpoints), lines.map((line) => `${line}\n`).join(''));
  const { views, findings } = await viewsOf(archive, BigInt(last.positions.last), folder);
  const manifest: Manifest = {
    schema: EXPORT_SCHEMA,
    exportedAt: last.archivedAt,
    source: lastExport!.source,
    origin: last.origin,
    verifierKey: last.verifierKey,
    first: 0,
    end: last.end,
    ledgerSize: last.checkpoint.size,
    events: last.end,
    checkpoints: lines.length,
    frontier: [],
    ...(lastExport!.successions ? { successions: lastExport!.successions } : {}),
    ...(lastExport!.consistency ? { consistency: lastExport!.consistency } : {}),
  };
  await writeFile(join(folder, FILES.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
  return { manifest, findings, views };
}

export interface ViewsFound {
  /** The last position of the rows that were taken; undefined where none are within the events. */
  readonly at?: bigint;
  /** Of all that the archive has; undefined where it has none. */
  readonly furthest?: bigint;
}

/** The newest views that can be made of the events up to a position. */
async function viewsOf(archive: Archive, upTo: bigint, folder: string): Promise<{ views: ViewsFound; findings: ArchiveFinding[] }> {
  const names: string[] = [];
  for await (const { name } of archive.list('views/')) if (name.endsWith(`/${MANIFEST}`)) names.push(name);
  const findings: ArchiveFinding[] = [];
  let furthest: bigint | undefined;
  for (const name of names.sort().reverse()) {
    const at = name.slice(0, -MANIFEST.length - 1);
    let manifest: ViewsManifest;
    try {
      manifest = parseViewsManifest(name, (await archive.get(name)) ?? Buffer.alloc(0));
    } catch (error) {
      if (!(error instanceof ArchiveDamaged)) throw error;
      findings.push({ name: 'archive-damaged', where: name, detail: error.message });
      continue;
    }
    const position = BigInt(manifest.position);
    furthest ??= position;
    if (position > upTo) continue;
    for (const file of manifest.files.filter((f) => f.name === FILES.views)) {
      const read = await readFileOf(archive, at, file);
      if (!Buffer.isBuffer(read)) {
        findings.push(read);
        continue;
      }
      await writeFile(join(folder, FILES.views), read);
      return { views: { at: position, furthest }, findings };
    }
  }
  return { views: furthest === undefined ? {} : { furthest }, findings };
}

async function append(folder: string, name: string, bytes: Buffer): Promise<void> {
  const file = await open(join(folder, name), 'a', 0o600);
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}
