import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { FILES, parseCheckpointLine, parseLeaf, parseManifest, readExport, linesOf, textOf } from '#libs/audit-export';
import {
  computeReport,
  frameworkSet,
  loadFramework,
  loadFrameworks,
  parseFormat,
  renderReport,
  wrongProofs,
  writeReport,
  type ComplianceQuery,
  type ComplianceReport,
  type FormatChoice,
  type LogRange,
  type Prove,
  type WrittenReport,
  type WrongProof,
} from '#libs/compliance';
import { plimsollCodec } from '#libs/contracts';
import { parseCheckpoint, parseNote, streamedProofs, type Hash } from '#libs/ledger';

export interface ComplianceComputed {
  readonly report: ComplianceReport;
  readonly written: WrittenReport;
}

/** A report that was given, as far as it takes to make it again. */
export interface GivenReport {
  readonly query: ComplianceQuery;
  /** Tree size of its checkpoint; undefined where it rests on none. */
  readonly treeSize: number | undefined;
}

/** Reports that are read to be compared. Bytes. */
const MOST_REPORT_BYTES = 1024 * 1024 * 1024;

/**
 * The compliance report of a period from an export that begins with the log's first event: by the same fold that makes the server's.
 *
 * @param treeSize of the checkpoint that it rests on; the largest one within the export unless told
 * @throws Error the export does not begin at the beginning, or has no such checkpoint
 */
export async function computeCompliance(
  folder: string,
  query: ComplianceQuery,
  treeSize: number | undefined,
  onProgress: (events: number) => void,
): Promise<ComplianceComputed> {
  const manifest = parseManifest(await textOf(folder, FILES.manifest));
  if (manifest.first !== 0)
    throw new Error(
      `The export begins with sequence ${manifest.first}. Who could do what, and by which rules, is written from the log's beginning on: export from 0.`,
    );
  const checkpoint = await checkpointOf(folder, manifest.end, treeSize);
  const report = await computeReport(readExport(folder), query, {
    codec: plimsollCodec(),
    onProgress,
    prove: proverOf(folder),
    ...(checkpoint ? { checkpoint } : {}),
  });
  return { report, written: await writeReport(report) };
}

/** Proves from the export's own leaves: that they are those of its events was seen when it was verified. */
function proverOf(folder: string): Prove {
  return async (wanted, size) => {
    const proofs = await streamedProofs(
      hashesOf(folder),
      wanted.map(({ sequence }) => sequence),
      size,
    );
    return wanted.map(({ sequence }) => proofs.get(sequence)!);
  };
}

async function* hashesOf(folder: string): AsyncIterable<readonly Hash[]> {
  for await (const lines of linesOf(folder, FILES.leaves))
    yield lines.map((line) => Buffer.from(parseLeaf(line.toString('latin1')).hash, 'hex'));
}

/** Every inclusion proof of a report that was given which does not hold against the checkpoint of the one that was made again. */
export async function wrongProofsIn(path: string, own: ComplianceReport): Promise<readonly WrongProof[]> {
  return wrongProofs((JSON.parse(await readFile(path, 'utf8')) as Partial<ComplianceReport>).proofs, own);
}

/** Reads the query and the checkpoint that a report says it is of. @throws Error it is no compliance report */
export async function givenReport(path: string): Promise<GivenReport> {
  const { size } = await stat(path);
  if (size > MOST_REPORT_BYTES) throw new Error(`${path} is larger than any report.`);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    throw new Error(`${path} is not JSON.`);
  }
  const { schema, query, log } = (value ?? {}) as Partial<ComplianceReport>;
  if (schema !== 'plimsoll.compliance-report.v1' || typeof query !== 'object' || typeof log !== 'object')
    throw new Error(`${path} is no compliance report (plimsoll.compliance-report.v1).`);
  return { query, treeSize: log.checkpoint?.size };
}

/** Where a file's bytes begin to differ from a report's; undefined where they do not. */
export async function firstDifference(path: string, { pieces, bytes }: WrittenReport): Promise<number | undefined> {
  let at = 0;
  let piece = 0;
  let within = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.length;) {
      const expected = pieces[piece];
      if (!expected) return at;
      const length = Math.min(chunk.length - from, expected.length - within);
      if (chunk.compare(expected, within, within + length, from, from + length) !== 0) {
        let same = 0;
        while (chunk[from + same] === expected[within + same]) same++;
        return at + same;
      }
      at += length;
      from += length;
      within += length;
      if (within === expected.length) {
        piece++;
        within = 0;
      }
    }
  }
  return at === bytes ? undefined : at;
}

/** Writes a report as it was chosen. @returns bytes */
export async function writePieces(path: string, report: ComplianceReport, written: WrittenReport, choice: FormatChoice): Promise<number> {
  const pieces = choice.format === 'json' ? written.pieces : renderReport(report, written.digest, choice).pieces;
  const handle = await open(path, 'w');
  let bytes = 0;
  try {
    for (const piece of pieces) {
      await handle.writeFile(piece);
      bytes += piece.length;
    }
  } finally {
    await handle.close();
  }
  return bytes;
}

type ChoiceOptions = Readonly<Partial<Record<'format' | 'table' | 'framework' | 'assessment-plan', string>>>;

/**
 * How the report is to be written, or what is wrong with that, as sentences. Of `--framework`, what ends with `.json` is a file with a mapping.
 *
 * @throws MalformedFramework a mapping is not as it must be
 */
export async function choiceOf(options: ChoiceOptions): Promise<FormatChoice | { readonly problems: readonly string[] }> {
  const { format, table, framework, 'assessment-plan': assessmentPlan } = options;
  const names = framework?.split(',') ?? [];
  const own = await Promise.all(names.filter((name) => name.endsWith('.json')).map((file) => loadFramework(file)));
  const ids = names.filter((name) => !name.endsWith('.json'));
  const known = frameworkSet([...(await loadFrameworks()), ...own]);
  const wanted = framework === undefined ? undefined : [...ids, ...own.map(({ id }) => id)].join(',');
  const parsed = parseFormat({ format, table, framework: wanted, assessmentPlan }, known);
  if ('choice' in parsed) return parsed.choice;
  return {
    problems: Object.entries(parsed.problems).map(
      ([name, problem]) => `--${name === 'assessmentPlan' ? 'assessment-plan' : name}: ${problem}`,
    ),
  };
}

/** The signatures were checked when the export was verified. */
async function checkpointOf(folder: string, end: number, wanted: number | undefined): Promise<LogRange['checkpoint']> {
  let found: LogRange['checkpoint'];
  for await (const lines of linesOf(folder, FILES.checkpoints)) {
    for (const line of lines) {
      const { origin, size, root } = parseCheckpoint(parseNote(parseCheckpointLine(line.toString('utf8'))).text);
      if (size <= end && (wanted === undefined ? size > (found?.size ?? 0) : size === wanted))
        found = { origin, size, root: root.toString('base64') };
    }
  }
  if (wanted !== undefined && !found) throw new Error(`The export has no signed checkpoint of size ${wanted}.`);
  return found;
}
