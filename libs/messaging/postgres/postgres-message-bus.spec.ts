import { Pool } from 'pg';
import { messageBusContract, startHangingConsumer } from '#libs/messaging/testing';
import { freshDatabase, type FreshDatabase } from '../../../test/support/database.ts';
import { PostgresMessageBus } from './postgres-message-bus.ts';

let database: FreshDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url, max: 30 });
  pool.on('error', () => undefined);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

describe('the message bus in Postgres', () => {
  messageBusContract({
    open: () => new PostgresMessageBus({ pool, leaseMs: 2_000 }),
    startHangingProcess: (topic, group) => startHangingConsumer('postgres', database.url, topic, group),
  });
});
