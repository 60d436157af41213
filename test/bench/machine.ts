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
    loadAverage: loadAverage(),
  };
}

export function loadAverage(): [number, number] {
  const [one = 0, five = 0] = loadavg();
  return [one, five];
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
