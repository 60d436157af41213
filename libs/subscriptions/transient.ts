/** SQLSTATEs after which the same work may succeed: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const TRANSIENT_SQLSTATES = new Set([
  '40001', // serialization failure
  '40P01', // deadlock
  '53300', // too many connections
  '55P03', // lock not available
  '57P01', // the server is shutting down or the connection was terminated
  '57P02',
  '57P03',
]);
const TRANSIENT_SYSCALLS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** pg gives these without a code. */
const TRANSIENT_MESSAGES = /connection terminated|connection error|timeout exceeded when trying to connect|query read timeout/i;
const TRANSIENT_NAMES = new Set(['EventLogUnavailable', 'AppendOutcomeUnknown']);

/** Thrown by a handler to say: not the event's fault, try again later. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
}

/**
 * Whether an error is about the world (a lost connection, a deadlock, a log that does not answer) and not about the event.
 * Looks through `cause`. Errors of other libraries count when they are a `TransientError` or carry `retriable: true` (kafkajs).
 */
export function isTransient(error: unknown): boolean {
  for (let e = error, depth = 0; e instanceof Error && depth < 8; e = e.cause, depth++) {
    const { code, retriable } = e as { code?: unknown; retriable?: unknown };
    if (e instanceof TransientError || retriable === true || TRANSIENT_NAMES.has(e.name)) return true;
    if (typeof code === 'string' && (TRANSIENT_SQLSTATES.has(code) || TRANSIENT_SYSCALLS.has(code) || code.startsWith('08'))) return true;
    if (TRANSIENT_MESSAGES.test(e.message)) return true;
  }
  return false;
}

/** Milliseconds to wait before the nth repeat (0-based): 100 ms doubling up to 10 s, with jitter so that workers do not march in step. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return Math.min(10_000, 100 * 2 ** Math.min(attempt, 10)) * (0.5 + random() / 2);
}

/** Resolves after `ms`, or at once when the signal is aborted. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
