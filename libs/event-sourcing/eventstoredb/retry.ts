import { setTimeout as sleep } from 'node:timers/promises';
import {
  CancelledError,
  DeadlineExceededError,
  isCommandError,
  NotLeaderError,
  TimeoutError,
  UnavailableError,
} from '@eventstore/db-client';

/** Waiting times that double from `first` to `max` milliseconds, spread by ±25 % so that many clients don't come back at once. */
export class Backoff {
  private delay: number;

  constructor(
    private readonly first = 50,
    private readonly max = 5000,
  ) {
    this.delay = first;
  }

  next(): number {
    const delay = this.delay;
    this.delay = Math.min(this.max, delay * 2);
    return delay * (0.75 + Math.random() / 2);
  }

  reset(): void {
    this.delay = this.first;
  }
}

/** Whether the same call may succeed in a moment: a node restarts, a leader is elected, a connection is made anew. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof NotLeaderError ||
    error instanceof UnavailableError ||
    error instanceof CancelledError ||
    error instanceof TimeoutError ||
    error instanceof DeadlineExceededError ||
    // Not from the server at all: no leader was found, or the channel was closed under the call.
    !(error instanceof Error && isCommandError(error))
  );
}

/** Whether an attempt after the delay would have at least as long for itself: one that is cut short says nothing. */
export function leavesTime(delay: number, deadline: number): boolean {
  return Date.now() + 2 * delay < deadline;
}

/** Waits, or not any longer once the signal says so. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal && { signal }).catch(() => undefined);
}

/** A call's outcome, or an error after `ms`: the client's own deadlines don't cover its search for a node. */
export async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer from EventStoreDB in ${Math.round(ms)} ms.`)), ms);
  });
  try {
    return await Promise.race([call, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
