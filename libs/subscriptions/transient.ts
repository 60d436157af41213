/** SQLSTATEs after which the same work may succeed: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const TRANSIENT_CODES = new Set([
  '40001', // serialization failure
  '40P01', // deadlock
  '55P03', // lock not available
  '57014', // the statement was cancelled, or took too long
  '57P01', // the server is shutting down or the connection was terminated
  '57P02',
  '57P03',
  // and of the system
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
/** Connection exceptions; insufficient resources, such as a full disk. */
const TRANSIENT_CLASSES = /^(08|53)[0-9A-Z]{3}$/;
/** pg gives these without a code. */
const TRANSIENT_MESSAGES = /connection terminated|connection error|timeout exceeded when trying to connect|query read timeout/i;
const TRANSIENT_NAMES = new Set(['EventLogUnavailable', 'AppendOutcomeUnknown', 'WrongExpectedRevision']);

/** Thrown by a handler to say: not the event's fault, try again later. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
}

/**
 * Whether an error is about the world (a lost connection, a deadlock, a log that does not answer, a crowd at one stream) and not about the
 * event. Looks through `cause`. Errors of other libraries count when they are a `TransientError` or carry `retriable: true` (kafkajs).
 */
export function isTransient(error: unknown): boolean {
  for (let e: unknown = error, depth = 0; typeof e === 'object' && e !== null && depth < 8; depth++) {
    // Not `instanceof Error`: an error may come from another realm (Jest, vm).
    const { name, message, code, retriable, cause } = e as { [key in 'name' | 'message' | 'code' | 'retriable' | 'cause']?: unknown };
    if (e instanceof TransientError || retriable === true || TRANSIENT_NAMES.has(String(name))) return true;
    if (typeof code === 'string' && (TRANSIENT_CODES.has(code) || TRANSIENT_CLASSES.test(code))) return true;
    if (typeof message === 'string' && TRANSIENT_MESSAGES.test(message)) return true;
    e = cause;
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

/** Tries of `repeatedly`: six take about two to three seconds in all. */
const MOST_TRIES = 6;

/**
 * Does a piece of work that may be done twice, again with backoff after each interruption of the world, at most six times in all.
 *
 * @throws what the last try threw, or the first that is no interruption
 */
export async function repeatedly<T>(work: () => Promise<T>, signal: AbortSignal, wait: typeof pause = pause): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || attempt + 1 >= MOST_TRIES) throw error;
      await wait(backoff(attempt), signal);
    }
  }
}
