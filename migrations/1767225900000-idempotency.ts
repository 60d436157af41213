import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Requests in flight and the answers of finished ones, by command id. What is lost here, the event log still knows. */
export class Idempotency1767225900000 implements MigrationInterface {
  name = 'Idempotency1767225900000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table idempotency (
        key uuid primary key,
        request_hash bytea not null,
        state text not null check (state in ('in-flight', 'done')),
        attempt integer not null,
        boot integer not null,
        status smallint,
        headers text,
        body text,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        check (state = 'in-flight' or (status is not null and headers is not null and body is not null))
      ) with (fillfactor = 70)`);
    await queryRunner.query(`create index idempotency_expires_at on idempotency (expires_at)`);
  }

  down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
