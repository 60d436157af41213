/** `--max-append-size` of a real server, unless told otherwise. */
export const MAX_APPEND_SIZE = 1024 * 1024;
/** Revision of the `$streamDeleted` event that closes a tombstoned stream, and `$tb` of a soft-deleted one: the greatest int64. */
const END_OF_STREAM = 9223372036854775807n;

export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface RecordedEvent extends ProposedEvent {
  readonly stream: string;
  readonly revision: bigint;
  /** Commit and prepare position, which are the same for everything that is written today. */
  readonly position: bigint;
  /** 100 ns since 1970, as the wire has it. */
  readonly ticks: bigint;
}

export type ExpectedRevision = bigint | 'any' | 'no_stream' | 'stream_exists';

export type AppendResult =
  | { readonly kind: 'appended'; readonly revision: bigint; readonly position: bigint }
  | { readonly kind: 'wrong-revision'; readonly current: bigint | undefined }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'too-large' };

export class StreamState {
  readonly events: RecordedEvent[] = [];
  tombstoned = false;
  truncateBefore = 0n;
  maxCount = Infinity;

  /** Revision of the last event, -1 where there is none. */
  get last(): number {
    return this.events.length - 1;
  }

  get softDeleted(): boolean {
    return this.truncateBefore > BigInt(this.last);
  }

  /** What a reader of the stream sees: `$maxCount` and `$tb` hide events at once, long before a scavenge removes them. */
  visible(): RecordedEvent[] {
    const firstByCount = Math.max(0, this.events.length - this.maxCount);
    return this.events.slice(firstByCount).filter((event) => event.revision >= this.truncateBefore);
  }
}

/** The streams of the test server, in memory: revisions, positions and idempotency as a real server has them. */
export class TestLog {
  readonly all: RecordedEvent[] = [];
  private readonly streams = new Map<string, StreamState>();
  private readonly waiting = new Set<() => void>();
  private end = 0n;

  stream(name: string): StreamState {
    let state = this.streams.get(name);
    if (!state) this.streams.set(name, (state = new StreamState()));
    return state;
  }

  append(name: string, expected: ExpectedRevision, events: readonly ProposedEvent[]): AppendResult {
    const state = this.stream(name);
    if (state.tombstoned) return { kind: 'deleted' };
    if (events.reduce((bytes, event) => bytes + event.data.length + event.metadata.length, 0) > MAX_APPEND_SIZE)
      return { kind: 'too-large' };
    const earlier = checkRevision(state, expected, events);
    if (earlier) return earlier;
    for (const event of events) this.store(name, state, event, BigInt(state.events.length));
    this.wake();
    const last = state.events.at(-1);
    return { kind: 'appended', revision: BigInt(state.last), position: last?.position ?? 0n };
  }

  /** Hides the stream's events by `$tb`; the stream may be written again and then goes on where it was. */
  softDelete(name: string): bigint {
    const state = this.stream(name);
    state.truncateBefore = BigInt(state.events.length);
    const metadata = Buffer.from(`{"$tb":${END_OF_STREAM}}`);
    const metastream = this.stream(`$$${name}`);
    this.store(`$$${name}`, metastream, jsonEvent('$metadata', metadata), BigInt(metastream.events.length));
    this.wake();
    return this.end;
  }

  /** Deletes for good: no reading, no writing. */
  tombstone(name: string): bigint {
    const state = this.stream(name);
    this.all.push(this.record(name, jsonEvent('$streamDeleted', Buffer.from('{}')), END_OF_STREAM));
    state.tombstoned = true;
    this.wake();
    return this.end;
  }

  /** Index in `all` of the first event at or behind a position. */
  indexOf(position: bigint): number {
    let low = 0;
    let high = this.all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.all[middle]!.position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Calls back once, at the next change. Gives the function that takes the request back. */
  onChange(callback: () => void): () => void {
    this.waiting.add(callback);
    return () => this.waiting.delete(callback);
  }

  private store(name: string, state: StreamState, event: ProposedEvent, revision: bigint): void {
    const recorded = this.record(name, event, revision);
    state.events.push(recorded);
    this.all.push(recorded);
    if (name.startsWith('$$') && event.type === '$metadata') this.applyMetadata(name.slice(2), event.data);
  }

  private record(stream: string, event: ProposedEvent, revision: bigint): RecordedEvent {
    const recorded = { ...event, stream, revision, position: this.end, ticks: BigInt(Date.now()) * 10_000n };
    this.end += BigInt(128 + event.data.length + event.metadata.length + stream.length);
    return recorded;
  }

  private applyMetadata(name: string, data: Uint8Array): void {
    const metadata = JSON.parse(Buffer.from(data).toString('utf8')) as { $maxCount?: number; $tb?: number };
    const state = this.stream(name);
    state.maxCount = metadata.$maxCount ?? Infinity;
    // A soft deletion has set its own, exact bound already; its `$tb` is past what a number holds.
    if (!Number.isSafeInteger(metadata.$tb ?? 0)) return;
    state.truncateBefore = BigInt(metadata.$tb ?? 0);
  }

  private wake(): void {
    const callbacks = [...this.waiting];
    this.waiting.clear();
    for (const callback of callbacks) callback();
  }
}

/** The check of a real server's IndexWriter: undefined where the append may go on, else its answer (a repeat's or a refusal). */
function checkRevision(state: StreamState, expected: ExpectedRevision, events: readonly ProposedEvent[]): AppendResult | undefined {
  const wrong: AppendResult = { kind: 'wrong-revision', current: state.last < 0 ? undefined : BigInt(state.last) };
  if (expected === 'any' || expected === 'stream_exists') {
    if (expected === 'stream_exists' && state.last < 0) return wrong;
    const stored = events.map((event) => state.events.find((earlier) => earlier.id === event.id));
    if (!stored[0]) return undefined;
    const last = stored.at(-1);
    return last && stored.every(Boolean) ? { kind: 'appended', revision: last.revision, position: last.position } : wrong;
  }
  const want = expected === 'no_stream' ? -1 : Number(expected);
  if (want === state.last) return undefined;
  if (want > state.last) return wrong;
  const stored = state.events.slice(want + 1, want + 1 + events.length);
  const last = stored.at(-1);
  if (last && stored.length === events.length && stored.every((earlier, i) => earlier.id === events[i]?.id)) {
    return { kind: 'appended', revision: last.revision, position: last.position };
  }
  return want === -1 && state.softDeleted ? undefined : wrong;
}

function jsonEvent(type: string, data: Uint8Array): ProposedEvent {
  return { id: crypto.randomUUID(), type, contentType: 'application/json', data, metadata: new Uint8Array() };
}
