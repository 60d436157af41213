import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The report of legal holds. */
export class LegalHolds1767226551000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table legal_hold_report (
        hold_id        text primary key,
        status         text not null,
        kind           text not null,
        about          text not null,
        reason         text not null,
        placed_by      text not null,
        placed_at      timestamptz not null,
        released_by    text,
        released_at    timestamptz,
        release_reason text
      )
    `);
    await runner.query('create index legal_hold_report_status on legal_hold_report (status, hold_id)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
