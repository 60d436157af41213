import fc from 'fast-check';
import type { Aggregate, Loaded } from './aggregate.ts';
import { EventCodec } from './codec.ts';
import type { DomainEvent, NewEvent } from './event.ts';
import { EventLogUnavailable, NO_STREAM, type EventLog, type StreamSlice } from './event-log.ts';
import { eventId } from './ids.ts';
import { MemoryEventLog } from './memory/index.ts';
import { aheadFor, readerOf, type ReadAggregate } from './reading.ts';
import { metaOf } from './testing/index.ts';
import { metadataOf } from './transact.ts';

type JarEvent = DomainEvent<'JarFilled', { readonly next: readonly string[] }>;

/** Each jar says in which others to look: what a decision reads is found out step by step. */
const jar: Aggregate<readonly string[], JarEvent> = {
  category: 'jar',
  initial: [],
  evolve: (_state, { data }) => data.next,
};

const codec = new EventCodec({ JarFilled: { version: 1, upcasters: {} } });

/** Counts what is read, turn by turn: what is asked for in one turn is one way to the log and back. */
class Watched {
  readonly rounds: string[][] = [];
  private round: string[] | undefined;
  failing: string | undefined;

  constructor(readonly log: MemoryEventLog) {}

  get asLog(): EventLog {
    return this as unknown as EventLog;
  }

  async readStream(stream: string): Promise<StreamSlice> {
    if (!this.round) {
      this.rounds.push((this.round = []));
      process.nextTick(() => (this.round = undefined));
    }
    this.round.push(stream);
    // As a log does that is elsewhere: nothing comes in the same turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (stream === this.failing) throw new EventLogUnavailable('It does not answer.');
    return await this.log.readStream(stream);
  }

  /** What was read since it was last asked. */
  take(): string[][] {
    return this.rounds.splice(0);
  }
}

async function fill(log: MemoryEventLog, name: string, next: readonly string[]): Promise<void> {
  const { revision } = await log.readStream(`jar-${name}`);
  const event: NewEvent = {
    id: eventId(`fill-${name}-${revision}`, `jar-${name}`, 0),
    type: 'JarFilled',
    data: { next },
    metadata: metadataOf(metaOf(), 'hash', 1),
  };
  await log.append(`jar-${name}`, revision, [event]);
}

async function watched(jars: Readonly<Record<string, readonly string[]>>): Promise<{ watched: Watched; read: ReadAggregate }> {
  const log = new MemoryEventLog();
  for (const [name, next] of Object.entries(jars)) await fill(log, name, next);
  const watching = new Watched(log);
  return { watched: watching, read: readerOf(watching.asLog, codec) };
}

/** Looks into a jar, then into all that it names, and so on; each is found only when the one before has been read. */
async function follow(read: ReadAggregate, first: string): Promise<readonly string[]> {
  const refs: string[] = [];
  let wave: readonly string[] = [first];
  for (let depth = 0; depth < 5 && wave.length > 0; depth++) {
    const loaded: readonly Loaded<readonly string[]>[] = await Promise.all(wave.map((name) => read(jar, name)));
    refs.push(...loaded.map(({ ref }) => ref));
    wave = loaded.flatMap(({ state }) => state);
  }
  return refs;
}

const CHAIN = { a: ['b'], b: ['c'], c: [] };

describe('a reader that reads ahead', () => {
  it('finds out step by step the first time, and has all of it at once the next time', async () => {
    const { watched: log, read } = await watched(CHAIN);
    const first = await follow(aheadFor(read, 'topic'), 'a');
    expect(log.take()).toEqual([['jar-a'], ['jar-b'], ['jar-c']]);

    expect(await follow(aheadFor(read, 'topic'), 'a')).toEqual(first);
    expect(log.take()).toEqual([['jar-a', 'jar-b', 'jar-c']]);
  });

  it('gives what is there at the time, and not what was there before', async () => {
    const { watched: log, read } = await watched(CHAIN);
    await follow(aheadFor(read, 'topic'), 'a');
    await fill(log.log, 'c', ['d']);
    log.take();

    expect(await follow(aheadFor(read, 'topic'), 'a')).toEqual(['jar-a@0', 'jar-b@0', 'jar-c@1', 'jar-d@-1']);
    expect(log.take()).toEqual([['jar-a', 'jar-b', 'jar-c'], ['jar-d']]);
  });

  it('knows a topic by its name alone, and begins with nothing for another', async () => {
    const { watched: log, read } = await watched(CHAIN);
    await follow(aheadFor(read, 'topic'), 'a');
    log.take();
    await follow(aheadFor(read, 'other'), 'a');
    expect(log.take()).toHaveLength(3);
    await follow(read, 'a');
    expect(log.take()).toHaveLength(3);
  });

  it('reads a stream once for a decision, whoever asks, and reads it again for the next', async () => {
    const { watched: log, read } = await watched(CHAIN);
    const ahead = aheadFor(read, 'topic');
    await Promise.all([ahead(jar, 'a'), ahead(jar, 'a')]);
    await ahead(jar, 'a');
    expect(log.take()).toEqual([['jar-a']]);
    await aheadFor(read, 'topic')(jar, 'a');
    expect(log.take()).toEqual([['jar-a']]);
  });

  it('expects no more what nobody has asked for three times', async () => {
    const { watched: log, read } = await watched({ ...CHAIN, x: [] });
    await follow(aheadFor(read, 'topic'), 'a');
    log.take();
    const inVain: number[] = [];
    for (let i = 0; i < 5; i++) {
      await aheadFor(read, 'topic')(jar, 'x');
      inVain.push(
        log
          .take()
          .flat()
          .filter((stream) => stream !== 'jar-x').length,
      );
    }
    expect(inVain).toEqual([3, 3, 3, 0, 0]);
  });

  it('remembers no names that are as long as only somebody who means harm would choose them', async () => {
    const { watched: log, read } = await watched(CHAIN);
    const long = 'x'.repeat(1000);
    for (const _ of [1, 2]) await follow(aheadFor(read, long), 'a');
    expect(log.take()).toHaveLength(6);
    for (const _ of [1, 2]) await aheadFor(read, 'topic')(jar, long);
    expect(log.take()).toEqual([[`jar-${long}`], [`jar-${long}`]]);
    await aheadFor(read, 'topic')(jar, 'a');
    expect(log.take()).toEqual([['jar-a']]);
  });

  it('is told of an error only where it asks for what could not be read', async () => {
    const { watched: log, read } = await watched(CHAIN);
    await follow(aheadFor(read, 'topic'), 'a');
    log.failing = 'jar-c';
    // Nobody waits for it: it must end neither this nor the program.
    expect((await aheadFor(read, 'topic')(jar, 'a')).ref).toBe('jar-a@0');
    await expect(follow(aheadFor(read, 'topic'), 'a')).rejects.toThrow(EventLogUnavailable);
    log.failing = undefined;
    expect(await follow(aheadFor(read, 'topic'), 'a')).toHaveLength(3);
  });

  it('may expect more while it reads, for a topic within the topic, and reads nothing twice for it', async () => {
    const { watched: log, read } = await watched(CHAIN);
    await follow(aheadFor(read, 'inner'), 'b');
    log.take();
    const outer = aheadFor(read, 'outer');
    await outer(jar, 'b');
    await follow(aheadFor(outer, 'inner'), 'a');
    expect(log.take()).toEqual([['jar-b'], ['jar-c', 'jar-a']]);
    // What was read within counts for both.
    await aheadFor(read, 'outer')(jar, 'a');
    expect(new Set(log.take().flat())).toEqual(new Set(['jar-a', 'jar-b', 'jar-c']));
  });

  it('says the same as one that does not, whatever was read for its topic before', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'] as const;
    const name = fc.constantFrom(...names);
    const step = fc.oneof(
      fc.record({ fill: name, next: fc.array(name, { maxLength: 3 }) }),
      fc.record({ first: name, topic: fc.constantFrom('one', 'two') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { watched: log, read } = await watched({});
        for (const one of steps) {
          if ('fill' in one) await fill(log.log, one.fill, one.next);
          else expect(await follow(aheadFor(read, one.topic), one.first)).toEqual(await follow(read, one.first));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is the plain one where there is nothing to gain', async () => {
    const { read } = await watched(CHAIN);
    const plain: ReadAggregate = (aggregate, id) => read(aggregate, id);
    expect(aheadFor(plain, 'topic')).toBe(plain);
    expect((await aheadFor(plain, 'topic')(jar, 'nothing')).revision).toBe(NO_STREAM);
  });
});
