import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The tables of the read models. Everything in them is folded from the event log and can be folded again: a view whose rows change
 * raises its version and is rebuilt, so that nothing here needs to be altered by hand.
 */
export class Views1767226000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table release_board (
        release_id       text primary key,
        product          text not null,
        version          text,
        artifacts        jsonb not null,
        authors          jsonb not null,
        environments     jsonb not null,
        tests            jsonb not null,
        denials          integer not null,
        incidents        integer not null,
        created_at       timestamptz not null,
        updated_at       timestamptz not null,
        updated_position bigint not null
      );
      create index on release_board (created_at, release_id);
      create index on release_board (product, created_at);
      create index on release_board (updated_position);

      create table deployment_timeline (
        deployment_id    text primary key,
        release_id       text not null,
        environment      text not null,
        status           text not null,
        open             boolean not null,
        round            integer not null,
        deployer         text not null,
        rollback_of      jsonb,
        rolled_back_by   text,
        steps            jsonb not null,
        entries          jsonb not null,
        smoke            jsonb,
        started_at       timestamptz not null,
        ended_at         timestamptz,
        updated_position bigint not null
      );
      create index on deployment_timeline (started_at, deployment_id);
      create index on deployment_timeline (environment, started_at);
      create index on deployment_timeline (release_id, started_at);
      create index on deployment_timeline (deployment_id) where open;
      create index on deployment_timeline (updated_position);

      create table audit_report (
        release_id text primary key,
        product    text not null,
        version    text,
        verdict    text not null,
        verdicts   jsonb not null,
        entries    integer not null,
        report     jsonb not null,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        position   bigint not null
      );
      create index on audit_report (created_at, release_id);
      create index on audit_report (product, created_at);

      create table denial (
        command_id text primary key,
        command    text not null,
        stream     text not null,
        about      jsonb not null,
        refusal    text not null,
        kind       text not null,
        detail     text not null,
        reasons    jsonb not null,
        person     text not null,
        principal  text not null,
        at         timestamptz not null,
        position   bigint not null
      );
      create index on denial (position);
      create index on denial (person, position);
      create index on denial (command, position);
      create index on denial (refusal, position);

      create table approval_board (
        approval_id    text primary key,
        release_id     text not null,
        environment    text not null,
        round          integer not null,
        tuple          jsonb not null,
        tuple_hash     text not null,
        quorum         integer not null,
        requester      text not null,
        votes          jsonb not null,
        outcome        text not null,
        voided_because text,
        requested_at   timestamptz not null,
        expires_at     timestamptz not null
      );
      create index on approval_board (requested_at, approval_id);
      create index on approval_board (outcome, requested_at);
      create index on approval_board (environment, requested_at);
      create index on approval_board (release_id, requested_at);

      create table environment_map (
        environment text primary key,
        class       text,
        policy_id   text,
        held_by     text,
        deployed    jsonb,
        previous    jsonb,
        observed    jsonb not null,
        updated_at  timestamptz not null
      );

      create table metric_timeline (
        series      text primary key,
        environment text not null,
        service     text not null,
        points      jsonb not null,
        marks       jsonb not null,
        updated_at  timestamptz not null
      );

      create table incident_list (
        incident_id   text primary key,
        deployment_id text not null,
        release_id    text not null,
        environment   text not null,
        title         text not null,
        severity      text not null,
        cause         text not null,
        status        text not null,
        resolution    text,
        deliveries    jsonb not null,
        opened_at     timestamptz not null,
        resolved_at   timestamptz
      );
      create index on incident_list (opened_at, incident_id);
      create index on incident_list (environment, opened_at);
      create index on incident_list (status, opened_at);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
