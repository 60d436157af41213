import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an environment is under, and what is proposed for it: the view is made anew with it, and the older one answers meanwhile. */
export class EnvironmentProposals1767227500000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table environment_map add column regimes jsonb not null default '[]', add column proposal jsonb`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
