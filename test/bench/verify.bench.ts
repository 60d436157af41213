import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredEvent } from '#libs/event-sourcing';
import { verifyExport } from '../../src/auditor/verify.ts';
import { linesOf, writeExport } from '#libs/audit-export';
import { leafHash, nodeHash } from '#libs/ledger';
import { logKey, memorySource } from '../support/exports.ts';
import { ownCpuSeconds } from './cpu.ts';
import { eventOf } from './events.ts';
import { figure, type BenchOptions, type BenchReport } from './report.ts';

const DATA_BYTES = 300;
const EVENTS_OF_A_STREAM = 20;

/** How fast an auditor's machine verifies an export, alone: from the files to the signed roots, with a look into every event. */
export async function verifyBench(folder: string, { quick, progress }: BenchOptions): Promise<BenchReport> {
  const [rounds, count] = quick ? [2, 20_000] : [7, 200_000];
  progress(`verify, writing an export of ${count} events`);
  const target = join(folder, 'verify');
  mkdirSync(target);
  const now = '2026-03-03T00:00:00.000Z';
  await writeExport(memorySource(eventsOf(count), [count]), target, { now });
  const key = logKey().verifier.text;

  progress('verify, measuring');
  await verifyOnce(target, key, count);
  const perSecond: number[] = [];
  const perCpuSecond: number[] = [];
  const besideFloor: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const cpuBefore = process.cpuUsage();
    await verifyOnce(target, key, count);
    const seconds = ownCpuSeconds(cpuBefore);
    perSecond.push(count / ((performance.now() - began) / 1000));
    perCpuSecond.push(count / seconds);
    const floorBefore = process.cpuUsage();
    await floorOnce(target);
    besideFloor.push(seconds / ownCpuSeconds(floorBefore));
  }
  const bytes = statSync(join(target, 'events.ndjson')).size / count;
  return {
    bench: `Verification of an export: ${count.toLocaleString('en-US')} events of ${Math.round(bytes)} bytes a line`,
    figures: [
      figure('verified', 'events/s', perSecond),
      figure('verified, of one core’s time', 'events/s', perCpuSecond, { atLeast: 100_000 }),
      figure('… beside parsing every event and hashing a leaf and a node for it, and nothing else', '×', besideFloor),
    ],
    notes: [
      'one thread: reads three files, hashes every line and every node (SHA-256), parses every event to look at its revision and its time',
      'of one core’s time: events by the processor time that the process took, which says the same on a machine that is shared',
    ],
  };
}

/** What nobody can do without who looks into every event of the file and computes the root: the bound of all verifying by one thread. */
async function floorOnce(folder: string): Promise<void> {
  let node = leafHash('');
  for await (const lines of linesOf(folder, 'events.ndjson')) {
    for (const line of lines) {
      JSON.parse(line.toString('utf8'));
      node = nodeHash(node, leafHash(line));
    }
  }
}

async function verifyOnce(folder: string, key: string, count: number): Promise<void> {
  const { findings, anchored } = await verifyExport(folder, { key });
  if (findings.length > 0 || anchored !== count) throw new Error(`The export does not verify: ${JSON.stringify(findings.slice(0, 3))}`);
}

function eventsOf(count: number): StoredEvent[] {
  return Array.from({ length: count }, (_, n): StoredEvent => {
    const stream = Math.floor(n / EVENTS_OF_A_STREAM / 100) * 100 + (n % 100);
    const revision = Math.floor((n % (EVENTS_OF_A_STREAM * 100)) / 100);
    return { ...eventOf('BenchHappened', DATA_BYTES), stream: `bench-${stream}`, revision, position: BigInt(n) };
  });
}
