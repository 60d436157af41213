import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Checkpoints and leases of catch-up subscriptions, the versions of read models, and the timers of processes. */
export class Subscriptions1767225800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table subscription (
        name             text primary key,
        -- Position of the last event handled; -1 before the first.
        position         bigint not null,
        -- retired: a later version of its view has taken over; it never runs again.
        state            text not null default 'idle' check (state in ('idle', 'running', 'failed', 'retired')),
        holder           text,
        -- Rises with every change of holder: a holder whose token is no longer here may not write.
        token            bigint not null default 0,
        lease_until      timestamptz,
        failure          jsonb,
        events_handled   bigint not null default 0,
        last_recorded_at timestamptz,
        updated_at       timestamptz not null default now()
      )
    `);
    await runner.query(`
      create table read_model (
        name       text primary key,
        -- Version of the declaration that its table holds now.
        version    integer not null,
        rebuilt_at timestamptz not null default now()
      )
    `);
    await runner.query(`
      create table timer (
        process  text not null,
        instance text not null,
        timer_id text not null,
        due_at   timestamptz not null,
        data     jsonb,
        -- When it was due and could not ring; it goes behind the others then.
        tried_at timestamptz,
        primary key (process, instance, timer_id)
      )
    `);
    await runner.query('create index timer_due_at on timer (due_at)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
