import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredEvent } from '#libs/event-sourcing';
import { eventLeafHash } from '#libs/ledger';
import { FILES } from '#libs/audit-export';
import type { FindingName } from '../../src/auditor/findings.ts';
import { verifyExport } from '../../src/auditor/verify.ts';
import { writeExport } from '#libs/audit-export';
import { Random } from '../faults/random.ts';
import { logKey, memorySource, signedCheckpoint } from '../support/exports.ts';
import { randomHistory } from './random-history.ts';
import { claimTamperings, exportTamperings, type ExportLines, type Tampering } from './random-tampering.ts';

const SEED = Number(process.env['TAMPER_SEED'] ?? 20_261_122);
const ROUNDS = 220;
const key = logKey().verifier.text;

let root: string;
beforeAll(() => (root = mkdtempSync(join(tmpdir(), 'plimsoll-tamper-'))));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Exported {
  readonly folder: string;
  readonly events: readonly StoredEvent[];
}

/** An export of a random range of a random history, with checkpoints of random sizes. */
async function randomExport(random: Random): Promise<Exported> {
  const events = randomHistory(random);
  const sizes = [...new Set(Array.from({ length: random.whole(1, 6) }, () => random.whole(1, events.length)))].sort((a, b) => a - b);
  if (sizes.at(-1) !== events.length) sizes.push(events.length);
  const whole = random.chance(0.5);
  const first = whole ? 0 : random.whole(0, events.length - 8);
  const end = whole ? events.length : random.whole(first + 8, events.length);
  const folder = mkdtempSync(join(root, 'export-'));
  await writeExport(memorySource(events, sizes), folder, { first, end, now: '2026-03-03T00:00:00.000Z' });
  return { folder, events };
}

const FILES_TAMPERED = ['events', 'leaves', 'checkpoints', 'manifest'] as const;
const linesOf = (folder: string): ExportLines =>
  Object.fromEntries(
    FILES_TAMPERED.map((name) => [name, readFileSync(join(folder, FILES[name]), 'utf8').split('\n').slice(0, -1)]),
  ) as unknown as ExportLines;
const writeBack = (folder: string, lines: ExportLines): void =>
  FILES_TAMPERED.forEach((name) => writeFileSync(join(folder, FILES[name]), lines[name].map((line) => `${line}\n`).join('')));
const namesIn = async (folder: string): Promise<FindingName[]> => [
  ...new Set((await verifyExport(folder, { key })).findings.map(({ name }) => name)),
];

/** The log itself signs another root of a size: nobody else has its key. */
const signedFork = ({ events }: Exported): Tampering => ({
  what: 'the log has signed two histories',
  name: 'fork',
  apply: ({ checkpoints }, random) => {
    const size = Number((JSON.parse(checkpoints.at(-1)!) as { note: string }).note.split('\n')[1]);
    const other = events.map((event, n) => (n === size - 1 ? { ...event, type: `Other${random.whole(0, 9)}` } : event));
    checkpoints.push(JSON.stringify({ note: signedCheckpoint(other.map(eventLeafHash), size, logKey()) }));
    return `size ${size}`;
  },
});

it(`names each of ${ROUNDS} random tamperings of an export by its name, and no other (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const seen = new Map<string, number>();
  const wrong: string[] = [];
  for (let round = 0; round < ROUNDS;) {
    const exported = await randomExport(random);
    const ways = [...exportTamperings, ...claimTamperings, signedFork(exported)];
    const way = ways[round % ways.length]!;
    const lines = linesOf(exported.folder);
    const done = way.apply(lines, random);
    if (done !== undefined) {
      writeBack(exported.folder, lines);
      const names = await namesIn(exported.folder);
      if (names.join() !== way.name)
        wrong.push(`round ${round}: ${way.what} (${done}) is ${way.name}; it was called ${names.join() || 'nothing'}`);
      seen.set(way.name, (seen.get(way.name) ?? 0) + 1);
      round++;
    }
    rmSync(exported.folder, { recursive: true });
  }
  expect(wrong).toEqual([]);
  expect([...seen.keys()].sort()).toEqual([...new Set([...exportTamperings, ...claimTamperings].map(({ name }) => name))].sort());
  expect([...seen.values()].reduce((sum, n) => sum + n, 0)).toBe(ROUNDS);
}, 300_000);

it(`finds nothing in 200 exports that nobody touched (seed ${SEED + 1})`, async () => {
  const random = new Random(SEED + 1);
  const alarms: string[] = [];
  for (let round = 0; round < 200; round++) {
    const { folder } = await randomExport(random);
    const { findings, anchored, events } = await verifyExport(folder, { key });
    if (findings.length > 0 || anchored !== events)
      alarms.push(`round ${round}: ${JSON.stringify(findings)}, ${anchored} of ${events} anchored`);
    rmSync(folder, { recursive: true });
  }
  expect(alarms).toEqual([]);
}, 300_000);
