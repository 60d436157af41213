import {
  BACKWARDS,
  END,
  FORWARDS,
  MaxAppendSizeExceededError,
  NotLeaderError,
  NO_STREAM as CLIENT_NO_STREAM,
  START,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
  AccessDeniedError,
  type EventData,
  type StreamingRead,
} from '@eventstore/db-client';
import {
  AppendOutcomeUnknown,
  AppendTooLarge,
  BEFORE_ALL,
  EventsMissing,
  EventLogUnavailable,
  NO_STREAM,
  serialise,
  WrongExpectedRevision,
  type Appended,
  type EventLog,
  type NewEvent,
  type StoredEvent,
  type StreamSlice,
  type SubscribeOptions,
} from '#libs/event-sourcing';
import { visit, type Resolved } from './read.ts';
import { isSystemEvent, positionOf, tamperingOf, toEventData, toStoredEvent, type RecordedEvent } from './recorded-event.ts';
import { Backoff, isTransient, leavesTime, pause, within } from './retry.ts';
import { shareClient, type SharedClient } from './shared-client.ts';
import { catchUp } from './subscription.ts';

export interface EventStoreDbOptions {
  /** `esdb://…` or `esdb+discover://…`. Its account must be allowed to read `$all`. */
  readonly connectionString: string;
  /** How long an append may take in all, retries included, in milliseconds; 10,000 unless told. */
  readonly appendTimeoutMs?: number;
  /** How long a read is retried, and how long it may stay silent, in milliseconds; 10,000 unless told. */
  readonly readTimeoutMs?: number;
  /** Told, once for each, of what endangers stored events: metadata on or deletion of a stream of ours, gaps in one. */
  readonly onAlarm?: (message: string) => void;
}

/** Alarms that are remembered so as not to be repeated. */
const MAX_ALARMS_REMEMBERED = 10_000;

/**
 * The event log in EventStoreDB (KurrentDB): `$all` is the order of all events, commit positions are the positions.
 *
 * All logs of a process with the same connection string share one client; the last `close` disposes of it. Reads and appends go
 * to the leader, so that a gate never reads an older state than was acknowledged. While a leader is elected or a node restarts
 * they are retried, an append too: with its exact revision and event ids a repeat is the same append.
 */
export class EventStoreDbEventLog implements EventLog {
  private readonly shared: SharedClient;
  private readonly appendTimeoutMs: number;
  private readonly readTimeoutMs: number;
  private readonly onAlarm: (message: string) => void;
  private readonly alarms = new Set<string>();
  private readonly inFlight = new Set<Promise<unknown>>();
  private readonly closed = new AbortController();
  /** As far as `head` has looked, and what it found there: system events behind it are looked at once. */
  private tail = { scanned: BEFORE_ALL, head: BEFORE_ALL };

  /** Connects on first use. @throws Error the connection string can't be used */
  constructor(options: EventStoreDbOptions) {
    this.shared = shareClient(options.connectionString);
    this.appendTimeoutMs = options.appendTimeoutMs ?? 10_000;
    this.readTimeoutMs = options.readTimeoutMs ?? 10_000;
    this.onAlarm = options.onAlarm ?? (() => undefined);
  }

  async append(stream: string, expectedRevision: number, events: readonly NewEvent[]): Promise<Appended> {
    this.assertOpen();
    assertOurs(stream, events);
    const serialised = serialise(stream, events);
    if (serialised.length === 0) return this.appendNothing(stream, expectedRevision);
    const bytes = serialised.reduce((sum, event) => sum + Buffer.byteLength(event.data) + Buffer.byteLength(event.metadata), 0);
    return this.tracked(this.appendRetrying(stream, expectedRevision, serialised.map(toEventData), bytes));
  }

  async readStream(stream: string, options: { fromRevision?: number; maxCount?: number } = {}): Promise<StreamSlice> {
    const { fromRevision = 0, maxCount = Infinity } = options;
    return this.reading(async () => {
      const events: StoredEvent[] = [];
      if (maxCount > 0) {
        const exists = await this.readForwards(stream, fromRevision, maxCount, events);
        if (!exists) return { events, revision: NO_STREAM };
      }
      const whole = events.length > 0 && events.length < maxCount;
      const revision = whole ? events.at(-1)!.revision : await this.lastRevision(stream);
      this.assertDense(stream, fromRevision, events);
      return { events, revision };
    });
  }

  async readAll(options: { after: bigint; maxCount: number }): Promise<readonly StoredEvent[]> {
    const { after, maxCount } = options;
    if (maxCount <= 0) return [];
    return this.reading(async () => {
      const events: StoredEvent[] = [];
      const fromPosition = after === BEFORE_ALL ? START : { commit: after, prepare: after };
      // The client can't filter reads: read on, over whatever the system wrote, until there is enough.
      const read = this.shared.client.readAll({ fromPosition, direction: FORWARDS, requiresLeader: true });
      await this.visit(read, (event) => {
        this.observe(event);
        if (positionOf(event) > after && !isSystemEvent(event)) events.push(toStoredEvent(event));
        return events.length < maxCount;
      });
      return events;
    });
  }

  async *subscribe(options: SubscribeOptions): AsyncIterable<readonly StoredEvent[]> {
    const signal = AbortSignal.any([options.signal, this.closed.signal]);
    yield* catchUp(this.shared.client, { ...options, signal }, (event) => this.observe(event));
  }

  async head(): Promise<bigint> {
    return this.reading(async () => {
      let { scanned, head } = this.tail;
      const read = this.shared.client.readAll({ fromPosition: END, direction: BACKWARDS, requiresLeader: true });
      await this.visit(read, (event) => {
        const position = positionOf(event);
        if (position > scanned) scanned = position;
        if (position <= this.tail.scanned) return false;
        if (isSystemEvent(event)) return true;
        head = position;
        return false;
      });
      if (scanned > this.tail.scanned) this.tail = { scanned, head };
      return head;
    });
  }

  async close(): Promise<void> {
    this.closed.abort();
    while (this.inFlight.size > 0) await Promise.allSettled(this.inFlight);
    await this.shared.release();
  }

  private async appendRetrying(stream: string, expected: number, events: EventData[], bytes: number): Promise<Appended> {
    const deadline = Date.now() + this.appendTimeoutMs;
    const backoff = new Backoff();
    let mayBeStored = false;
    for (;;) {
      try {
        return await this.appendOnce(stream, expected, events, deadline - Date.now());
      } catch (error) {
        const refusal = this.refusalOf(error, stream, expected, bytes);
        if (refusal) throw refusal;
        // A node that is not the leader has not even tried.
        mayBeStored ||= !(error instanceof NotLeaderError);
        const delay = backoff.next();
        if (!isTransient(error) || !leavesTime(delay, deadline)) {
          if (mayBeStored) throw new AppendOutcomeUnknown(stream, { cause: error });
          throw new EventLogUnavailable(`EventStoreDB has no leader: nothing was appended to ${stream}.`, { cause: error });
        }
        await pause(delay);
      }
    }
  }

  private async appendOnce(stream: string, expected: number, events: EventData[], remainingMs: number): Promise<Appended> {
    const expectedRevision = expected === NO_STREAM ? CLIENT_NO_STREAM : BigInt(expected);
    const call = this.shared.client.appendToStream(stream, events, { expectedRevision, deadline: remainingMs, requiresLeader: true });
    const { nextExpectedRevision, position } = await within(remainingMs, call);
    const revision = Number(nextExpectedRevision);
    if (revision !== expected + events.length) {
      this.alarm(
        `${stream}@${revision}`,
        `Stream ${stream} was deleted before: its events up to revision ${revision - events.length} are gone.`,
      );
    }
    if (!position) throw new AppendOutcomeUnknown(stream);
    return { revision, position: position.commit };
  }

  /** The answers that say for certain that nothing was stored; undefined for all others. */
  private refusalOf(error: unknown, stream: string, expected: number, bytes: number): Error | undefined {
    if (error instanceof WrongExpectedVersionError) {
      const actual = typeof error.actualVersion === 'bigint' ? Number(error.actualVersion) : NO_STREAM;
      return new WrongExpectedRevision(stream, expected, actual);
    }
    if (error instanceof MaxAppendSizeExceededError) return new AppendTooLarge(stream, bytes);
    if (error instanceof StreamDeletedError) return this.deletedForGood(stream, error);
    if (error instanceof AccessDeniedError) {
      return new EventLogUnavailable(`EventStoreDB denies this account access to ${stream}.`, { cause: error });
    }
    return undefined;
  }

  /** Nothing to store still has a revision to be at. */
  private async appendNothing(stream: string, expected: number): Promise<Appended> {
    const { revision } = await this.readStream(stream, { maxCount: 0 });
    if (revision !== expected) throw new WrongExpectedRevision(stream, expected, revision);
    if (revision === NO_STREAM) return { revision, position: BEFORE_ALL };
    const { events } = await this.readStream(stream, { fromRevision: revision, maxCount: 1 });
    return { revision, position: events[0]!.position };
  }

  /** False where there is no such stream. */
  private async readForwards(stream: string, fromRevision: number, maxCount: number, into: StoredEvent[]): Promise<boolean> {
    const read = this.shared.client.readStream(stream, {
      fromRevision: BigInt(fromRevision),
      maxCount: Math.min(maxCount, Number.MAX_SAFE_INTEGER),
      direction: FORWARDS,
      requiresLeader: true,
    });
    return this.visitStream(stream, read, (event) => into.push(toStoredEvent(event)));
  }

  private async lastRevision(stream: string): Promise<number> {
    let revision = NO_STREAM;
    const read = this.shared.client.readStream(stream, { fromRevision: END, maxCount: 1, direction: BACKWARDS, requiresLeader: true });
    await this.visitStream(stream, read, (event) => {
      revision = Number(event.revision);
    });
    return revision;
  }

  /** False where there is no such stream; one that was deleted for good is another matter. */
  private async visitStream<E extends Resolved>(
    stream: string,
    read: StreamingRead<E>,
    each: (event: RecordedEvent) => void,
  ): Promise<boolean> {
    try {
      await this.visit(read, (event) => {
        each(event);
        return true;
      });
      return true;
    } catch (error) {
      if (error instanceof StreamNotFoundError) return false;
      throw error instanceof StreamDeletedError ? this.deletedForGood(stream, error) : error;
    }
  }

  private visit<E extends Resolved>(read: StreamingRead<E>, each: (event: RecordedEvent) => boolean): Promise<void> {
    return visit(read, this.readTimeoutMs, each);
  }

  private async reading<T>(read: () => Promise<T>): Promise<T> {
    this.assertOpen();
    const deadline = Date.now() + this.readTimeoutMs;
    const backoff = new Backoff();
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (error instanceof EventsMissing || error instanceof EventLogUnavailable) throw error;
        const delay = backoff.next();
        if (!isTransient(error) || !leavesTime(delay, deadline)) {
          throw new EventLogUnavailable('EventStoreDB can not be read.', { cause: error });
        }
        await pause(delay);
      }
    }
  }

  private assertDense(stream: string, fromRevision: number, events: readonly StoredEvent[]): void {
    events.forEach((event, index) => {
      if (event.revision === fromRevision + index) return;
      const message = `Stream ${stream} lacks the events from revision ${fromRevision + index} to ${event.revision - 1}: it was deleted or truncated.`;
      this.alarm(`${stream}#${event.revision}`, message);
      throw new EventsMissing(message);
    });
  }

  private deletedForGood(stream: string, cause: unknown): EventsMissing {
    const message = `Stream ${stream} was deleted for good.`;
    this.alarm(`${stream}#deleted`, message);
    return new EventsMissing(message, { cause });
  }

  private observe(event: RecordedEvent): void {
    const tampering = tamperingOf(event);
    if (tampering) this.alarm(event.id, tampering);
  }

  private alarm(key: string, message: string): void {
    if (this.alarms.has(key)) return;
    if (this.alarms.size >= MAX_ALARMS_REMEMBERED) this.alarms.clear();
    this.alarms.add(key);
    this.onAlarm(message);
  }

  private async tracked<T>(call: Promise<T>): Promise<T> {
    this.inFlight.add(call);
    try {
      return await call;
    } finally {
      this.inFlight.delete(call);
    }
  }

  private assertOpen(): void {
    if (this.closed.signal.aborted) throw new EventLogUnavailable('This event log is closed.');
  }
}

/** What the system's names are given to is not read back as an event. */
function assertOurs(stream: string, events: readonly NewEvent[]): void {
  if (stream === '' || stream.startsWith('$')) throw new TypeError(`A stream can not be named "${stream}".`);
  const system = events.find((event) => event.type === '' || event.type.startsWith('$'));
  if (system) throw new TypeError(`An event can not be of type "${system.type}".`);
}
