import { setImmediate as nextTurn } from 'node:timers/promises';
import { eventTypeFilter, START, type AllStreamSubscription, type EventStoreDBClient } from '@eventstore/db-client';
import { BEFORE_ALL, type StoredEvent, type SubscribeOptions } from '#libs/event-sourcing';
import type { Resolved } from './read.ts';
import { isSystemEvent, positionOf, SUBSCRIBED_TYPES, toStoredEvent, type RecordedEvent } from './recorded-event.ts';
import { Backoff, pause } from './retry.ts';

const DEFAULT_BATCH_SIZE = 1000;
/** How long events are gathered into a batch at most, as long as every turn of the event loop brings one. */
const GATHER_MS = 20;
/** A subscription that lived so long was sound: the next attempt comes soon again. */
const SOUND_AFTER_MS = 10_000;
/** Events that the server looks at between two signs of life while none of them matches. */
const SEARCH_WINDOW = 1000;

/**
 * A catch-up subscription to `$all`, resumed for ever: the client's own goes silent after its first error. `observe` sees every
 * event that comes, also those of the system that are not given on, once or more often.
 */
export async function* catchUp(
  client: EventStoreDBClient,
  options: SubscribeOptions,
  observe: (event: RecordedEvent) => void,
): AsyncGenerator<readonly StoredEvent[]> {
  const { signal, batchSize = DEFAULT_BATCH_SIZE } = options;
  const backoff = new Backoff();
  let processed = options.after;
  while (!signal.aborted) {
    const session = new Session(subscribeAfter(client, processed, batchSize), signal);
    const started = Date.now();
    try {
      for (;;) {
        const arrived = await session.next(batchSize);
        if (!arrived) return;
        backoff.reset();
        arrived.forEach(observe);
        const batch = arrived.filter((event) => !isSystemEvent(event)).map(toStoredEvent);
        // Only when the next batch is asked for is this one processed; until then an interruption would bring it again.
        if (batch.length > 0) yield batch;
        processed = positionOf(arrived.at(-1)!);
      }
    } catch (error) {
      if (Date.now() - started >= SOUND_AFTER_MS) backoff.reset();
      options.onInterruption?.(error);
    } finally {
      session.end();
    }
    await pause(backoff.next(), signal);
  }
}

function subscribeAfter(client: EventStoreDBClient, after: bigint, batchSize: number): AllStreamSubscription {
  return client.subscribeToAll(
    {
      fromPosition: after === BEFORE_ALL ? START : { commit: after, prepare: after },
      // No `checkpointReached`: its positions run ahead of what was processed.
      filter: eventTypeFilter({ regex: SUBSCRIBED_TYPES, maxSearchWindow: SEARCH_WINDOW }),
    },
    // The buffer is bounded by a batch: behind it the connection itself holds the server back.
    { highWaterMark: batchSize },
  );
}

/** One subscription of the client, from its first event to its first error. */
class Session {
  private failure: { readonly error: unknown } | undefined;
  private wake: (() => void) | undefined;
  private readonly notify = (): void => this.wake?.();

  constructor(
    private readonly subscription: AllStreamSubscription,
    private readonly signal: AbortSignal,
  ) {
    // This listener stays: the client emits errors late, and one without a listener ends the process.
    subscription.on('error', (error) => this.fail(error));
    subscription.on('end', () => this.fail(new Error('The server ended the subscription.')));
    subscription.on('close', () => this.fail(new Error('The subscription was closed.')));
    subscription.on('readable', this.notify);
    signal.addEventListener('abort', this.notify);
  }

  /**
   * What has arrived, at least one event and at most `max`; undefined once the signal says so. Events that come in quick
   * succession, as history does, are gathered for a moment. Throws after an error: what is buffered then is dropped.
   */
  async next(max: number): Promise<RecordedEvent[] | undefined> {
    const arrived: RecordedEvent[] = [];
    let gatherUntil = Infinity;
    for (;;) {
      if (this.signal.aborted) return undefined;
      if (this.failure) throw this.failure.error;
      const before = arrived.length;
      this.drain(arrived, max);
      if (before === 0 && arrived.length > 0) gatherUntil = Date.now() + GATHER_MS;
      if (arrived.length === 0) {
        await this.something();
      } else if (arrived.length === max || arrived.length === before || Date.now() >= gatherUntil) {
        return arrived;
      } else {
        await nextTurn();
      }
    }
  }

  private drain(into: RecordedEvent[], max: number): void {
    while (into.length < max) {
      const resolved = this.subscription.read() as Resolved | null;
      if (!resolved) return;
      if (resolved.event) into.push(resolved.event);
    }
  }

  /** Until an event comes, an error, or the signal. */
  private something(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  end(): void {
    this.signal.removeEventListener('abort', this.notify);
    // Rejects where the connection was never made: then there is nothing to end.
    this.subscription.unsubscribe().catch(() => undefined);
    this.subscription.destroy();
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    this.notify();
  }
}
