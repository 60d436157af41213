import { DataSource } from 'typeorm';
import { migrations } from './index.ts';

/** Any number that nobody else uses for an advisory lock. */
const LOCK = 7_014_601_513;

/**
 * Brings a database's schema up to date. Safe to run by several processes at once: one does it, the others wait and find it done.
 *
 * @param url `postgres://…`
 * @returns names of the migrations that were applied, oldest first; none where all was done
 */
export async function migrate(url: string): Promise<string[]> {
  const source = new DataSource({ type: 'postgres', url, migrations: [...migrations], migrationsTransactionMode: 'each', poolSize: 2 });
  await source.initialize();
  const guard = source.createQueryRunner();
  try {
    await guard.query('select pg_advisory_lock($1)', [LOCK]);
    try {
      return (await source.runMigrations()).map((migration) => migration.name);
    } finally {
      await guard.query('select pg_advisory_unlock($1)', [LOCK]);
    }
  } finally {
    await guard.release();
    await source.destroy();
  }
}
