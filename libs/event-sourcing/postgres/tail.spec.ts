import fc from 'fast-check';
import type { EventRow } from './rows.ts';
import { Tail } from './tail.ts';

/** A log whose positions have gaps, as those of Postgres have. */
class Source {
  readonly rows: EventRow[] = [];
  reads = 0;
  version = 0;

  append(count: number, textLength = 2): void {
    for (let i = 0; i < count; i++) {
      const n = this.rows.length;
      const data = `{"t":"${'x'.repeat(textLength)}"}`;
      this.rows.push([String(n * 3 + (n % 2)), 'thing-1', n, `id-${n}`, 'Thing', data, '{}', '2026-03-02T10:00:00Z']);
    }
    this.version++;
  }

  readonly read = async (after: bigint, maxCount: number): Promise<readonly EventRow[]> => {
    this.reads++;
    // What is there when the database gets to it, and not when it was asked.
    await new Promise((resolve) => setImmediate(resolve));
    const found = this.rows.filter(([position]) => BigInt(position) > after).slice(0, maxCount);
    await new Promise((resolve) => setImmediate(resolve));
    return found;
  };

  tail(believeMs = 1_000_000): Tail {
    return new Tail(this.read, believeMs, () => this.version);
  }

  get ids(): string[] {
    return this.rows.map(([, , , id]) => id);
  }

  position(n: number): bigint {
    return BigInt(this.rows[n]![0]);
  }
}

/** Takes all there is after a position, by the tail where it has it and by itself otherwise, as a subscription does. */
async function takeAll(source: Source, tail: Tail, after: bigint, batchSize: number): Promise<string[]> {
  const ids: string[] = [];
  for (let position = after; ;) {
    const ticket = source.version;
    const kept = await tail.next(position, batchSize, 1_000, ticket);
    const batch = kept ?? (await source.read(position, batchSize)).map(([at, , , id]) => ({ id, position: BigInt(at) }));
    ids.push(...batch.map(({ id }) => id));
    position = batch.at(-1)?.position ?? position;
    if (!kept && batch.length > 0 && batch.length < batchSize) tail.begin(position);
    if (batch.length === 0 && source.version === ticket) return ids;
  }
}

describe('the tail of the log', () => {
  it('has nothing before it has begun, nor from before where it began', async () => {
    const source = new Source();
    source.append(3);
    const tail = source.tail();
    expect(await tail.next(source.position(2), 10, 1_000, source.version)).toBeUndefined();
    tail.begin(source.position(1));
    expect(await tail.next(source.position(0), 10, 1_000, source.version)).toBeUndefined();
    expect((await tail.next(source.position(1), 10, 1_000, source.version))?.map(({ id }) => id)).toEqual(['id-2']);
  });

  it('is read once for all who want the newest', async () => {
    const source = new Source();
    source.append(1);
    const tail = source.tail();
    tail.begin(source.position(0));
    source.append(5);
    const all = await Promise.all(Array.from({ length: 40 }, () => tail.next(source.position(0), 100, 1_000, source.version)));
    expect(source.reads).toBe(1);
    for (const found of all) expect(found?.map(({ id }) => id)).toEqual(source.ids.slice(1));
  });

  it('is read again for who was told of something after the read began', async () => {
    const source = new Source();
    source.append(1);
    const tail = source.tail();
    tail.begin(source.position(0));
    const early = tail.next(source.position(0), 100, 1_000, source.version);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    source.append(1);
    expect(await tail.next(source.position(0), 100, 1_000, source.version)).toHaveLength(1);
    expect(await early).toEqual([]);
  });

  it('is read again when it was believed for long enough, though nobody announced anything', async () => {
    const source = new Source();
    source.append(1);
    const tail = source.tail(0);
    tail.begin(source.position(0));
    const { version } = source;
    source.append(1);
    source.version = version;
    expect(await tail.next(source.position(0), 100, 1_000, version)).toHaveLength(1);
  });

  it('gives a large event alone, and lets go of what is too much to keep', async () => {
    const source = new Source();
    source.append(1);
    const tail = source.tail();
    tail.begin(source.position(0));
    source.append(3, 3 * 1024 * 1024);
    expect(await tail.next(source.position(0), 100, 1_000, source.version)).toBeUndefined();
    expect(await tail.next(source.position(2), 100, 1_000, source.version)).toHaveLength(1);
  });

  it('gives a failed read to all who wait for it, and reads again for the next', async () => {
    const source = new Source();
    source.append(1);
    let fails = true;
    const tail = new Tail(
      async (after, maxCount) => {
        if (fails) throw new Error('The database is away.');
        return await source.read(after, maxCount);
      },
      1_000_000,
      () => source.version,
    );
    tail.begin(source.position(0));
    source.append(1);
    const asked = [1, 2].map(() => tail.next(source.position(0), 10, 1_000, source.version));
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    expect(await tail.next(source.position(0), 10, 1_000, source.version)).toHaveLength(1);
  });

  it('gives every reader every event once and in order, whenever it came and however fast it reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(700), { minLength: 1, maxLength: 8 }),
        fc.array(fc.record({ batchSize: fc.integer({ min: 1, max: 900 }), starts: fc.nat(6) }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(0, 1_000_000),
        async (appends, readers, believeMs) => {
          const source = new Source();
          const tail = source.tail(believeMs);
          const turns = async (count: number): Promise<void> => {
            for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
          };
          const writing = (async () => {
            for (const count of appends) {
              source.append(count);
              await turns(count % 7);
            }
          })();
          const taken = await Promise.all(
            readers.map(async ({ batchSize, starts }) => {
              await turns(starts);
              const first = await takeAll(source, tail, -1n, batchSize);
              await writing;
              const last = first.length > 0 ? source.position(first.length - 1) : -1n;
              return [...first, ...(await takeAll(source, tail, last, batchSize))];
            }),
          );
          for (const ids of taken) expect(ids).toEqual(source.ids);
        },
      ),
      { numRuns: 30 },
    );
  });
});
