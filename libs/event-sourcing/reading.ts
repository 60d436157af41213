import { load, type Aggregate, type Loaded } from './aggregate.ts';
import type { EventCodec } from './codec.ts';
import type { DomainEvent } from './event.ts';
import type { EventLog, StreamSlice } from './event-log.ts';

/** Reads other streams for a rule. Everything read is folded from the log itself, never from a view (principle 1). */
export interface ReadAggregate {
  <S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string): Promise<Loaded<S>>;
  /**
   * A reader for one decision. With the first stream it is asked for it begins to read, too, what was read for the same topic before, so that
   * what is found out step by step has mostly come already; each stream is read once. Only what is asked for counts as read. Absent where
   * reading ahead gains nothing.
   */
  readonly ahead?: (topic: string) => ReadAggregate;
}

/** Reads from a log, as it is at the moment. */
export function readerOf(log: EventLog, codec: EventCodec): ReadAggregate {
  return Object.assign(loaderFrom(log, codec), { ahead: (topic: string) => readerFrom(new ReadAhead(log, habitsOf(log), [topic]), codec) });
}

/** A reader that reads ahead where the given one can. */
export function aheadFor(read: ReadAggregate, topic: string): ReadAggregate {
  return read.ahead?.(topic) ?? read;
}

function loaderFrom(streams: Pick<EventLog, 'readStream'>, codec: EventCodec) {
  return <S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string): Promise<Loaded<S>> => load(streams, codec, aggregate, id);
}

function readerFrom(streams: ReadAhead, codec: EventCodec): ReadAggregate {
  return Object.assign(loaderFrom(streams, codec), { ahead: (topic: string) => readerFrom(streams.with(topic), codec) });
}

/** The streams of one decision. */
class ReadAhead {
  private expected = false;

  constructor(
    private readonly log: EventLog,
    private readonly habits: Habits,
    /** What is read is remembered for all of them, and expected for the last. */
    private readonly topics: readonly string[],
    private readonly begun = new Map<string, Promise<StreamSlice>>(),
  ) {}

  /** The same streams, of which others may be expected. */
  with(topic: string): ReadAhead {
    return this.topics.includes(topic) ? this : new ReadAhead(this.log, this.habits, [...this.topics, topic], this.begun);
  }

  readStream(stream: string): Promise<StreamSlice> {
    if (!this.expected) for (const likely of this.habits.expect(this.topics.at(-1)!)) void this.begin(likely);
    this.expected = true;
    for (const topic of this.topics) this.habits.note(topic, stream);
    return this.begin(stream);
  }

  private begin(stream: string): Promise<StreamSlice> {
    const known = this.begun.get(stream);
    if (known) return known;
    const slice = this.log.readStream(stream);
    // Whoever asks is told of an error; where nobody asks, nobody misses it.
    slice.catch(() => undefined);
    this.begun.set(stream, slice);
    return slice;
  }
}

const MOST_TOPICS = 2048;
const MOST_STREAMS = 48;
/** No longer names are remembered: a caller may have chosen them. */
const LONGEST_NAMES = 1000;
/** After so many times in which nobody asked for it, a stream is expected no more. */
const MOST_MISSES = 3;

/** Which streams were read for what, lately. It is wrong at no one's cost but of a stream that is read in vain. */
class Habits {
  /** By topic, the one that was used last at the end: how often each stream was expected in vain since it was asked for. */
  private readonly topics = new Map<string, Map<string, number>>();

  expect(topic: string): readonly string[] {
    const streams = this.topics.get(topic);
    if (!streams) return [];
    this.topics.delete(topic);
    this.topics.set(topic, streams);
    for (const [stream, misses] of streams) {
      if (misses < MOST_MISSES) streams.set(stream, misses + 1);
      else streams.delete(stream);
    }
    return [...streams.keys()];
  }

  note(topic: string, stream: string): void {
    if (topic.length + stream.length > LONGEST_NAMES) return;
    let streams = this.topics.get(topic);
    if (!streams) {
      this.topics.set(topic, (streams = new Map<string, number>()));
      const [oldest] = this.topics.keys();
      if (this.topics.size > MOST_TOPICS && oldest !== undefined) this.topics.delete(oldest);
    }
    if (streams.has(stream) || streams.size < MOST_STREAMS) streams.set(stream, 0);
  }
}

const habits = new WeakMap<EventLog, Habits>();

function habitsOf(log: EventLog): Habits {
  const known = habits.get(log) ?? new Habits();
  habits.set(log, known);
  return known;
}
