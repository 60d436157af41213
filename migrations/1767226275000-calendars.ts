import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The view of freezes and allowed windows. */
export class Calendars1767226275000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table calendar_board (
        -- A byte order, as cursors compare it.
        calendar_id    text collate "C" primary key,
        title          text not null,
        kind           text not null,
        status         text not null,
        version        integer not null,
        zone           text not null,
        versions       jsonb not null,
        justification  text not null,
        changed_by     text not null,
        effective_from timestamptz not null,
        updated_at     timestamptz not null
      )
    `);
    await runner.query('create index calendar_board_kind on calendar_board (kind, calendar_id)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
