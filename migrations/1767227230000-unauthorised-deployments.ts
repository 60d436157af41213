import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The view of what was deployed around Plimsoll. */
export class UnauthorisedDeployments1767227230000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table unauthorised_deployment (
        observation_id      text collate "C" primary key,
        environment         text not null,
        service             text not null,
        artifact            text not null,
        change              text not null,
        reason              text not null,
        detail              text not null,
        evidence            jsonb not null,
        reported_by         text not null,
        claimed_occurred_at text not null,
        skew_seconds        bigint not null,
        observed_at         timestamptz not null,
        position            bigint not null
      )
    `);
    await runner.query('create index unauthorised_deployment_position on unauthorised_deployment (position)');
    await runner.query('create index unauthorised_deployment_environment_position on unauthorised_deployment (environment, position)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
