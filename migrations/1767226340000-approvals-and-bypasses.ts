import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which groups an approval asks for, and the report of bypasses with their reviews. */
export class ApprovalsAndBypasses1767226340000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table approval_board add column quorum_groups jsonb');
    await runner.query(`
      create table bypass_report (
        bypass_id     text primary key,
        release_id    text not null,
        environment   text not null,
        product       text not null,
        team          text,
        gates         jsonb not null,
        justification text not null,
        requester     text not null,
        tuple         jsonb not null,
        tuple_hash    text not null,
        requested_at  timestamptz not null,
        expires_at    timestamptz not null,
        review_due_at timestamptz not null,
        uses          jsonb not null,
        status        text not null,
        overdue       boolean not null,
        outcome       text,
        reviewer      text,
        findings      text,
        reviewed_at   timestamptz
      )
    `);
    await runner.query('create index bypass_report_requested_at on bypass_report (requested_at desc, bypass_id desc)');
    await runner.query('create index bypass_report_status on bypass_report (status, requested_at desc)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
