import { randomUUID } from 'node:crypto';
import { binaryEvent, EventStoreDBClient } from '@eventstore/db-client';
import { STRAY_EVENT } from '#libs/event-sourcing';
import { eventLogContract, take } from '#libs/event-sourcing/testing';
import { EventStoreTestServer } from '../../../test/support/eventstore/index.ts';
import { appendAround } from '../../../test/support/eventstore/append-around.ts';
import { EventStoreDbEventLog } from './index.ts';

let server: EventStoreTestServer;
beforeAll(async () => {
  server = await EventStoreTestServer.start();
});
afterAll(() => server.stop());

describe('the event log in EventStoreDB', () => {
  eventLogContract(
    async () => new EventStoreDbEventLog({ connectionString: server.connectionString }),
    (event) => appendAround(server.connectionString, event),
  );

  it('gives on as a stray event what is bytes and no JSON', async () => {
    const stranger = EventStoreDBClient.connectionString(server.connectionString);
    const log = new EventStoreDbEventLog({ connectionString: server.connectionString });
    try {
      const before = await log.head();
      const id = randomUUID();
      await stranger.appendToStream(
        'bytes-1',
        binaryEvent({ id, type: 'Bytes', data: Buffer.from([255, 0]), metadata: Buffer.from('half {') }),
      );
      const [event] = await take(log, before, 1);
      expect(event).toMatchObject({
        id,
        type: STRAY_EVENT,
        stray: { type: 'Bytes', data: { $base64: '/wA=' }, storedAt: expect.any(String) },
      });
      expect(event!.stray!.metadata).toEqual({ $base64: Buffer.from('half {').toString('base64') });
    } finally {
      await stranger.dispose();
      await log.close();
    }
  });
});
