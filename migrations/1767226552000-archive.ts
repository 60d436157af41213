import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was archived of the log: planned before it is written, and proved by reading it back (`src/archive`). */
export class Archive1767226552000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table archive_segment (
        -- Sequences of the ledger, the first included and the end excluded: dense from 0.
        first           bigint primary key,
        "end"           bigint not null unique check ("end" > first),
        planned_at      timestamptz not null,
        retain_until    timestamptz not null,
        previous_sha256 text,
        -- The signed checkpoints that it comes with, as they were then: witnesses sign later, too.
        notes           text[] not null default '{}',
        -- Of the manifest, from when it was written.
        manifest        text,
        manifest_sha256 text,
        position        bigint,
        frontier        text[],
        bytes           bigint,
        written_at      timestamptz,
        -- When it was last read back and found whole; and what was found where it was not.
        verified_at     timestamptz,
        looked_at       timestamptz,
        findings        jsonb
      )
    `);
    await runner.query(`
      create table archive_views (
        manifest        text primary key,
        manifest_sha256 text not null,
        position        bigint not null,
        written_at      timestamptz not null
      )
    `);
    await runner.query(`
      create table archive_state (
        singleton  boolean primary key default true check (singleton),
        -- Where the archive is, and why it can't go on, if it can't.
        location   text not null,
        alarm      jsonb,
        updated_at timestamptz not null
      )
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
