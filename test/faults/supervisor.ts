import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kill } from './plan.ts';
import type { Server } from './server.ts';
import { holdsWithin, pause, waitUntil } from './waiting.ts';

/** How long a statement is waited for: a subscription may have to wait for the lease of its dead predecessor. */
const POINT_PATIENCE_MS = 25_000;
const RECOVERY_PATIENCE_MS = 90_000;

export interface Death {
  /** `random`, `starting`, `postgres`, `frozen`, or the fault point without its number. */
  readonly at: string;
  readonly withPostgres: boolean;
  /** From the next start to the answer that it is ready, milliseconds. */
  readonly recoveryMs: number;
}

/**
 * Kills a process as planned and starts it again.
 *
 * @param postgres data folder of the Postgres that it works on
 * @param onDeath told when it is dead, and not yet started again
 */
export async function carryOut(kill: Kill, server: Server, postgres: string, onDeath: () => void): Promise<Death> {
  await pause(kill.afterMs);
  if (kill.how.kind === 'postgres') {
    const began = performance.now();
    killPostgres(postgres);
    onDeath();
    // The program notices in a moment; until then it may still say that it is ready.
    await holdsWithin(async () => !(await server.isReady()), 2_000);
    await waitUntil(() => server.isReady(), RECOVERY_PATIENCE_MS, 'the server to have its Postgres again');
    return { at: 'postgres', withPostgres: true, recoveryMs: performance.now() - began };
  }
  if (kill.how.kind === 'freeze') {
    server.signal('SIGSTOP');
    onDeath();
    await pause(kill.how.forMs);
    const began = performance.now();
    server.signal('SIGCONT');
    await waitUntil(() => server.isReady(), RECOVERY_PATIENCE_MS, 'the server to be ready after it was frozen');
    return { at: 'frozen', withPostgres: false, recoveryMs: performance.now() - began };
  }
  if (kill.how.kind === 'point') {
    server.dieAt(kill.how.at);
    await holdsWithin(() => !server.running, POINT_PATIENCE_MS);
  }
  // In one go: with its program gone, Postgres would shut down in good order within a moment.
  const withPostgres = kill.withPostgres && killPostgres(postgres);
  server.killNow();
  await server.gone();
  const at = server.diedAt() ?? 'random';
  onDeath();
  if (kill.how.kind !== 'starting') return { at, withPostgres, recoveryMs: await startAgain(server) };

  const survived = await server.start(kill.how.startedMs);
  if (survived !== undefined) return { at, withPostgres, recoveryMs: survived };
  return { at: 'starting', withPostgres, recoveryMs: await startAgain(server) };
}

async function startAgain(server: Server): Promise<number> {
  const recoveryMs = await server.start();
  if (recoveryMs === undefined) throw new Error(`${server.name} was killed by somebody else.`);
  return recoveryMs;
}

/** Kills the Postgres server of a data folder; its processes end when they miss their parent. False where it had ended by itself. */
function killPostgres(dataDir: string): boolean {
  try {
    const pid = Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
    // Never somebody else's process, should the number have been given on.
    if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dataDir)) return false;
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
