import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { canonicalReport, computeReport, drawSample, LogShorterThanCheckpoint, parseQuery, writeReport } from '#libs/compliance';
import { plimsollCodec } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { canonicalJson } from '#libs/ledger';
import { complianceYear } from '../../test/support/compliance-year.ts';

const codec = plimsollCodec();
const year = complianceYear({ seed: 5, changes: 300, each: 1 });
const batches = [...year.batches()];
const query = { from: year.from, to: year.to, seed: 's', sample: 3 };
const size = batches.reduce((sum, batch) => sum + batch.length, 0);
const checkpointOf = (events: number) => ({ origin: 'ledger.example/plimsoll', size: events, root: 'AAAA' });

async function* told(...given: readonly (readonly StoredEvent[])[]): AsyncIterable<readonly StoredEvent[]> {
  yield* given;
}

describe('computing a report', () => {
  it('gives its canonical JSON in pieces, whose digest is its name', async () => {
    const report = await computeReport(told(...batches), query, { codec, checkpoint: checkpointOf(size) });
    const written = await writeReport(report);
    const text = Buffer.concat([...written.pieces]).toString('utf8');
    expect(text === canonicalJson(JSON.parse(JSON.stringify(report)))).toBe(true);
    expect(text === canonicalJson(JSON.parse(text))).toBe(true);
    expect(written).toMatchObject({ bytes: Buffer.byteLength(text), digest: createHash('sha256').update(text).digest('hex') });
    expect(canonicalReport(report).digest).toBe(written.digest);
    expect(report.log).toMatchObject({ events: size, checkpoint: { size }, coversPeriod: true });
  });

  it('is the same however the events come in batches', async () => {
    const once = await computeReport(told(...batches), query, { codec });
    const each = await computeReport(told(...batches.flat().map((event) => [event])), query, { codec });
    expect(canonicalReport(each).digest).toBe(canonicalReport(once).digest);
  });

  it('reads as far as the checkpoint reaches, and not an event further', async () => {
    const cut = size - 1500;
    const upTo = await computeReport(told(...batches), query, { codec, checkpoint: checkpointOf(cut) });
    const alone = await computeReport(told(batches.flat().slice(0, cut)), query, { codec, checkpoint: checkpointOf(cut) });
    expect(canonicalReport(upTo).digest).toBe(canonicalReport(alone).digest);
    expect(upTo.log).toMatchObject({ events: cut, coversPeriod: false });
  });

  it('is refused where there are fewer events than were signed', async () => {
    const computed = computeReport(told(...batches), query, { codec, checkpoint: checkpointOf(size + 1) });
    await expect(computed).rejects.toThrow(LogShorterThanCheckpoint);
  });

  it('of an empty log has nothing in it, and says so', async () => {
    const report = await computeReport(told(), query, { codec });
    expect(report.summary.changes).toBe(0);
    expect(report.log).toEqual({ events: 0, coversPeriod: false });
  });

  it('lets others have their turn, and ends where whoever waits for it has gone', async () => {
    let turns = 0;
    const pause = async (): Promise<void> => {
      if (++turns === 3) throw new Error('gone');
    };
    await expect(computeReport(told(...batches), query, { codec, pause })).rejects.toThrow('gone');
  });
});

describe('a sample', () => {
  const ids = fc.uniqueArray(fc.uuid(), { maxLength: 50 });

  it('is the same for the same seed, in whatever order the population comes, and begins with every smaller one', () => {
    fc.assert(
      fc.property(ids, fc.string(), fc.nat(60), fc.nat(60), (population, seed, a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        const drawn = drawSample(population, seed, large).changeIds;
        expect(drawSample([...population].reverse(), seed, large).changeIds).toEqual(drawn);
        expect(drawSample(population, seed, small).changeIds).toEqual(drawn.slice(0, small));
        expect(new Set(drawn).size).toBe(Math.min(large, population.length));
        expect(drawn.every((id) => population.includes(id))).toBe(true);
      }),
    );
  });

  it('takes no change more often than another over many seeds', () => {
    const population = Array.from({ length: 10 }, (_, i) => `change-${i}`);
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 3000; seed++)
      for (const id of drawSample(population, String(seed), 3).changeIds) counts.set(id, (counts.get(id) ?? 0) + 1);
    // 900 are expected of each; five standard deviations are some 125.
    for (const id of population) expect(Math.abs((counts.get(id) ?? 0) - 900)).toBeLessThan(126);
  });
});

describe('a query', () => {
  const asked = (more: Partial<Parameters<typeof parseQuery>[0]>) =>
    parseQuery({ from: '2026-01-01T00:00:00Z', to: '2026-04-01T02:00:00+02:00', seed: undefined, sample: undefined, ...more });

  it('is kept in UTC', () => {
    expect(asked({})).toEqual({ query: { from: '2026-01-01T00:00:00.000Z', to: '2026-04-01T00:00:00.000Z' } });
    expect(asked({ seed: 'a', sample: '25' })).toMatchObject({ query: { seed: 'a', sample: 25 } });
  });

  it.each([
    ['from', { from: undefined }],
    ['from', { from: '2026-13-01T00:00:00Z' }],
    ['to', { to: '2026-01-01T00:00:00Z' }],
    ['to', { to: '2027-02-05T00:00:00.001Z' }],
    ['seed', { seed: '', sample: '1' }],
    ['seed', { seed: 'a'.repeat(101), sample: '1' }],
    ['sample', { seed: 'a' }],
    ['sample', { seed: 'a', sample: '10001' }],
    ['sample', { seed: 'a', sample: '1e3' }],
  ])('is refused for its %s: %j', (path, more) => {
    expect(Object.keys((asked(more) as { problems: object }).problems)).toEqual([path]);
  });

  it('may be of 400 days to the millisecond', () => {
    expect(asked({ to: '2027-02-05T00:00:00Z' })).toHaveProperty('query');
  });
});
