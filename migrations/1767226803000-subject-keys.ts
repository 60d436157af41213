import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Keys of persons, wrapped; what their text in the event log is sealed with. Not a view: nothing here can be made again from the log, which is
 * the point. The keys of requests that were kept until now were plain hashes.
 */
export class SubjectKeys1767226803000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table subject_key (
        subject text primary key,
        key_id uuid not null unique,
        wrapped bytea not null,
        created_at timestamptz not null default now()
      );
      create table subject_key_erasure (
        event_id uuid primary key,
        subject text not null,
        key_id uuid,
        noted_at timestamptz not null default now(),
        destroyed_at timestamptz
      );
      create index on subject_key_erasure (subject);
      create table subject_key_master (singleton boolean primary key check (singleton), check_value text not null);
      truncate idempotency;
    `);
  }

  down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
