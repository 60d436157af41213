import { Client } from 'pg';
import { startEmbeddedPostgres } from '#libs/embedded-postgres';
import { migrate } from '../../migrations/migrate.ts';

export interface BenchDatabase {
  readonly url: string;
  /** Of the server's first process. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** The embedded Postgres with all migrations, as durable as it is for users. @throws Error it does not flush what it commits */
export async function startDatabase(dataDir: string): Promise<BenchDatabase> {
  const server = await startEmbeddedPostgres({ dataDir });
  try {
    await migrate(server.url);
    await mustBeDurable(server.url);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: server.url, pid: server.pid, stop: () => server.stop() };
}

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Figures of a server that loses what it acknowledged would be of no interest. */
export async function mustBeDurable(url: string): Promise<void> {
  const settings = await withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string; setting: string }>(
      `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')`,
    );
    return rows;
  });
  const off = settings.filter(({ setting }) => setting !== 'on').map(({ name }) => name);
  if (off.length > 0) throw new Error(`Not durable: ${off.join(', ')} must be on.`);
}
