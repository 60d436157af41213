import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspectProcess, signal, until } from './processes.ts';

/** Larger than any pid of Linux (2^22) or macOS (99,999). */
const NOBODYS_PID = 2_000_000_000;

export interface PidFile {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready`, `stopping`; empty before it is known. */
  readonly status: string;
}

/** Postgres' own lock file (its lines are listed in miscadmin.h); nothing where there is none. */
export function readPidFile(dataDir: string): PidFile | undefined {
  try {
    const lines = readFileSync(pidFilePath(dataDir), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), status: (lines[7] ?? '').trim() };
  } catch {
    return undefined;
  }
}

export function pidFilePath(dataDir: string): string {
  return join(dataDir, 'postmaster.pid');
}

/**
 * Makes way for a start after a crash: stops a server that outlived its program, and makes a stale lock file look stale
 * to Postgres as well, which takes a zombie or a stranger with a recycled pid for a living server. The file itself stays:
 * Postgres looks in it whether processes of the dead server still use its shared memory.
 */
export async function clearAway(dataDir: string): Promise<void> {
  const left = readPidFile(dataDir);
  if (!left || inspectProcess(left.pid) === undefined) return declareStale(dataDir);
  if (!isServerOf(left.pid, dataDir)) return declareStale(dataDir);
  await stopServer(left.pid, () => !isServerOf(left.pid, dataDir));
  declareStale(dataDir);
}

/** Fast shutdown; without delay for a checkpoint after 10 s; by force after 15 s. */
export async function stopServer(pid: number, stopped: () => boolean): Promise<void> {
  for (const [name, patience] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    signal(pid, name);
    if (await until(stopped, patience)) return;
  }
  throw new Error(`The embedded Postgres (process ${pid}) can't be stopped.`);
}

/** What the lock file tells of a server that was not stopped, and is not to be seen here; nothing where it was stopped or is there. */
export function unseenServer(dataDir: string): number | undefined {
  const left = readPidFile(dataDir);
  return left && left.pid !== NOBODYS_PID && !isServerOf(left.pid, dataDir) ? left.pid : undefined;
}

export function isServerOf(pid: number, dataDir: string): boolean {
  const command = inspectProcess(pid)?.command;
  return command !== undefined && command.includes('postgres') && command.includes(`-D ${dataDir}`);
}

function declareStale(dataDir: string): void {
  const path = pidFilePath(dataDir);
  try {
    const [, ...rest] = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, [String(NOBODYS_PID), ...rest].join('\n'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
