import { createWriteStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import type { StoredEvent } from '#libs/event-sourcing';
import { leafText, LogKeys, parseVerifier, soundSuccessions, type Hash } from '#libs/ledger';
import { EXPORT_SCHEMA, FILES, MAX_KNOWN, type ConsistencyProof, type LeafLine, type Manifest } from './export-format.ts';

/** What an export is made from: the store of events and what the ledger has kept of them, apart. Only read. */
export interface ExportSource {
  readonly kind: Manifest['source'];
  readonly origin: string;
  readonly verifierKey: string;
  /** Leaves that the ledger has. */
  size(): Promise<number>;
  /** Leaves from `first` to before `end`, in order. */
  leaves(first: number, end: number): AsyncIterable<readonly LeafLine[]>;
  /** The perfect subtrees of the leaves before `first`. */
  frontier(first: number): Promise<readonly Hash[]>;
  /** RFC 6962 consistency proof. */
  consistency(first: number, second: number): Promise<readonly Hash[]>;
  /** Signed notes, in the order in which they were signed. */
  checkpoints(): AsyncIterable<readonly string[]>;
  /** Signed notes by which one key of the log names the next; none unless told. */
  readonly successions?: () => Promise<readonly string[]>;
  /** Events of the store, as they are stored, from one position to another, both included. */
  events(from: bigint, to: bigint): AsyncIterable<readonly StoredEvent[]>;
  /** Rows of every view with its position; undefined where there are none to read. */
  readonly views?: () => AsyncIterable<readonly ViewRow[]>;
}

export interface ViewRow {
  readonly view: string;
  readonly version: number;
  /** Decimal: the last event that is in the view. */
  readonly position: string;
  /** Absent together with `row` where the view has no rows. */
  readonly key?: string;
  /** As Postgres writes it. */
  readonly row?: string;
}

export interface ExportRange {
  /** First leaf; 0 unless told. */
  readonly first?: number;
  /** The leaf after the last; all that the ledger has unless told. */
  readonly end?: number;
  /** Sizes of checkpoints that an auditor keeps: where the range does not reach one, the export proves how it goes with the range. */
  readonly known?: readonly number[];
}

/**
 * Writes an export into a folder that is empty or not there yet.
 *
 * @throws Error the folder is not empty, or the ledger does not have the range
 */
export async function writeExport(
  source: ExportSource,
  folder: string,
  range: ExportRange & { readonly now: string; readonly onProgress?: (events: number) => void },
): Promise<Manifest> {
  if (source.views && (range.first || range.end !== undefined))
    throw new Error('Views are of the whole log: they go with an export of all of it.');
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) throw new Error(`The folder ${folder} is not empty: an export does not overwrite anything.`);
  // Views before leaves: every event that is in a view is to be in the export.
  const viewed = source.views ? await writeViews(folder, source.views()) : -1n;
  const ledgerSize = await sizeReaching(source, viewed);
  const { first = 0, end = ledgerSize } = range;
  if (first > end || end > ledgerSize)
    throw new Error(`The ledger has ${ledgerSize} leaves; there is no range from ${first} to before ${end}.`);

  const bounds = await writeLeaves(source, folder, first, end);
  const events = bounds ? await writeEvents(source, folder, bounds, range.onProgress) : await writeNothing(folder);
  const successions = (await source.successions?.()) ?? [];
  const keys = new LogKeys(parseVerifier(source.verifierKey), soundSuccessions(successions));
  const { count, beyond } = await writeCheckpoints(source, folder, { first, end, keys });
  const known = await proofsFor(source, range.known ?? [], { first, end, ledgerSize });
  const manifest: Manifest = {
    schema: EXPORT_SCHEMA,
    exportedAt: range.now,
    source: source.kind,
    origin: source.origin,
    verifierKey: source.verifierKey,
    first,
    end,
    // Once more: what was signed meanwhile is among the checkpoints, and a log that has signed more than it has was set back.
    ledgerSize: Math.max(ledgerSize, await source.size()),
    events,
    checkpoints: count,
    frontier: (await source.frontier(first)).map(hex),
    ...(beyond !== undefined && end > 0 ? { consistency: { size: beyond, proof: (await source.consistency(end, beyond)).map(hex) } } : {}),
    ...(known.length > 0 ? { known } : {}),
    ...(successions.length > 0 ? { successions } : {}),
  };
  await writeFile(join(folder, FILES.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** For the sizes that the range does not reach; there is none for a size that the ledger does not have. */
async function proofsFor(
  source: ExportSource,
  sizes: readonly number[],
  { first, end, ledgerSize }: Pick<Manifest, 'first' | 'end' | 'ledgerSize'>,
): Promise<ConsistencyProof[]> {
  const outside = [...new Set(sizes)].filter((size) => size > 0 && end > 0 && size <= ledgerSize && (size < first || size > end));
  if (outside.length > MAX_KNOWN) throw new Error(`At most ${MAX_KNOWN} known checkpoints outside of the range can be proved.`);
  const proofs: ConsistencyProof[] = [];
  for (const size of outside) {
    const proof = await source.consistency(Math.min(size, end), Math.max(size, end));
    proofs.push({ size, proof: proof.map(hex) });
  }
  return proofs;
}

/** @returns the furthest position of a view */
async function writeViews(folder: string, rows: AsyncIterable<readonly ViewRow[]>): Promise<bigint> {
  let furthest = -1n;
  await writeLines(
    folder,
    FILES.views,
    mapped(rows, (row) => {
      const position = BigInt(row.position);
      if (position > furthest) furthest = position;
      return JSON.stringify(row);
    }),
  );
  return furthest;
}

/** The ledger may be a moment behind the views. @throws Error it does not catch up */
async function sizeReaching(source: ExportSource, position: bigint): Promise<number> {
  for (let waited = 0; ; waited += 200) {
    const size = await source.size();
    let last = -1n;
    for await (const leaves of source.leaves(Math.max(0, size - 1), size)) last = BigInt(leaves.at(-1)?.position ?? -1);
    if (last >= position) return size;
    if (waited > 30_000) throw new Error('The ledger is behind the views and does not catch up: is Plimsoll running?');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const hex = (hash: Hash): string => hash.toString('hex');

async function writeLeaves(
  source: ExportSource,
  folder: string,
  first: number,
  end: number,
): Promise<readonly [bigint, bigint] | undefined> {
  let bounds: readonly [bigint, bigint] | undefined;
  await writeLines(
    folder,
    FILES.leaves,
    mapped(source.leaves(first, end), ({ sequence, position, event, id, hash }) => {
      bounds = [bounds?.[0] ?? BigInt(position), BigInt(position)];
      return JSON.stringify([sequence, position, event, id, hash]);
    }),
  );
  return bounds;
}

async function writeEvents(
  source: ExportSource,
  folder: string,
  [from, to]: readonly [bigint, bigint],
  onProgress?: (events: number) => void,
): Promise<number> {
  let count = 0;
  const texts = mapped(source.events(from, to), (event) => {
    if (++count % 10_000 === 0) onProgress?.(count);
    return leafText(event);
  });
  return await writeLines(folder, FILES.events, texts);
}

async function writeNothing(folder: string): Promise<number> {
  await writeFile(join(folder, FILES.events), '');
  return 0;
}

/** Those within the range; and the first after it, where none is of the range's end. */
async function writeCheckpoints(
  source: ExportSource,
  folder: string,
  { first, end, keys }: { readonly first: number; readonly end: number; readonly keys: LogKeys },
): Promise<{ count: number; beyond: number | undefined }> {
  const within: string[] = [];
  let last = 0;
  let beyond: { readonly size: number; readonly note: string } | undefined;
  for await (const notes of source.checkpoints()) {
    for (const note of notes) {
      const size = sizeOf(note, keys);
      // What is not even a checkpoint is for the verifier to name.
      if (size === undefined || (size >= first && size <= end)) within.push(note);
      if (size === undefined) continue;
      if (size <= end) last = size;
      else beyond ??= { size, note };
    }
  }
  const needed = last < end ? beyond : undefined;
  const notes = needed ? [...within, needed.note] : within;
  await writeFile(join(folder, FILES.checkpoints), notes.map((note) => `${JSON.stringify({ note })}\n`).join(''));
  return { count: notes.length, beyond: needed?.size };
}

function sizeOf(note: string, keys: LogKeys): number | undefined {
  try {
    return keys.open(note).size;
  } catch {
    return undefined;
  }
}

async function* mapped<T>(batches: AsyncIterable<readonly T[]>, line: (value: T) => string): AsyncIterable<readonly string[]> {
  for await (const batch of batches) yield batch.map(line);
}

async function writeLines(folder: string, file: string, batches: AsyncIterable<readonly string[]>): Promise<number> {
  const stream = createWriteStream(join(folder, file), { flags: 'wx', mode: 0o600 });
  let failure: Error | undefined;
  stream.on('error', (error) => (failure = error));
  let count = 0;
  for await (const lines of batches) {
    count += lines.length;
    if (lines.length > 0 && !stream.write(`${lines.join('\n')}\n`) && !failure) await once(stream, 'drain');
    if (failure) throw failure;
  }
  stream.end();
  await once(stream, 'close');
  if (failure) throw failure;
  return count;
}
