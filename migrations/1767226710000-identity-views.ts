import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Roles that were granted, and violations of duties that were learned of later. */
export class IdentityViews1767226710000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table role_grant (
        grant_id     text primary key,
        person       text not null,
        role         text not null,
        scope_kind   text not null,
        scope_id     text not null,
        from_at      timestamptz,
        until_at     timestamptz,
        status       text not null,
        requested_by text not null,
        confirmed_by text,
        position     bigint not null
      );
      create index on role_grant (position);
      create index on role_grant (person, position);
      create index on role_grant (role, position);

      create table duty_violation (
        violation_id text collate "C" primary key,
        release_id   text not null,
        environment  text not null,
        rule         text not null,
        person       text not null,
        duties       jsonb not null,
        evidence     jsonb not null,
        learned_from text not null,
        found_at     timestamptz not null,
        position     bigint not null
      );
      create index on duty_violation (position);
      create index on duty_violation (person, position);
      create index on duty_violation (release_id, position);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
