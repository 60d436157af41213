import { setMaxListeners } from 'node:events';
import { Client, DatabaseError, Pool, type QueryArrayConfig } from 'pg';
import {
  BEFORE_ALL,
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
import { GroupWriter } from './group-writer.ts';
import { ReadTogether } from './read-together.ts';
import { countThatFits, EVENT_COLUMNS, toStoredEvent, type EventRow } from './rows.ts';
import { Tail } from './tail.ts';
import { backoff, eitherSignal, pause } from './waiting.ts';
import { Wakeups } from './wakeups.ts';

export interface PostgresEventLogOptions {
  /** `postgres://…` of a database with the schema of `migrations/`. */
  readonly url: string;
  /** How long an append may wait to be sent, and then for its answer; 5,000 unless told. */
  readonly appendTimeoutMs?: number;
  /** Most connections for reading; 4 unless told. Besides them there is one to write, and one to listen where somebody subscribes. */
  readonly poolSize?: number;
}

const DEFAULT_BATCH = 1_000;
/** Events of a subscription's first batch, before it is known how large they are. */
const CAREFUL_BATCH = 100;
/** How much JSON text, in characters, a subscription's batch should hold at most: events may be 1,000 times larger than usual. */
const MAX_BATCH_LENGTH = 16 * 1024 * 1024;
/** How often a subscription looks by itself, should a notification have been lost. */
const POLL_MS = 1_000;
/** A server that answers no more is left after this time. */
const READ_TIMEOUT_MS = 30_000;
const MAX_REVISION = 2 ** 31 - 1;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Control characters and lone surrogates: a name of such could not be told from another once it is stored. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/**
 * The event log on Postgres; safe for several processes on one database. Every append takes one lock before it reads and
 * numbers, so that events become visible in the order of their positions and a reader of `position > n` misses none.
 */
export class PostgresEventLog implements EventLog {
  private readonly pool: Pool;
  private readonly writer: GroupWriter;
  private readonly wakeups: Wakeups;
  /** Whole streams that are asked for in one turn are one statement: a decision reads dozens. */
  private readonly streams = new ReadTogether((streams) => this.readStreams(streams));
  private readonly tail = new Tail(
    (after, maxCount) => this.rowsAfter(after, maxCount),
    POLL_MS / 2,
    () => this.wakeups.ticket(),
  );
  private readonly closing = new AbortController();
  private closed: Promise<void> | undefined;

  constructor(options: PostgresEventLogOptions) {
    // Every subscription listens to it: many are no leak.
    setMaxListeners(0, this.closing.signal);
    const timeout = options.appendTimeoutMs ?? 5_000;
    const connection = {
      connectionString: options.url,
      keepAlive: true,
      connectionTimeoutMillis: timeout,
      application_name: 'plimsoll event log',
    };
    this.pool = new Pool({ ...connection, query_timeout: READ_TIMEOUT_MS, max: options.poolSize ?? 4 });
    // A connection that breaks while idle leaves the pool by itself; whoever reads next gets another.
    this.pool.on('error', () => undefined);
    this.wakeups = new Wakeups(() => new Client(connection));
    // The server gives up a little later than we do, so that statements nobody waits for do not pile up before the lock.
    const writing = { ...connection, query_timeout: timeout, statement_timeout: timeout + 1_000 };
    this.writer = new GroupWriter(
      () => new Client(writing),
      timeout,
      (position) => this.wakeups.announce(position),
    );
  }

  /** As the port says; besides, @throws EventLogUnavailable where Postgres can't be reached or refuses: nothing was stored. */
  async append(stream: string, expectedRevision: number, events: readonly NewEvent[]): Promise<Appended> {
    checkNames(stream, expectedRevision, events);
    const serialised = serialise(stream, events);
    if (events.length === 0) return this.lastOf(stream, expectedRevision);
    return this.writer.append(stream, expectedRevision, serialised);
  }

  async readStream(stream: string, options: { fromRevision?: number; maxCount?: number } = {}): Promise<StreamSlice> {
    if (UNPRINTABLE.test(stream)) return { events: [], revision: NO_STREAM };
    if (options.fromRevision === undefined && options.maxCount === undefined) return await this.streams.read(stream);
    // Events and the stream's end in one statement, so that they are of one moment.
    const rows = await this.read<[revision: number | null, ...EventRow] | [revision: number | null, null]>({
      name: 'event_log.read_stream',
      text: `
        select l.revision, ${EVENT_COLUMNS}
        from (select max(revision) as revision from event_log.events where stream = $1) l
        left join lateral (
          select * from event_log.events where stream = $1 and revision >= $2 order by revision limit $3
        ) e on true
        order by e.revision`,
      values: [stream, options.fromRevision ?? 0, options.maxCount ?? null],
      rowMode: 'array',
    });
    const events = rows.flatMap(([, ...row]) => (row[0] === null ? [] : [toStoredEvent(row)]));
    return { events, revision: rows[0]?.[0] ?? NO_STREAM };
  }

  /** Whole streams, in the order in which they are named; all of one moment. */
  private async readStreams(streams: readonly string[]): Promise<readonly StreamSlice[]> {
    const rows = await this.read<EventRow>({
      name: 'event_log.read_streams',
      // By the index, once for each stream, whatever the planner thinks of arrays.
      text: `
        select ${EVENT_COLUMNS}
        from unnest($1::text[]) s (stream)
        cross join lateral (select * from event_log.events where stream = s.stream offset 0) e`,
      values: [streams],
      rowMode: 'array',
    });
    const found = new Map(streams.map((stream): [string, StoredEvent[]] => [stream, []]));
    for (const row of rows) found.get(row[1])?.push(toStoredEvent(row));
    return streams.map((stream) => {
      const events = (found.get(stream) ?? []).sort((a, b) => a.revision - b.revision);
      return { events, revision: events.at(-1)?.revision ?? NO_STREAM };
    });
  }

  async readAll({ after, maxCount }: { after: bigint; maxCount: number }): Promise<readonly StoredEvent[]> {
    return (await this.rowsAfter(after, maxCount)).map(toStoredEvent);
  }

  async *subscribe(options: SubscribeOptions): AsyncIterable<readonly StoredEvent[]> {
    const { signal, release } = eitherSignal(options.signal, this.closing.signal);
    const batchSize = options.batchSize ?? DEFAULT_BATCH;
    let count = Math.min(batchSize, CAREFUL_BATCH);
    const look = async (after: bigint): Promise<{ ticket: number; full: boolean; batch: readonly StoredEvent[] }> => {
      const ticket = this.wakeups.ticket();
      const newest = await this.tail.next(after, batchSize, MAX_BATCH_LENGTH, ticket);
      if (newest) return { ticket, full: newest.length === batchSize, batch: newest };
      const rows = await this.rowsAfter(after, count);
      const full = rows.length === count;
      const batch = rows.map(toStoredEvent);
      if (!full && rows.length > 0) this.tail.begin(batch.at(-1)!.position);
      if (rows.length > 0) count = countThatFits(rows, batchSize, MAX_BATCH_LENGTH);
      return { ticket, full, batch };
    };
    try {
      let processed = options.after;
      let next = look(processed);
      for (let failures = 0; !signal.aborted;) {
        try {
          const { ticket, full, batch } = await next;
          failures = 0;
          const last = batch.at(-1);
          if (last && !signal.aborted) {
            // There is more: the next batch is fetched while this one is being processed. At the end of the log it would come too early to hold much.
            if (full) {
              next = look(last.position);
              next.catch(() => undefined);
            }
            yield batch;
            processed = last.position;
            if (full) continue;
          } else {
            await this.wakeups.after(ticket, POLL_MS, signal);
          }
        } catch (error) {
          if (signal.aborted) return;
          options.onInterruption?.(error);
          await pause(backoff(failures++), signal);
        }
        if (!signal.aborted) next = look(processed);
      }
    } finally {
      release();
    }
  }

  async head(): Promise<bigint> {
    const [row] = await this.read<[string | null]>({
      name: 'event_log.head',
      text: 'select max(position) from event_log.events',
      values: [],
      rowMode: 'array',
    });
    return BigInt(row?.[0] ?? BEFORE_ALL);
  }

  /** Settles appends, ends subscriptions, lets go of all connections. */
  close(): Promise<void> {
    return (this.closed ??= this.letGo());
  }

  private async letGo(): Promise<void> {
    this.closing.abort();
    await this.writer.close();
    await this.wakeups.close();
    await this.pool.end();
  }

  private rowsAfter(after: bigint, maxCount: number): Promise<EventRow[]> {
    return this.read<EventRow>({
      name: 'event_log.read_all',
      text: `select ${EVENT_COLUMNS} from event_log.events e where e.position > $1 order by e.position limit $2`,
      values: [after, maxCount],
      rowMode: 'array',
    });
  }

  /** An append of nothing stores nothing, but it still tells whether the stream is where the caller thinks. */
  private async lastOf(stream: string, expectedRevision: number): Promise<Appended> {
    const { revision } = await this.readStream(stream, { maxCount: 0 });
    if (revision !== expectedRevision) throw new WrongExpectedRevision(stream, expectedRevision, revision);
    const { events } = await this.readStream(stream, { fromRevision: revision, maxCount: 1 });
    return { revision, position: events[0]?.position ?? BEFORE_ALL };
  }

  /** Reading twice is harmless, so a connection that broke meanwhile gets a second try. */
  private async read<R extends unknown[]>(query: QueryArrayConfig): Promise<R[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.pool.query<R>(query)).rows;
      } catch (error) {
        const refused = error instanceof DatabaseError && error.severity === 'ERROR';
        if (refused || attempt === 2)
          throw new EventLogUnavailable(`The event log can't be read: ${(error as Error).message}`, { cause: error });
      }
    }
  }
}

function checkNames(stream: string, expectedRevision: number, events: readonly NewEvent[]): void {
  if (stream === '' || UNPRINTABLE.test(stream)) throw new TypeError(`${JSON.stringify(stream)} is no name for a stream.`);
  if (!Number.isInteger(expectedRevision) || expectedRevision < NO_STREAM || expectedRevision + events.length > MAX_REVISION) {
    throw new TypeError(`${expectedRevision} is no revision of a stream.`);
  }
  for (const { id, type } of events) {
    if (!UUID.test(id)) throw new TypeError(`${JSON.stringify(id)} is no event id: it must be a UUID.`);
    if (type === '' || UNPRINTABLE.test(type)) throw new TypeError(`${JSON.stringify(type)} is no type of an event.`);
  }
}
