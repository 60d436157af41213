import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Changes with their dossiers, votes and decisions, and the agendas that are read off them. */
export class Changes1767226555000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table change_board (
        change_id      text primary key,
        round          integer not null,
        release_id     text not null,
        environment    text not null,
        product        text not null,
        change_class   text not null,
        route          text not null,
        status         text not null,
        title          text not null,
        risk_level     text not null,
        requester      text not null,
        board_id       text,
        model_id       text,
        meeting_at     timestamptz,
        cutoff_at      timestamptz,
        window_from    timestamptz not null,
        window_until   timestamptz not null,
        submitted_at   timestamptz not null,
        dossier_hash   text not null,
        dossier        jsonb not null,
        reasons        jsonb not null,
        votes          jsonb not null,
        recused        jsonb not null,
        conditions     jsonb not null,
        vote_opened    boolean not null,
        decided_by     text,
        decided_at     timestamptz,
        note           text,
        review_due_at  timestamptz,
        review_overdue boolean not null,
        review_outcome text,
        reviewer       text,
        deployments    jsonb not null,
        updated_at     timestamptz not null
      )
    `);
    await runner.query('create index change_board_submitted_at on change_board (submitted_at desc, change_id desc)');
    await runner.query('create index change_board_meeting on change_board (board_id, meeting_at)');
    await runner.query('create index change_board_window on change_board (window_from, change_id)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
