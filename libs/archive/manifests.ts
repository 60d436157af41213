import { createHash } from 'node:crypto';
import { ArchiveDamaged } from './archive.ts';

/*
 * What lies in an archive. Every folder is complete when its archive.json is there, which is put last; all of it is UTF-8.
 *
 *   segments/FIRST-END/   Events FIRST (included) to END (excluded) of the ledger's sequence, 12 digits each: an export as the auditor reads it
 *                         (#libs/audit-export: manifest.json, events.ndjson, leaves.ndjson, checkpoints.ndjson), and archive.json.
 *   views/POSITION-DIGEST/  Rows of all views as they were, views.ndjson as in an export, to hold a restored Plimsoll against; and archive.json.
 *   records/ID            What is kept beside the log, such as a step's whole log.
 *   records/manifests/    Which records were archived, each file named by its own digest.
 *
 * Segments are a chain: each archive.json holds the digest of the one before, so that none is exchanged without its successor saying so.
 */
export const SEGMENT_SCHEMA = 'plimsoll.archive-segment.v1';
export const VIEWS_SCHEMA = 'plimsoll.archive-views.v1';
export const RECORDS_SCHEMA = 'plimsoll.archive-records.v1';
export const MANIFEST = 'archive.json';

export interface ArchivedFile {
  /** In the folder of its manifest. */
  readonly name: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface SegmentManifest {
  readonly schema: typeof SEGMENT_SCHEMA;
  readonly origin: string;
  readonly verifierKey: string;
  /** Sequences of the ledger: `first` included, `end` excluded. */
  readonly first: number;
  readonly end: number;
  /** Of the first and the last event in the store, decimal. */
  readonly positions: { readonly first: string; readonly last: string };
  /** The signed checkpoint (C2SP) that the segment lies under: a tree of `size` leaves, `end` or more. */
  readonly checkpoint: { readonly size: number; readonly note: string };
  /** Hex; the perfect subtrees of the leaves before `end` (RFC 6962): where the next segment goes on. */
  readonly frontier: readonly string[];
  /** SHA-256 (hex) of the archive.json of the segment before; null in the first. */
  readonly previous: string | null;
  readonly files: readonly ArchivedFile[];
  /** ISO 8601: when it was begun, and until when the store is to keep it. */
  readonly archivedAt: string;
  readonly retainUntil: string;
}

export interface ViewsManifest {
  readonly schema: typeof VIEWS_SCHEMA;
  readonly origin: string;
  /** Of the last event that is in any of the views, decimal. */
  readonly position: string;
  readonly files: readonly ArchivedFile[];
}

export interface ArchivedRecord extends ArchivedFile {
  readonly recordId: string;
  readonly kind: string;
  /** `stream@revision` of the event that tells of it. */
  readonly event: string;
  /** ISO 8601: since when it was kept. */
  readonly keptAt: string;
}

export interface RecordsManifest {
  readonly schema: typeof RECORDS_SCHEMA;
  /** `name` is within `records/`. */
  readonly records: readonly ArchivedRecord[];
  readonly archivedAt: string;
  readonly retainUntil: string;
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

const twelve = (n: number | bigint): string => String(n).padStart(12, '0');

export function segmentFolder({ first, end }: Pick<SegmentManifest, 'first' | 'end'>): string {
  return `segments/${twelve(first)}-${twelve(end)}`;
}

/** The range of a segment by its folder; undefined where it is no segment's. */
export function segmentRange(name: string): { readonly first: number; readonly end: number } | undefined {
  const [, first, end] = /^segments\/(\d{12,15})-(\d{12,15})\//.exec(name) ?? [];
  return first === undefined || end === undefined ? undefined : { first: Number(first), end: Number(end) };
}

export function viewsFolder(position: bigint, digest: string): string {
  return `views/${twelve(position)}-${digest.slice(0, 16)}`;
}

export const recordName = (recordId: string): string => `records/${recordId}`;
export const recordsManifestName = (bytes: Uint8Array): string => `records/manifests/${sha256(bytes)}.json`;

export function fileOf(name: string, bytes: Uint8Array): ArchivedFile {
  return { name, bytes: bytes.length, sha256: sha256(bytes) };
}

export function manifestBytes(manifest: SegmentManifest | ViewsManifest | RecordsManifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

/** Most bytes of a manifest that are parsed. */
const MOST_BYTES = 8 * 1024 * 1024;
const HASH = /^[0-9a-f]{64}$/;

/** @throws ArchiveDamaged it is not what its schema says */
export function parseSegmentManifest(object: string, bytes: Buffer): SegmentManifest {
  const value = parsed(object, bytes, SEGMENT_SCHEMA) as unknown as SegmentManifest;
  const { first, end, positions, checkpoint, frontier, previous } = value;
  const sound =
    isCount(first) &&
    isCount(end) &&
    first < end &&
    isDecimal(positions?.first) &&
    isDecimal(positions?.last) &&
    isCount(checkpoint?.size) &&
    typeof checkpoint.note === 'string' &&
    Array.isArray(frontier) &&
    frontier.every((hash) => HASH.test(String(hash))) &&
    (previous === null || HASH.test(String(previous))) &&
    areFiles(value.files) &&
    [value.origin, value.verifierKey, value.retainUntil].every((text) => typeof text === 'string');
  if (!sound) throw new ArchiveDamaged(`${object} is no manifest of a segment.`);
  return value;
}

/** @throws ArchiveDamaged it is not what its schema says */
export function parseViewsManifest(object: string, bytes: Buffer): ViewsManifest {
  const value = parsed(object, bytes, VIEWS_SCHEMA) as unknown as ViewsManifest;
  if (!isDecimal(value.position) || !areFiles(value.files)) throw new ArchiveDamaged(`${object} is no manifest of views.`);
  return value;
}

/** @throws ArchiveDamaged it is not what its schema says */
export function parseRecordsManifest(object: string, bytes: Buffer): RecordsManifest {
  const value = parsed(object, bytes, RECORDS_SCHEMA) as unknown as RecordsManifest;
  const sound = areFiles(value.records) && value.records.every((r) => typeof r.recordId === 'string' && typeof r.event === 'string');
  if (!sound) throw new ArchiveDamaged(`${object} is no manifest of records.`);
  return value;
}

function parsed(object: string, bytes: Buffer, schema: string): Record<string, unknown> {
  if (bytes.length > MOST_BYTES) throw new ArchiveDamaged(`${object} is larger than any manifest.`);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new ArchiveDamaged(`${object} is not JSON.`);
  }
  if (typeof value === 'object' && value !== null && (value as Record<string, unknown>)['schema'] === schema)
    return value as Record<string, unknown>;
  throw new ArchiveDamaged(`${object} is not of the schema ${schema}.`);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isDecimal = (value: unknown): boolean => typeof value === 'string' && /^\d{1,19}$/.test(value);

function areFiles(files: unknown): files is readonly ArchivedFile[] {
  return (
    Array.isArray(files) &&
    (files as ArchivedFile[]).every(
      (file) =>
        typeof file?.name === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(file.name) && isCount(file.bytes) && HASH.test(file.sha256),
    )
  );
}
