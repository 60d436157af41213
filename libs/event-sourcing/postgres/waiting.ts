import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; an abort only ends the wait. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Milliseconds before the nth attempt in a row (from 0): doubling, bounded, spread so that many do not come back at once. */
export function backoff(attempt: number, first = 50, longest = 2_000): number {
  return Math.min(first * 2 ** Math.min(attempt, 20), longest) * (0.75 + Math.random() / 2);
}

/** A signal that aborts with either; `release` forgets it, since the ones it listens to may live for long. */
export function eitherSignal(a: AbortSignal, b: AbortSignal): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const signal of [a, b]) {
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
  }
  const release = (): void => [a, b].forEach((signal) => signal.removeEventListener('abort', abort));
  return { signal: controller.signal, release };
}
