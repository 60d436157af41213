import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../libs/embedded-postgres/index.ts';
import { migrate } from '../../migrations/migrate.ts';
import { createTemplate } from './database.ts';

/** What the set-up hands to the tear-down, which runs in the same process. */
export interface TestServer {
  readonly postgres: EmbeddedPostgres;
  readonly folder: string;
}

/** One Postgres for the whole run: a given one, or an embedded one that lives as long as the run; the specs clone a migrated template. */
export default async function globalSetup(): Promise<void> {
  let url = process.env.PLIMSOLL_TEST_DATABASE_URL;
  if (!url) {
    const folder = mkdtempSync(join(tmpdir(), 'plimsoll-test-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    const postgres = await startEmbeddedPostgres({
      dataDir: join(folder, 'postgres'),
      // Nothing of this server outlives the run: durability would only cost time.
      settings: { fsync: 'off', full_page_writes: 'off', wal_level: 'minimal', max_wal_senders: 0, max_wal_size: '4GB', autovacuum: 'off' },
    });
    (globalThis as { plimsollTestServer?: TestServer }).plimsollTestServer = { postgres, folder };
    url = postgres.url;
  }
  process.env.PLIMSOLL_TEST_SERVER_URL = url;
  process.env.PLIMSOLL_TEST_TEMPLATE = await createTemplate(url, migrate);
}
