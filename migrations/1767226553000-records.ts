import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is kept whole beside the log, and how far it is archived (`src/archive`). */
export class Records1767226553000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table record_body (
        id     uuid primary key,
        sha256 text not null,
        body   bytea not null
      )
    `);
    // Compressed already, or small.
    await runner.query(`alter table record_body alter column body set storage external`);
    await runner.query(`
      create table archive_record (
        record_id       uuid primary key,
        kind            text not null,
        -- Of the event that tells of it, and when that was recorded.
        stream          text not null,
        revision        int not null,
        kept_at         timestamptz not null,
        sha256          text not null,
        bytes           int not null,
        release_id      text not null,
        environment     text,
        manifest        text,
        manifest_sha256 text,
        archived_at     timestamptz,
        verified_at     timestamptz,
        -- When its expiry is looked at again, and why it was refused the last time.
        look_at         timestamptz,
        refusal         text,
        removed_at      timestamptz,
        problem         text
      )
    `);
    await runner.query('create index archive_record_pending on archive_record (kept_at, record_id) where archived_at is null');
    await runner.query('create index archive_record_at_hand on archive_record (kept_at, record_id) where removed_at is null');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
