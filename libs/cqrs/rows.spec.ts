import { defineList, textFilter } from '#libs/http';
import { RefusedError } from '#libs/event-sourcing';
import { camelKeys, foundRow, readRows } from './rows.ts';

interface Row {
  release_id: string;
  updated_position: bigint;
  latency_p95_ms: number | null;
  created_at: string;
  environments: object;
}
const row: Row = {
  release_id: 'r',
  updated_position: 9007199254740993n,
  latency_p95_ms: null,
  created_at: '2026-03-02T10:00:00.000Z',
  environments: { snake_case: 1 },
};

describe('A row of a view, as the API answers it', () => {
  it('has names in camelCase, positions as text and no nulls, and leaves what is inside of its values alone', () => {
    expect(camelKeys(row)).toEqual({
      releaseId: 'r',
      updatedPosition: '9007199254740993',
      createdAt: '2026-03-02T10:00:00.000Z',
      environments: { snake_case: 1 },
    });
    expect(camelKeys({ latency_p95_ms: 3 })).toEqual({ latencyP95Ms: 3 });
    expect(camelKeys({ created_at: new Date(0) })).toEqual({ createdAt: '1970-01-01T00:00:00.000Z' });
  });

  it('is refused as not found where there is none', () => {
    expect(foundRow(row, 'release', 'r').releaseId).toBe('r');
    expect(() => foundRow<Row>(null, 'audit report', 'r')).toThrow(RefusedError);
    expect(() => foundRow<Row>(null, 'audit report', 'r')).toThrow('There is no audit report r.');
  });

  it('comes in pages', async () => {
    const list = defineList({
      order: [{ column: 'release_id', type: 'text', direction: 'asc' }],
      filters: { product: textFilter('product') },
    });
    const asked: unknown[] = [];
    const data = {
      query: (...given: unknown[]) => {
        asked.push(given);
        return Promise.resolve([row, { ...row, release_id: 's' }]);
      },
    };
    const query = list.parse({ limit: '1', product: 'shop' });
    const rows = await readRows<Row>(data, 'release_board', list.sql(query));
    const page = list.page(query, rows, (found) => camelKeys<Row>(found));
    expect(asked).toEqual([['select * from release_board where "product" = $1::text order by "release_id" asc limit 2', ['shop']]]);
    expect(page.items.map((r) => r.releaseId)).toEqual(['r']);
    expect(page.nextCursor).toBeDefined();
  });
});
