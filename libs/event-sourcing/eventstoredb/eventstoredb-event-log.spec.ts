import { eventLogContract } from '#libs/event-sourcing/testing';
import { EventStoreTestServer } from '../../../test/support/eventstore/index.ts';
import { EventStoreDbEventLog } from './index.ts';

let server: EventStoreTestServer;
beforeAll(async () => {
  server = await EventStoreTestServer.start();
});
afterAll(() => server.stop());

describe('the event log in EventStoreDB', () => {
  eventLogContract(async () => new EventStoreDbEventLog({ connectionString: server.connectionString }));
});
