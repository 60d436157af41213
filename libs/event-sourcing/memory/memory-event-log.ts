import {
  asStored,
  BEFORE_ALL,
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

/** The event log of tests: the same contract as the real ones, kept in memory, gone with the process. */
export class MemoryEventLog implements EventLog {
  private readonly all: StoredEvent[] = [];
  private readonly streams = new Map<string, StoredEvent[]>();
  private readonly waiting = new Set<() => void>();

  async append(stream: string, expectedRevision: number, events: readonly NewEvent[]): Promise<Appended> {
    const serialised = serialise(stream, events);
    const existing = this.streams.get(stream) ?? [];
    const actual = existing.length - 1;
    if (expectedRevision !== actual) {
      const repeated = existing.slice(expectedRevision + 1, expectedRevision + 1 + events.length);
      const last = repeated.at(-1);
      if (last && repeated.length === events.length && repeated.every((e, i) => e.id === events[i]?.id)) {
        return { revision: last.revision, position: last.position };
      }
      throw new WrongExpectedRevision(stream, expectedRevision, actual);
    }
    for (const event of serialised) {
      const stored = asStored({
        id: event.id,
        type: event.type,
        data: JSON.parse(event.data) as unknown,
        metadata: JSON.parse(event.metadata) as unknown,
        stream,
        revision: existing.length,
        position: BigInt(this.all.length),
      });
      existing.push(stored);
      this.all.push(stored);
    }
    this.streams.set(stream, existing);
    for (const wake of this.waiting) wake();
    const last = existing.at(-1);
    return { revision: last?.revision ?? NO_STREAM, position: last?.position ?? BEFORE_ALL };
  }

  async readStream(stream: string, options: { fromRevision?: number; maxCount?: number } = {}): Promise<StreamSlice> {
    const events = this.streams.get(stream) ?? [];
    const from = options.fromRevision ?? 0;
    return { events: events.slice(from, from + (options.maxCount ?? Infinity)), revision: events.length - 1 };
  }

  async readAll(options: { after: bigint; maxCount: number }): Promise<readonly StoredEvent[]> {
    const from = Number(options.after) + 1;
    return this.all.slice(from, from + options.maxCount);
  }

  async *subscribe(options: SubscribeOptions): AsyncIterable<readonly StoredEvent[]> {
    let after = options.after;
    while (!options.signal.aborted) {
      const batch = await this.readAll({ after, maxCount: options.batchSize ?? 1000 });
      const last = batch.at(-1);
      if (last) {
        yield batch;
        after = last.position;
      } else {
        await this.nextAppend(options.signal);
      }
    }
  }

  async head(): Promise<bigint> {
    return this.all.at(-1)?.position ?? BEFORE_ALL;
  }

  async close(): Promise<void> {}

  private nextAppend(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.waiting.add(wake);
      signal.addEventListener('abort', wake);
      // It may have been aborted while the log was being read: then nobody says so any more.
      if (signal.aborted) wake();
    });
  }
}
