import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { BEFORE_ALL, type EventCodec, type EventLog, type StoredEvent } from '#libs/event-sourcing';
import type { BatchContext, SubscriptionHandler, TransactionalHandler } from './handler.ts';
import { acquireLease, LeaseLost, type Lease } from './lease.ts';
import { SubscriptionRegistry } from './registry.ts';
import type { SubscriptionFailure } from './status.ts';
import { backoff, isTransient, pause } from './transient.ts';

export interface SubscriptionOptions {
  /** `projection:release-board:v1`, `process:rollout`, `publish:kafka`: the key of its checkpoint. */
  readonly name: string;
  readonly log: EventLog;
  /**
   * Holds one connection while a batch is handled, and needs another for a moment every quarter of a lease: give it more
   * connections than it serves subscriptions. Its `error` event is the owner's to listen to.
   */
  readonly pool: Pool;
  readonly handle: SubscriptionHandler;
  /** Ends it: the batch in hand is finished, the lease released. */
  readonly signal: AbortSignal;
  /** Lifts events to their present version before they are handled; an event that can't be lifted counts as one that can't be handled. */
  readonly codec?: EventCodec;
  /** Most events a batch holds; 1,000 unless told. */
  readonly batchSize?: number;
  /** Where it begins when it never ran before (exclusive); the very beginning unless told. */
  readonly from?: bigint;
  /** How long a worker that died keeps others waiting, ms; 15,000 unless told. */
  readonly leaseMs?: number;
  /** How often a worker without the lease asks for it, ms; 500 unless told. */
  readonly pollMs?: number;
  readonly registry?: SubscriptionRegistry;
  /** Told of every failure and of every interruption that it recovers from by itself. */
  readonly onError?: (error: unknown, failure?: SubscriptionFailure) => void;
}

/** The handler gave up on one event, and it is the event's doing. */
class Poisoned extends Error {
  override readonly name = 'Poisoned';
  constructor(
    readonly event: StoredEvent,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** A batch of fewer events is one at the end of the log, of what has just come. */
const SMALL_BATCH = 100;
/** Least time from the beginning of a small batch to the next batch, ms. */
const GATHER_MS = 20;

let epochs = 0;

/**
 * Runs one named catch-up subscription until `signal` says stop; then it resolves, and it never rejects. Every worker may call this
 * for the same name: the one with the lease runs it, the others wait and take over.
 *
 * An interruption of the world (see `isTransient`) is retried with backoff for ever. Any other error of the handler stops this
 * subscription at that event, which is found by halving the batch, so that the events before it are handled; the row, the registry and
 * `onError` say which and why. It then waits for `resumeSubscription`. No event is ever skipped.
 */
export async function runSubscription(options: SubscriptionOptions): Promise<void> {
  const { name, signal, pollMs = 500, registry = new SubscriptionRegistry() } = options;
  const request = {
    pool: options.pool,
    subscription: name,
    holder: `${options.pool.options.application_name ?? ''}/${randomUUID()}`,
    leaseMs: options.leaseMs ?? 15_000,
    from: options.from ?? BEFORE_ALL,
  };
  let attempt = 0;
  registry.update(name, { state: 'waiting' });
  while (!signal.aborted) {
    try {
      const acquired = await acquireLease(request);
      if (acquired.lease) {
        registry.update(name, { state: 'running', position: acquired.lease.position, failure: undefined });
        await runUnderLease({ ...options, registry }, acquired.lease, () => (attempt = 0));
      } else {
        registry.update(name, { state: acquired.failure ? 'failed' : 'waiting', failure: acquired.failure, position: acquired.position });
        await pause(pollMs, signal);
      }
    } catch (error) {
      const interruption = error instanceof Error ? error.message : String(error);
      registry.update(name, { state: 'waiting', interruption });
      options.onError?.(error);
      await pause(error instanceof LeaseLost ? pollMs : backoff(attempt++), signal);
    }
  }
  registry.update(name, { state: 'stopped' });
}

/** Runs until it is told to stop or has failed for good; throws what should be retried under a new lease. */
async function runUnderLease(
  options: SubscriptionOptions & { registry: SubscriptionRegistry },
  lease: Lease,
  onProgress: () => void,
): Promise<void> {
  const { name, log, registry } = options;
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  for (const signal of [options.signal, lease.signal]) {
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
  }
  const worker = new BatchWorker(options, lease, stop.signal);
  const { batchSize = 1000 } = options;
  try {
    const batches = log.subscribe({
      after: lease.position,
      batchSize,
      signal: stop.signal,
      ...(options.onError ? { onInterruption: options.onError } : {}),
    });
    for await (const batch of batches) {
      const began = performance.now();
      await worker.handle(batch);
      onProgress();
      if (stop.signal.aborted) break;
      // The first event after a rest is handled at once; those on its heels gather, or each would cost every subscription a transaction.
      if (batch.length < Math.min(SMALL_BATCH, batchSize)) await pause(Math.max(0, began + GATHER_MS - performance.now()), stop.signal);
    }
    lease.signal.throwIfAborted();
  } catch (error) {
    lease.signal.throwIfAborted();
    if (!(error instanceof Poisoned)) {
      if (options.signal.aborted) return;
      throw error;
    }
    const failure = failureOf(error);
    await lease.fail(failure);
    registry.update(name, { state: 'failed', failure });
    options.onError?.(error, failure);
  } finally {
    for (const signal of [options.signal, lease.signal]) signal.removeEventListener('abort', abort);
    // Best effort: without it the lease runs out by itself, and this holder may take it again at any time.
    await lease.release().catch(() => undefined);
  }
}

/** Handles batches one after the other under one lease, each with its checkpoint. */
class BatchWorker {
  private epoch = ++epochs;

  constructor(
    private readonly options: SubscriptionOptions & { registry: SubscriptionRegistry },
    private readonly lease: Lease,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws Poisoned at the event that can't be handled; the ones before it are */
  async handle(batch: readonly StoredEvent[]): Promise<void> {
    const last = batch.at(-1);
    if (!last) return;
    try {
      const { codec } = this.options;
      await this.attempt(codec ? batch.map((event) => codec.upcast(event)) : batch, last);
      this.options.registry.update(this.options.name, { position: last.position, interruption: undefined });
    } catch (error) {
      this.epoch = ++epochs;
      if (error instanceof LeaseLost || this.signal.aborted || isTransient(error)) throw error;
      if (batch.length === 1) throw new Poisoned(last, error);
      const middle = batch.length >> 1;
      await this.handle(batch.slice(0, middle));
      await this.handle(batch.slice(middle));
    }
  }

  private async attempt(batch: readonly StoredEvent[], last: StoredEvent): Promise<void> {
    const { name, handle } = this.options;
    const context: BatchContext = { name, token: this.lease.token, epoch: this.epoch, signal: this.signal };
    const { concerns } = handle;
    if (!concerns || batch.some((event) => concerns(event))) {
      if ('transactional' in handle) return await this.inTransaction(handle, batch, last, context);
      await handle.external(batch, context);
    }
    await this.lease.advance(last, batch.length);
  }

  private async inTransaction(
    handle: TransactionalHandler,
    batch: readonly StoredEvent[],
    last: StoredEvent,
    context: BatchContext,
  ): Promise<void> {
    const client = await this.options.pool.connect();
    // A connection that breaks between two queries says so here; the next query says it again, and that one is caught.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let broken = false;
    try {
      // What a crash of the server might undo comes again, rows and checkpoint alike, so there is no need to wait for its disk.
      await client.query('begin; set local synchronous_commit to off');
      await handle.transactional(batch, client, context);
      await this.lease.checkpoint(client, last, batch.length);
      await client.query('commit');
    } catch (error) {
      broken = await client.query('rollback').then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }
}

function failureOf({ event, message }: Poisoned): SubscriptionFailure {
  return {
    message,
    eventId: event.id,
    type: event.type,
    stream: event.stream,
    revision: event.revision,
    position: String(event.position),
    at: new Date().toISOString(),
  };
}
