import { hash } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { percentile } from './statistics.ts';

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
  /** One flush of 8 KB to disk, median in milliseconds: the floor under every durable append. */
  readonly flushMs: number;
  /** `JSON.parse` of an object of some 1 KB, a million bytes a second, and SHA-256 of 1 KB: the best of some short rounds. They tell machines apart. */
  readonly parseMbPerSecond: number;
  readonly sha256Us: number;
  /** Of the last 1 and 5 minutes. */
  readonly loadAverage: readonly [number, number];
}

/** @param folder on the disk that the benches use */
export function describeMachine(folder: string): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    flushMs: flushTime(folder),
    parseMbPerSecond: SAMPLE.length / quickestOf(() => JSON.parse(SAMPLE)),
    sha256Us: quickestOf(() => hash('sha256', KILOBYTE, 'hex')),
    loadAverage: loadAverage(),
  };
}

export function loadAverage(): [number, number] {
  const [one = 0, five = 0] = loadavg();
  return [one, five];
}

const SAMPLE = JSON.stringify(Array.from({ length: 20 }, (_, n) => ({ id: n, name: `name ${n}`, sums: [n / 3, n * 7], so: n % 2 === 0 })));
const KILOBYTE = Buffer.alloc(1024, 1);

/** Microseconds. */
function quickestOf(work: () => unknown): number {
  const rounds = Array.from({ length: 10 }, () => {
    const began = performance.now();
    for (let i = 0; i < 2_000; i++) work();
    return (performance.now() - began) / 2;
  });
  return Math.min(...rounds);
}

function flushTime(folder: string): number {
  const path = join(folder, 'flush-probe');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(8192, 1);
  const times: number[] = [];
  try {
    for (let i = 0; i < 200; i++) {
      const before = performance.now();
      writeSync(file, page);
      fdatasyncSync(file);
      times.push(performance.now() - before);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  return percentile(times, 50);
}
