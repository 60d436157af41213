import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What there is to decide by and to decide with: policies, groups, persons, boards and change models. */
export class GovernanceLists1767227410000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table policy_list (
        policy_id text primary key,
        title text not null,
        version integer not null,
        gates jsonb not null,
        clauses integer not null,
        effective_from timestamptz not null,
        published_by text not null,
        published_at timestamptz not null,
        versions jsonb not null
      )
    `);
    await runner.query(`
      create table group_list (
        group_id text primary key,
        title text not null,
        members jsonb not null,
        requested jsonb not null,
        defined_at timestamptz not null,
        updated_at timestamptz not null
      )
    `);
    await runner.query(`
      create table person_list (
        person text primary key,
        status text not null,
        accounts jsonb not null,
        registered_by text not null,
        registered_at timestamptz not null,
        left_at timestamptz,
        erased_at timestamptz
      )
    `);
    await runner.query(`
      create table board_list (
        board_id text primary key,
        title text not null,
        version integer not null,
        group_id text not null,
        quorum integer not null,
        chair text not null,
        zone text not null,
        cutoff_hours integer not null,
        itsm boolean not null,
        defined_by text not null,
        defined_at timestamptz not null
      )
    `);
    await runner.query(`
      create table change_model_list (
        model_id text primary key,
        title text not null,
        version integer not null,
        status text not null,
        approved_version integer,
        board_id text not null,
        proposer text not null,
        valid_from timestamptz not null,
        valid_until timestamptz not null,
        used integer not null,
        failed integer not null,
        reason text,
        updated_at timestamptz not null
      )
    `);
    await runner.query('create index on policy_list (published_by, policy_id)');
    await runner.query('create index on person_list (status, person)');
    await runner.query('create index on change_model_list (status, model_id)');
    await runner.query('create index on change_model_list (board_id, model_id)');
    await runner.query('create index on approval_board (expires_at, approval_id)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
