import { EventStoreDBClient, jsonEvent, NO_STREAM, type JSONEventType } from '@eventstore/db-client';
import type { Around } from '#libs/event-sourcing/testing';

/** For specs: writes to the server with its own client, as anybody may who has the password. */
export async function appendAround(connectionString: string, { stream, id, type, data, metadata }: Around): Promise<void> {
  const client = EventStoreDBClient.connectionString(connectionString);
  try {
    const event = { id, type, data: data ?? null, ...(metadata === undefined ? {} : { metadata }) };
    await client.appendToStream(stream, jsonEvent(event as unknown as JSONEventType & { id: string }), { expectedRevision: NO_STREAM });
  } finally {
    await client.dispose();
  }
}
