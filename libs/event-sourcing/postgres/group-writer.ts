import { DatabaseError, type Client } from 'pg';
import {
  AppendOutcomeUnknown,
  EventLogUnavailable,
  WrongExpectedRevision,
  type Appended,
  type SerialisedEvent,
} from '#libs/event-sourcing';
import { backoff, pause } from './waiting.ts';

/** A group has at least one append, and no more once it holds so many events or so many bytes. */
const MAX_GROUP_EVENTS = 1_000;
const MAX_GROUP_BYTES = 4 * 1024 * 1024;

interface Pending {
  readonly stream: string;
  readonly expected: number;
  readonly events: readonly SerialisedEvent[];
  /** When patience ends for an append that has not been sent, by `performance.now()`. */
  readonly deadline: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

type AppendRow = [before: string, refused: string[] | null, actual: number[] | null, stored: (string | null)[] | null];

/**
 * Appends by one connection, many at a time: while a group is being committed, the next one gathers. One round trip and one
 * flush to disk serve a whole group, and every member gets an answer of its own. A group holds at most one append to a stream.
 */
export class GroupWriter {
  /** Waiting appends in the order in which they came, and so in the order of their deadlines. */
  private readonly waiting = new Set<Pending>();
  /** The next append of each stream that has none on its way. */
  private readonly ready: Pending[] = [];
  /** Streams with an append in `ready` or on its way, each with those that come after it. */
  private readonly behind = new Map<string, Pending[]>();
  private readonly closing = new AbortController();
  private client: Client | undefined;
  private running: Promise<void> | undefined;
  private expiry: NodeJS.Timeout | undefined;

  constructor(
    /** Makes a client whose connecting and queries time out. */
    private readonly connect: () => Client,
    private readonly timeoutMs: number,
    /** Told the last position of every group. */
    private readonly onCommit: (position: bigint) => void,
  ) {}

  /**
   * @throws EventLogUnavailable not sent in time, or refused by the database as a whole: nothing was stored
   * @throws AppendOutcomeUnknown sent, and no answer in time
   */
  append(stream: string, expected: number, events: readonly SerialisedEvent[]): Promise<Appended> {
    if (this.closing.signal.aborted) return Promise.reject(new EventLogUnavailable('The event log is closed.'));
    return new Promise((resolve, reject) => {
      const pending: Pending = { stream, expected, events, deadline: performance.now() + this.timeoutMs, resolve, reject };
      this.waiting.add(pending);
      const queue = this.behind.get(stream);
      if (queue) queue.push(pending);
      else {
        this.behind.set(stream, []);
        this.ready.push(pending);
      }
      this.expiry ??= setTimeout(() => this.expire(), this.timeoutMs);
      this.running ??= this.run();
    });
  }

  /** Takes no more, settles what there is, lets go of the connection. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
    clearTimeout(this.expiry);
    await this.client?.end().catch(() => undefined);
    this.client = undefined;
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (this.waiting.size > 0) {
      // Those who were just answered, or came in the same turn, get a seat in the next group.
      await new Promise((resolve) => setImmediate(resolve));
      let client: Client;
      try {
        client = await this.connected();
        failures = 0;
      } catch {
        // Those who wait are told when their time is up.
        await pause(backoff(failures++));
        continue;
      }
      const group = this.takeGroup();
      if (group.length === 0) continue;
      await this.send(client, group);
      for (const { stream } of group) this.release(stream);
    }
    // In the same turn as the last look, or an append could come in between and wait for ever.
    this.running = undefined;
  }

  private takeGroup(): Pending[] {
    const group: Pending[] = [];
    let events = 0;
    let bytes = 0;
    let taken = 0;
    for (const pending of this.ready) {
      const size = pending.events.reduce((sum, e) => sum + e.data.length + e.metadata.length, 0);
      if (group.length > 0 && (events + pending.events.length > MAX_GROUP_EVENTS || bytes + size > MAX_GROUP_BYTES)) break;
      taken++;
      if (!this.waiting.delete(pending)) {
        this.release(pending.stream);
        continue;
      }
      group.push(pending);
      events += pending.events.length;
      bytes += size;
    }
    this.ready.splice(0, taken);
    return group;
  }

  /** A stream's append is done: the next one to it may go. */
  private release(stream: string): void {
    const next = this.behind.get(stream)?.shift();
    if (next) this.ready.push(next);
    else this.behind.delete(stream);
  }

  private async send(client: Client, group: readonly Pending[]): Promise<void> {
    try {
      const row = await this.roundTrip(client, group);
      this.onCommit(answer(group, row));
    } catch (error) {
      if (!isRefusal(error)) {
        this.discard(client);
        for (const { stream, reject } of group) reject(new AppendOutcomeUnknown(stream, { cause: error }));
      } else if (group.length > 1) {
        // One of them is at fault: alone, it harms nobody else.
        for (const pending of group) await this.sendAlone(pending);
      } else {
        // A server that has become a read-only replica refuses everything: the next connection may lead to another.
        this.discard(client);
        group[0]?.reject(unavailable(`The database refused an append to ${group[0].stream}: ${error.message}`, error));
      }
    }
  }

  private async sendAlone(pending: Pending): Promise<void> {
    try {
      await this.send(await this.connected(), [pending]);
    } catch (error) {
      pending.reject(unavailable(`Postgres can't be reached: the append to ${pending.stream} was not sent.`, error));
    }
  }

  private async roundTrip(client: Client, group: readonly Pending[]): Promise<AppendRow> {
    const streams: string[] = [];
    const revisions: number[] = [];
    const ids: string[] = [];
    const types: string[] = [];
    const data: string[] = [];
    const metadata: string[] = [];
    for (const pending of group) {
      pending.events.forEach((event, index) => {
        streams.push(pending.stream);
        revisions.push(pending.expected + 1 + index);
        ids.push(event.id);
        types.push(event.type);
        data.push(event.data);
        metadata.push(event.metadata);
      });
    }
    const { rows } = await client.query<AppendRow>({
      name: 'event_log.append',
      text: 'select before, refused, actual, stored from event_log.append($1, $2, $3, $4, $5, $6)',
      values: [streams.join('\n'), `{${revisions.join()}}`, `{${ids.join()}}`, types.join('\n'), data.join('\n'), metadata.join('\n')],
      rowMode: 'array',
    });
    return rows[0]!;
  }

  private async connected(): Promise<Client> {
    if (this.client) return this.client;
    const client = this.connect();
    client.on('error', () => this.discard(client)).on('end', () => this.discard(client));
    try {
      await client.connect();
      // Look-ups by index alone: a plan made while the table was small would read all of it ever after.
      await client.query('set enable_seqscan = off; set plan_cache_mode = force_generic_plan; set synchronous_commit = on');
    } catch (error) {
      this.discard(client);
      throw error;
    }
    return (this.client = client);
  }

  private discard(client: Client): void {
    if (this.client === client) this.client = undefined;
    // Cuts the line at once where an answer is outstanding.
    void client.end().catch(() => undefined);
  }

  private expire(): void {
    this.expiry = undefined;
    const now = performance.now();
    for (const pending of this.waiting) {
      if (pending.deadline > now) {
        this.expiry = setTimeout(() => this.expire(), pending.deadline - now + 1);
        return;
      }
      this.waiting.delete(pending);
      pending.reject(
        new EventLogUnavailable(`Postgres could not be reached within ${this.timeoutMs} ms: the append to ${pending.stream} was not sent.`),
      );
    }
  }
}

/** Gives every member its answer, and back the last position of the group. */
function answer(group: readonly Pending[], [before, refused, actual, stored]: AppendRow): bigint {
  const notTaken = new Map(refused?.map((stream, i) => [stream, { actual: actual![i]!, stored: stored![i]! }]));
  let position = BigInt(before);
  for (const { stream, expected, events, resolve, reject } of group) {
    position += BigInt(events.length);
    const revision = expected + events.length;
    const found = notTaken.get(stream);
    if (!found) resolve({ revision, position });
    else if (found.stored !== null) resolve({ revision, position: BigInt(found.stored) });
    else reject(new WrongExpectedRevision(stream, expected, found.actual));
  }
  return position;
}

/** An error by which Postgres says that the statement had no effect; a dying connection (FATAL, PANIC) says nothing. */
function isRefusal(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.severity === 'ERROR';
}

function unavailable(message: string, cause?: unknown): EventLogUnavailable {
  return new EventLogUnavailable(message, { cause });
}
