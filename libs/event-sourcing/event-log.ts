import type { NewEvent, StoredEvent } from './event.ts';

/** The expected revision of a stream that must not exist yet. */
export const NO_STREAM = -1;
/** The position before the first event of all. */
export const BEFORE_ALL = -1n;
/** The most bytes of data and metadata that one append may carry; EventStoreDB's own default. */
export const MAX_APPEND_BYTES = 1024 * 1024;

export interface Appended {
  /** Revision of the last event of this append. */
  readonly revision: number;
  /** Position of the last event of this append. */
  readonly position: bigint;
}

export interface StreamSlice {
  readonly events: readonly StoredEvent[];
  /** Revision of the stream's last event when it was read; `NO_STREAM` where there is none. */
  readonly revision: number;
}

export interface SubscribeOptions {
  /** Exclusive; `BEFORE_ALL` to begin at the beginning. */
  readonly after: bigint;
  /** Most events a batch holds; 1,000 unless told. */
  readonly batchSize?: number;
  /** Ends the subscription; the iteration then returns without an error. */
  readonly signal: AbortSignal;
  /** Told of every interruption that the subscription recovers from by itself. */
  readonly onInterruption?: (error: unknown) => void;
}

/**
 * The system of record. Three adapters (EventStoreDB, Postgres, memory) pass one contract suite,
 * `testing/event-log-contract.ts`, which says in tests what the comments here say in words.
 */
export interface EventLog {
  /**
   * Appends all events or none, atomically, if the stream's last revision is exactly `expectedRevision`.
   * Repeating an append (same expected revision, same event ids) succeeds and stores nothing new.
   *
   * @throws WrongExpectedRevision the stream is elsewhere; nothing was stored
   * @throws AppendTooLarge over `MAX_APPEND_BYTES`; nothing was stored
   * @throws UnserialisableEvent the data is not JSON; nothing was stored
   * @throws AppendOutcomeUnknown no answer in time: it may or may not be stored. Repeat it to find out.
   */
  append(stream: string, expectedRevision: number, events: readonly NewEvent[]): Promise<Appended>;

  /** A stream's events in order, from `fromRevision` (0 unless told), at most `maxCount` (all unless told). */
  readStream(stream: string, options?: { fromRevision?: number; maxCount?: number }): Promise<StreamSlice>;

  /** The next events of all streams after a position (exclusive), in order. */
  readAll(options: { after: bigint; maxCount: number }): Promise<readonly StoredEvent[]>;

  /**
   * Every event after a position, in order, without gaps, and then the new ones as they come; in batches of at least one.
   * Asking for the next batch says that the last one is processed: after an interruption the subscription resumes behind
   * the last *processed* event, never behind one that was merely delivered. It reconnects with backoff for as long as `signal` lets it.
   */
  subscribe(options: SubscribeOptions): AsyncIterable<readonly StoredEvent[]>;

  /** Position of the last event of all; `BEFORE_ALL` where there is none. */
  head(): Promise<bigint>;

  /** Lets go of connections, so that the process can end. Appends in flight settle first. */
  close(): Promise<void>;
}

export class WrongExpectedRevision extends Error {
  override readonly name = 'WrongExpectedRevision';
  constructor(
    readonly stream: string,
    readonly expected: number,
    /** Last revision found; `NO_STREAM` where there is none. */
    readonly actual: number,
  ) {
    super(`Stream ${stream} is at revision ${actual}, not at ${expected}.`);
  }
}

export class AppendTooLarge extends Error {
  override readonly name = 'AppendTooLarge';
  constructor(
    readonly stream: string,
    readonly bytes: number,
  ) {
    super(`An append of ${bytes} bytes to ${stream} is over the limit of ${MAX_APPEND_BYTES} bytes.`);
  }
}

export class UnserialisableEvent extends Error {
  override readonly name = 'UnserialisableEvent';
  constructor(stream: string, type: string, options?: ErrorOptions) {
    super(`Event ${type} for ${stream} can't be written as JSON.`, options);
  }
}

export class AppendOutcomeUnknown extends Error {
  override readonly name = 'AppendOutcomeUnknown';
  constructor(
    readonly stream: string,
    options?: ErrorOptions,
  ) {
    super(`No answer in time for an append to ${stream}: it may or may not be stored; repeat it to find out.`, options);
  }
}

/** A stream begins later than at revision 0 or has a gap: someone deleted or truncated it. No decision may be made on what is left. */
export class EventsMissing extends Error {
  override readonly name = 'EventsMissing';
}

export class EventLogUnavailable extends Error {
  override readonly name = 'EventLogUnavailable';
}
