import { Client } from 'pg';
import { migrate } from '../../migrations/migrate.ts';
import { migrations } from '../../migrations/index.ts';
import { createTemplate, dropDatabase, freshDatabase } from './database.ts';

async function query<R>(url: string, text: string): Promise<R[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as R[];
  } finally {
    await client.end();
  }
}

describe('the database of a spec', () => {
  it('is its own, however many are made at once', async () => {
    const databases = await Promise.all(Array.from({ length: 5 }, () => freshDatabase()));
    expect(new Set(databases.map((database) => database.url)).size).toBe(5);
    await query(databases[0]!.url, 'create table mine (n int)');
    await expect(query(databases[1]!.url, 'select * from mine')).rejects.toThrow(/does not exist/);
    await Promise.all(databases.map((database) => database.drop()));
    await expect(query(databases[0]!.url, 'select 1')).rejects.toThrow(/does not exist/);
  });

  it('has every migration applied, and no event', async () => {
    const database = await freshDatabase();
    expect(await query(database.url, 'select name from migrations order by timestamp')).toHaveLength(migrations.length);
    expect(await query(database.url, 'select * from event_log.events')).toEqual([]);
    await database.drop();
  });
});

describe('migrating', () => {
  it('is done once when several processes start at the same time, in the order of the timestamps', async () => {
    const applied: string[][] = [];
    const name = await createTemplate(process.env.PLIMSOLL_TEST_SERVER_URL!, async (url) => {
      applied.push(...(await Promise.all([migrate(url), migrate(url), migrate(url)])));
      applied.push(await migrate(url));
    });
    const names = migrations.map((migration) => migration.name);
    expect(applied.filter((list) => list.length > 0)).toEqual([names]);
    const timestamps = names.map((each) => Number(/\d{13}$/.exec(each)?.[0]));
    expect([...timestamps].sort((a, b) => a - b)).toEqual(timestamps);
    await dropDatabase(process.env.PLIMSOLL_TEST_SERVER_URL!, name);
  });
});
