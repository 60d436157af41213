import { setTimeout as wait } from 'node:timers/promises';

export interface Backoff {
  /** Milliseconds before the first repeat, before jitter. */
  readonly firstMs: number;
  /** Most milliseconds between two tries, before jitter. */
  readonly maxMs: number;
}

/**
 * Milliseconds to wait after the nth failure (from 1): doubling from `firstMs` up to `maxMs`, half of it jittered, so that
 * the result lies between half and the whole. `random` gives numbers in [0, 1).
 */
export function backoffMs(failures: number, { firstMs, maxMs }: Backoff, random: () => number = Math.random): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random();
}

/** Waits; an abort ends the wait early, without an error. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}
