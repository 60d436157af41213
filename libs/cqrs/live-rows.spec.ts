import { Client } from 'pg';
import { ProblemError, type ServerSentEvent } from '#libs/http';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import { liveRows, type LiveRows } from './live-rows.ts';

describe('Rows of a view, live', () => {
  let database: FreshDatabase;
  let client: Client;
  const data = { query: async (sql: string, values?: unknown[]) => (await client.query(sql, values)).rows as unknown };
  const options: LiveRows = { table: 'board', key: 'board_id', event: 'board', everyMs: 5 };

  beforeAll(async () => {
    database = await freshDatabase();
    client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query('create table board (board_id text primary key, updated_position bigint not null)');
  });
  beforeEach(() => client.query('truncate board'));
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const put = (id: string, position: number) =>
    client.query('insert into board values ($1, $2) on conflict (board_id) do update set updated_position = excluded.updated_position', [
      id,
      position,
    ]);
  /** The first events of a stream; meanwhile, once it is asked for more than there is, something happens. */
  const take = async (count: number, given: Partial<LiveRows>, lastEventId?: string, happening?: () => Promise<unknown>) => {
    const over = new AbortController();
    const taken: ServerSentEvent[] = [];
    const source = liveRows(data, { ...options, ...given })(lastEventId, over.signal)[Symbol.asyncIterator]();
    while (taken.length < count) {
      const next = source.next();
      if (happening && taken.length === count - 1) await happening();
      taken.push((await next).value as ServerSentEvent);
    }
    over.abort();
    await source.next();
    return taken.map((event) => event.id);
  };

  it('come in the order of their changes, and each row again when it changes', async () => {
    await put('a', 10);
    await put('b', 20);
    expect(await take(3, { after: '5' }, undefined, () => put('a', 30))).toEqual(['10:a', '20:b', '30:a']);
  });

  it('that one event has changed together are all sent, also to a client that left between them', async () => {
    for (let n = 100; n < 350; n++) await put(`r${n}`, 7);
    const all = await take(250, { after: '-1' });
    expect(new Set(all).size).toBe(250);
    expect((await take(249, { after: '-1' }, '7:r100'))[0]).toBe('7:r101');
  });

  it('of one key are sent as they are and as they become, whatever happens to others', async () => {
    await put('a', 10);
    await put('b', 20);
    expect(await take(2, { only: 'a' }, undefined, () => put('a', 40))).toEqual(['10:a', '40:a']);
  });

  it('are refused from a place that is none', () => {
    const { signal } = new AbortController();
    for (const cursor of ['', 'x', '1.5', '-2', '1:', "1'; drop table board", '9'.repeat(19)]) {
      expect(() => liveRows(data, options)(cursor, signal)).toThrow(ProblemError);
    }
  });
});
