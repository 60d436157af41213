import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Leaves of events that somebody appended around Plimsoll, in a form that it never writes: for a person to look into. */
export class LedgerStrays1767227310000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ledger_stray (
        -- Of the leaf.
        sequence bigint primary key,
        stream   text collate "C" not null,
        revision int not null,
        event_id uuid not null,
        -- As far as it is printable and short.
        type     text not null,
        why      text not null,
        found_at timestamptz not null
      )
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
