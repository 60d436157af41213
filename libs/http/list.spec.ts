import fc from 'fast-check';
import { Client } from 'pg';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import { booleanFilter, defineList, integerFilter, oneOfFilter, textFilter, timeFilter } from './list.ts';
import type { ProblemError } from './problem.ts';

const releases = defineList({
  order: [
    { column: 'updated_at', type: 'timestamptz', direction: 'desc' },
    { column: 'id', type: 'text', direction: 'asc' },
  ],
  filters: {
    state: oneOfFilter('state', ['open', 'released']),
    version: textFilter('version'),
    urgent: booleanFilter('urgent'),
    gatesFrom: integerFilter('gates', '>='),
    updatedFrom: timeFilter('updated_at', '>='),
    updatedBefore: timeFilter('updated_at', '<'),
  },
});
const refusedFields = (query: unknown): readonly (string | undefined)[] => {
  try {
    releases.parse(query);
  } catch (error) {
    return ((error as ProblemError).options.errors ?? []).map((e) => e.path);
  }
  return [];
};

describe('A list', () => {
  it('takes a limit, a cursor and the filters that it declares, typed', () => {
    expect(releases.parse({})).toEqual({ limit: 50, filters: {} });
    expect(
      releases.parse({ limit: '200', state: 'open', urgent: 'false', gatesFrom: '3', updatedFrom: '2026-03-02T11:00:00+01:00' }),
    ).toEqual({
      limit: 200,
      filters: { state: 'open', urgent: false, gatesFrom: 3, updatedFrom: '2026-03-02T10:00:00.000Z' },
    });
  });

  it('refuses what it does not know, or can not read, by name', () => {
    expect(refusedFields({ sort: 'id', __proto__x: '1', constructor: 'x' })).toEqual(['sort', '__proto__x', 'constructor']);
    expect(refusedFields({ limit: '0' })).toEqual(['limit']);
    for (const limit of ['201', '-1', '1e2', ' 5', '']) expect(refusedFields({ limit })).toEqual(['limit']);
    expect(
      refusedFields({
        state: 'OPEN',
        urgent: '1',
        gatesFrom: '3.5',
        version: '',
        updatedFrom: '2026-03-02',
        updatedBefore: '2026-02-30T99:00:00Z',
      }),
    ).toHaveLength(6);
    expect(refusedFields({ state: ['open', 'released'] })).toEqual(['state']);
    expect(() => releases.parse({ state: 'shut' })).toThrow('state: This must be one of: open, released.');
  });

  it('refuses a cursor of another list, of other filters, or made up', () => {
    const rows = [1, 2].map((n) => ({ updated_at: new Date(n), id: `r${n}` }));
    const cursor = releases.page({ limit: 1, filters: { state: 'open' } }, rows, (row) => row).nextCursor ?? '';
    expect(releases.parse({ cursor, state: 'open', limit: '7' }).after).toEqual(['1970-01-01T00:00:00.001Z', 'r1']);
    expect(refusedFields({ cursor })).toEqual(['cursor']);
    expect(refusedFields({ cursor, state: 'released' })).toEqual(['cursor']);
    const [print] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as string[];
    const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const made of [
      '',
      'x',
      '====',
      forged(1),
      forged([print]),
      forged([print, 'now()', 'r1']),
      forged([print, '1970-01-01T00:00:00Z', 1]),
      forged(null),
    ]) {
      expect(refusedFields({ cursor: made, state: 'open' })).toEqual(['cursor']);
    }
  });
});

describe('A list in Postgres', () => {
  let database: FreshDatabase;
  let client: Client;
  beforeAll(async () => {
    database = await freshDatabase();
    client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query(
      'create table release (id text collate "C" primary key, updated_at timestamptz not null, state text, version text, urgent boolean, gates integer)',
    );
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const read = async (query: Record<string, string>) => {
    const asked = releases.parse(query);
    const { where, orderBy, limit, values } = releases.sql(asked, 2);
    const { rows } = await client.query<{ id: string; updated_at: Date }>(
      `select * from release where id <> $1 and ${where} order by ${orderBy} limit ${limit}`,
      ['', ...values],
    );
    return releases.page(asked, rows, (row) => row.id);
  };

  it('comes in pages that together hold every row once, in order, whatever the size of a page and however equal the rows', async () => {
    const row = fc.record({ at: fc.integer({ min: 0, max: 3 }), state: fc.constantFrom('open', 'released') });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 25 }), fc.integer({ min: 1, max: 9 }), fc.boolean(), async (rows, limit, filtered) => {
        await client.query('delete from release');
        const ids = rows.map((_, i) => `r${(i * 7) % 26}`);
        await client.query(`insert into release (id, updated_at, state) select * from unnest($1::text[], $2::timestamptz[], $3::text[])`, [
          ids,
          rows.map(({ at }) => new Date(Date.UTC(2026, 2, 2) + at)),
          rows.map(({ state }) => state),
        ]);
        const expected = rows
          .map((r, i) => ({ ...r, id: ids[i] ?? '' }))
          .filter((r) => !filtered || r.state === 'open')
          .sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await read({
            limit: String(limit),
            ...(filtered ? { state: 'open' } : {}),
            ...(cursor === undefined ? {} : { cursor }),
          });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items);
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        expect(seen).toEqual(expected.map((r) => r.id));
      }),
      { numRuns: 60 },
    );
  });

  it('neither repeats nor skips a row where others come and go between pages', async () => {
    await client.query('delete from release');
    await client.query(
      `insert into release (id, updated_at) select 'r' || n, timestamptz '2026-03-02' - n * interval '1 s' from generate_series(1, 4) n`,
    );
    const first = await read({ limit: '2' });
    await client.query(`insert into release (id, updated_at) values ('r0', '2026-03-02')`);
    await client.query(`delete from release where id = 'r1'`);
    const second = await read({ limit: '2', cursor: first.nextCursor ?? '' });
    expect([first.items, second.items, second.nextCursor]).toEqual([['r1', 'r2'], ['r3', 'r4'], undefined]);
  });
});
