import { MAX_SUCCESSIONS } from '#libs/ledger';

/*
 * An export is a folder of four files, and a fifth if it was asked for. Everything is UTF-8; each line of an .ndjson file is one JSON value.
 *
 *   events.ndjson       One event a line, in the order of the ledger, as canonical JSON (RFC 8785) of
 *                       {created, data, id, metadata, revision, schemaVersion, stream, type}. These bytes, without the line break, are what the
 *                       ledger signs: SHA-256 of a zero byte and the line is the event's leaf hash (RFC 6962), with no JSON parser between.
 *   leaves.ndjson       What the ledger has of the same range, kept by it apart from the events: [sequence, position, stream@revision, event id,
 *                       leaf hash as hex]. Of these the hash is proved; the rest only helps to say what is missing.
 *   checkpoints.ndjson  The signed checkpoints (C2SP tlog-checkpoint, a signed note) of sizes within the range, oldest first, and where none
 *                       is of the range's very end, the first one after it: {"note": "…"}.
 *   manifest.json       What is here: `Manifest` below. Nothing in it is believed that a signed checkpoint does not bear out.
 *   views.ndjson        Rows of the views as they were: {"view", "version", "position", "key", "row"}; to hold a replay against.
 *
 * What is proved: `frontier` (the hashes of the perfect subtrees before the range, RFC 6962) and the leaves give the tree's root at every size in the
 * range, and each signed checkpoint names the root of its size. `consistency` proves that a checkpoint after the range continues it,
 * and `known` the same of checkpoints that an auditor kept. `ledgerSize` is what the export says of the log, and proves nothing.
 * Positions are the store's own numbers and are not part of a leaf: only their order counts, and that they are the store's is not proved. Neither
 * are `exportedAt` and `source`.
 */
export const FILES = {
  manifest: 'manifest.json',
  events: 'events.ndjson',
  leaves: 'leaves.ndjson',
  checkpoints: 'checkpoints.ndjson',
  views: 'views.ndjson',
} as const;

export const EXPORT_SCHEMA = 'plimsoll.audit-export.v1';

/** That the trees of `end` and of `size` leaves are one log's, whichever is larger (RFC 6962); hex. */
export interface ConsistencyProof {
  readonly size: number;
  readonly proof: readonly string[];
}

export interface Manifest {
  readonly schema: typeof EXPORT_SCHEMA;
  readonly exportedAt: string;
  readonly source: 'postgres' | 'eventstoredb' | 'memory';
  /** Of the log that signed, and its verifier key (C2SP); compare both with what you were given by other means. */
  readonly origin: string;
  readonly verifierKey: string;
  /** The range of leaves: `first` included, `end` excluded, 0-based. */
  readonly first: number;
  readonly end: number;
  /** Leaves that the ledger had when this was exported. */
  readonly ledgerSize: number;
  /** Lines of events.ndjson and of checkpoints.ndjson. */
  readonly events: number;
  readonly checkpoints: number;
  /** Hex; the perfect subtrees of leaves 0 to `first`, largest first. */
  readonly frontier: readonly string[];
  /** From `end` to the size of the last checkpoint, where that is larger; hex. */
  readonly consistency?: ConsistencyProof;
  /** Signed notes by which one key of the log names the next (#libs/ledger), also those outside of the range; absent where there was ever one key. */
  readonly successions?: readonly string[];
  /** Between `end` and sizes outside of the range that an auditor knows checkpoints of (`export --known`). */
  readonly known?: readonly ConsistencyProof[];
}

/** Most bytes of one line, and of the manifest: an event of 1 MB (the store's limit) with room for escapes. */
export const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** Most lines of a file. */
export const MAX_LINES = 50_000_000;

/** Most known checkpoints that an export has proofs for. */
export const MAX_KNOWN = 1_000;

/** What is wrong with a file, as a sentence. */
export class MalformedExport extends Error {
  override readonly name = 'MalformedExport';
  constructor(
    readonly file: string,
    detail: string,
  ) {
    super(detail);
  }
}

const SOURCES: readonly string[] = ['postgres', 'eventstoredb', 'memory'] satisfies readonly Manifest['source'][];
const HASH = /^[0-9a-f]{64}$/;
const isHash = (value: unknown): value is string => typeof value === 'string' && HASH.test(value);
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isProof(value: unknown): value is ConsistencyProof {
  const { size, proof } = (value ?? {}) as Partial<ConsistencyProof>;
  return isSize(size) && Array.isArray(proof) && proof.length <= 128 && proof.every(isHash);
}

/** @throws MalformedExport */
export function parseManifest(text: string): Manifest {
  const wrong = (detail: string): never => {
    throw new MalformedExport(FILES.manifest, detail);
  };
  const value = parseObject(FILES.manifest, text);
  if (value['schema'] !== EXPORT_SCHEMA) wrong(`Its schema is ${JSON.stringify(value['schema'])}; this program reads ${EXPORT_SCHEMA}.`);
  for (const name of ['origin', 'verifierKey', 'exportedAt', 'source'])
    if (typeof value[name] !== 'string') wrong(`${name} is not a text.`);
  if (!SOURCES.includes(String(value['source']))) wrong(`Its source is none of ${SOURCES.join(', ')}.`);
  if (Number.isNaN(Date.parse(String(value['exportedAt'])))) wrong('exportedAt is not a time.');
  for (const name of ['first', 'end', 'ledgerSize', 'events', 'checkpoints'])
    if (!isSize(value[name])) wrong(`${name} is not a number of lines or leaves.`);
  const { first, end, ledgerSize, frontier, consistency, known, successions } = value as unknown as Manifest;
  if (end < first) wrong('The range ends before it begins.');
  if (ledgerSize < end) wrong(`It says that the ledger has ${ledgerSize} leaves; its range goes to ${end}.`);
  if (!Array.isArray(frontier) || frontier.length > 53 || !frontier.every(isHash)) wrong('The frontier is not a list of hashes.');
  if (consistency !== undefined && !isProof(consistency)) wrong('The consistency proof is not one.');
  const areNotes = (notes: unknown): boolean => Array.isArray(notes) && notes.every((note) => typeof note === 'string');
  if (successions !== undefined && !(areNotes(successions) && successions.length <= MAX_SUCCESSIONS))
    wrong(`Its successions of keys are not a list of at most ${MAX_SUCCESSIONS} notes.`);
  if (known !== undefined && !(Array.isArray(known) && known.length <= MAX_KNOWN && known.every(isProof)))
    wrong(`The proofs for known checkpoints are not a list of at most ${MAX_KNOWN} consistency proofs.`);
  return value as unknown as Manifest;
}

export interface LeafLine {
  readonly sequence: number;
  /** Decimal. */
  readonly position: string;
  /** `stream@revision` */
  readonly event: string;
  readonly id: string;
  /** Hex. */
  readonly hash: string;
}

/** @throws MalformedExport */
export function parseLeaf(text: string): LeafLine {
  const value = parseJson(FILES.leaves, text);
  const [sequence, position, event, id, hash] = Array.isArray(value) && value.length === 5 ? (value as unknown[]) : [];
  const texts = typeof position === 'string' && /^\d{1,20}$/.test(position) && typeof event === 'string' && typeof id === 'string';
  if (!isSize(sequence) || !texts || !isHash(hash))
    throw new MalformedExport(FILES.leaves, 'A line is not [sequence, position, stream@revision, id, hash].');
  return { sequence, position, event, id, hash };
}

/** @throws MalformedExport */
export function parseCheckpointLine(text: string): string {
  const { note } = parseObject(FILES.checkpoints, text);
  if (typeof note !== 'string') throw new MalformedExport(FILES.checkpoints, 'A line has no note.');
  return note;
}

/** An event as its line says it. */
export interface ExportedEvent {
  /** Blank where somebody appended it around Plimsoll, without metadata. */
  readonly created: string;
  readonly data: unknown;
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The metadata as it stands there, whatever it is. */
  readonly stored: unknown;
  readonly revision: number;
  readonly schemaVersion: number;
  readonly stream: string;
  readonly type: string;
}

/** @throws MalformedExport */
export function parseEvent(text: string): ExportedEvent {
  const value = parseObject(FILES.events, text);
  const { created, data, id, metadata, revision, schemaVersion, stream, type } = value as Partial<Record<keyof ExportedEvent, unknown>>;
  if (typeof id !== 'string' || typeof stream !== 'string' || typeof type !== 'string' || !isSize(revision))
    throw new MalformedExport(FILES.events, 'A line is not an event.');
  const known = typeof metadata === 'object' && metadata !== null ? metadata : {};
  return {
    created: typeof created === 'string' ? created : '',
    data,
    id,
    metadata: known as ExportedEvent['metadata'],
    stored: metadata,
    revision,
    schemaVersion: schemaVersion as number,
    stream,
    type,
  };
}

export function parseObject(file: string, text: string): Record<string, unknown> {
  const value = parseJson(file, text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MalformedExport(file, 'A line is not a JSON object.');
  return value as Record<string, unknown>;
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new MalformedExport(file, `A line is not JSON: ${(error as Error).message}.`);
  }
}
