import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the denials are about, to filter by: the view is made anew with it, and the older one answers meanwhile. */
export class Denials1767227400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table denial add column release_id text, add column environment text');
    await runner.query('create index on denial (release_id, position)');
    await runner.query('create index on denial (environment, position)');
    await runner.query('create index on denial (at, position)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
