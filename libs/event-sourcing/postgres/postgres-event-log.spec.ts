import { eventLogContract } from '#libs/event-sourcing/testing';
import { freshDatabase, type FreshDatabase } from '../../../test/support/database.ts';
import { PostgresEventLog } from './postgres-event-log.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

describe('the event log on Postgres', () => {
  eventLogContract(async () => new PostgresEventLog({ url: database.url }));
});
