import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Dead letters of ingestion, and what comes in by type. */
export class IngestionViews1767226100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ingestion_dead_letters (
        rejection_id     text primary key,
        code             text not null,
        reason           text not null,
        bytes            integer not null,
        content_type     text not null,
        channel          text not null,
        received_from    text not null,
        at               timestamptz not null,
        status           text not null,
        redriven_outcome text,
        redriven_detail  text,
        redriven_at      timestamptz
      )
    `);
    await runner.query('create index ingestion_dead_letters_at on ingestion_dead_letters (at desc, rejection_id desc)');
    await runner.query(`
      create table ingestion_event_types (
        -- A byte order, as cursors compare it.
        event_type   text collate "C" primary key,
        received     integer not null,
        understood   integer not null,
        kept         integer not null,
        applied      integer not null,
        refused      integer not null,
        kept_because text,
        last_at      timestamptz not null
      )
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
