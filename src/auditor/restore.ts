import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  archiveLocation,
  exportOf,
  openArchive,
  readRecords,
  readSegments,
  type Archive,
  type ReadArchive,
  type SegmentManifest,
  type ViewsFound,
} from '#libs/archive';
import { readExport } from '#libs/audit-export';
import { BEFORE_ALL } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { appendLeaves, EMPTY_FRONTIER, eventLeafHash, LogKeys, parseVerifier, rootOf, soundSuccessions } from '#libs/ledger';
import { recordOf } from '#libs/retention';
import { notAsSigned, type Finding } from './findings.ts';
import { replay, type Replayed } from './replay.ts';
import { restoreLedger } from './restore-ledger.ts';
import { verifyExport, type Verification, type VerifyOptions } from './verify.ts';

export interface Restored extends Partial<Replayed> {
  readonly segments: number;
  /** Of the restored log, base64, at the size of the last checkpoint that it reaches; absent where nothing was restored. */
  readonly root?: { readonly size: number; readonly hash: string };
  readonly verification?: Verification;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/** The archive that a person names: a folder, or `s3://…` with its keys in the environment; or what is wrong with that, as sentences. */
export function archiveNamed(
  location: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly archive: Archive } | { readonly problems: readonly string[] } {
  const read = archiveLocation(location, (name) => (env[name]?.trim() ? env[name].trim() : undefined));
  return 'problems' in read ? read : { archive: openArchive(read.location) };
}

/**
 * Restores an archive into an empty database. The order of proof: every file has the digest of its manifest, every manifest is the one that its
 * successor goes on from, what they hold together is what the log signed; then the views, made anew, are compared row for row with those that
 * were archived, and the root is computed once more, from what the database gives back; at last the ledger gets back its tree, its key and what it
 * signed. Nothing is restored of an archive that is not what was signed; what is odd in the log and was signed so is told, and restored as it was.
 *
 * @throws Error the database is not empty, or the archive has no segment
 */
export async function restore(
  archive: Archive,
  into: string,
  options: VerifyOptions,
  onProgress: (what: string) => void = () => undefined,
): Promise<Restored> {
  const read = await readSegments(archive, (folder) => onProgress(`${folder} read`));
  if (read.findings.length > 0) return { segments: read.segments.length, findings: read.findings, notes: [] };
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-restore-'));
  try {
    const { manifest, findings, views } = await exportOf(archive, read.segments, folder);
    const { findings: beside, tellers, unviewed } = await besideTheLog(archive, read, folder, views, onProgress);
    const verification = await verifyExport(folder, options);
    const notes = notesOf(read.segments.at(-1)!.manifest, verification, { views, tellers, unviewed });
    const found = [...findings, ...verification.findings];
    const segments = read.segments.length;
    if (notAsSigned(found).length > 0) return { segments, verification, findings: found, notes };
    const replayed = await replay(folder, manifest, into, onProgress);
    const { size, note } = read.segments.at(-1)!.manifest.checkpoint;
    // The last segment may end before the checkpoint that it lies under; the one before it then is the last that can be compared.
    const reached = [...read.segments].reverse().find(({ manifest: m }) => m.checkpoint.size <= manifest.end)?.manifest.checkpoint;
    const compared = size <= manifest.end ? { size, note } : reached;
    const root = compared && (await rootOfLog(into, compared.size));
    const keys = new LogKeys(parseVerifier(options.key ?? manifest.verifierKey), soundSuccessions(manifest.successions ?? []));
    const differs = compared && !keys.open(compared.note).root.equals(root!);
    if (!differs) {
      onProgress('the ledger is built again');
      const witnesses = (options.witnesses ?? []).map(parseVerifier);
      const checkpoints = await restoreLedger(folder, into, { keys, witnesses, at: manifest.exportedAt });
      onProgress(`${checkpoints} checkpoints restored`);
    }
    return {
      segments,
      verification,
      ...replayed,
      ...(compared ? { root: { size: compared.size, hash: root!.toString('base64') } } : {}),
      findings: [
        ...found,
        ...beside,
        ...replayed.findings,
        ...(differs
          ? [{ name: 'fork' as const, where: `size ${compared.size}`, detail: 'The restored log comes to another root than was signed.' }]
          : []),
      ],
      notes,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Beside {
  readonly findings: readonly Finding[];
  /** Events that records are of, and no segment holds. */
  readonly tellers: readonly string[];
  /** Restored events that are later than the rows of the views that they are compared with. */
  readonly unviewed: number;
}

/**
 * What is wrong with what lies beside the segments: records, views, a segment that has lost its manifest. It is told, and gives the exit code; the
 * log is whole without it, and so it is restored.
 */
async function besideTheLog(
  archive: Archive,
  { segments, unended }: ReadArchive,
  folder: string,
  views: ViewsFound,
  onProgress: (what: string) => void,
): Promise<Beside> {
  const found: Finding[] = [...unended];
  const { listed, findings } = await readRecords(archive, new Date().toISOString(), (name) => onProgress(`${name} read`));
  found.push(...findings);
  // Records are archived after the segment, within seconds: those of the last one may not have been.
  const sure = BigInt(segments.at(-1)!.manifest.positions.first);
  const untold = new Map(listed);
  let unviewed = 0;
  for await (const batch of readExport(folder)) {
    for (const event of batch) {
      if (views.at !== undefined && event.position > views.at) unviewed++;
      const told = recordOf(event);
      if (!told) continue;
      untold.delete(told.recordId);
      if (event.position >= sure || listed.has(told.recordId)) continue;
      const detail = `${told.event} tells that it was kept, and no manifest of the archive lists it.`;
      found.push({ name: 'archive-missing', where: `records/${told.recordId}`, detail });
    }
  }
  if (views.furthest === undefined) {
    const detail =
      'The archive holds no rows of views for these events, which are put after the first segment: the views were compared with nothing.';
    found.push({ name: 'archive-missing', where: 'views', detail });
  }
  return { findings: found, tellers: [...new Set(untold.values())].sort(), unviewed };
}

/**
 * What an archive can't say of itself. A chain shows what is gone from its middle; of its end only something else tells: a signed checkpoint of more
 * leaves, rows of views or records of later events. Where that is there too, those events may have waited to be archived when the archive was left.
 */
function notesOf(
  { end, positions, checkpoint }: SegmentManifest,
  { largestKnown }: Verification,
  { views: { at, furthest }, tellers, unviewed }: Pick<Beside, 'tellers' | 'unviewed'> & { readonly views: ViewsFound },
): string[] {
  const notes: string[] = [];
  const signs = [
    ...(checkpoint.size > end ? [`${checkpoint.size} leaves were signed`] : []),
    ...(furthest !== undefined && furthest > BigInt(positions.last) ? [`the archive has rows of views as of position ${furthest}`] : []),
    ...(tellers.length > 0 ? [`the archive has records of ${tellers.length} later events, such as ${tellers[0]}`] : []),
  ];
  if (signs.length > 0) {
    notes.push(
      `The log went on after sequence ${end - 1}: ${signs.join('; ')}. What came then is in no segment: not archived yet when the archive was left, or lost; which of both the archive can't say.`,
    );
  } else if (largestKnown < end) {
    notes.push(
      `Whether the log went on after sequence ${end - 1} the archive can't say: segments that are gone from its end leave no trace in it. Compare with the last checkpoint that you or a witness kept (--known).`,
    );
  }
  if (at === undefined && furthest !== undefined)
    notes.push('The views that the archive holds are of later events than its segments: the views were made, and compared with nothing.');
  if (unviewed > 0)
    notes.push(
      `The views were compared as of position ${at}; ${unviewed} restored events are later. Whether rows of views of them were ever archived can't be told.`,
    );
  return notes;
}

/** The root of the first `size` events, as the database gives them back. */
async function rootOfLog(url: string, size: number): Promise<Buffer> {
  const log = new PostgresEventLog({ url });
  try {
    let tree = EMPTY_FRONTIER;
    for (let after = BEFORE_ALL; tree.size < size;) {
      const batch = await log.readAll({ after, maxCount: Math.min(2_000, size - tree.size) });
      if (batch.length === 0) break;
      tree = appendLeaves(tree, batch.map(eventLeafHash));
      after = batch.at(-1)!.position;
    }
    return rootOf(tree);
  } finally {
    await log.close();
  }
}
