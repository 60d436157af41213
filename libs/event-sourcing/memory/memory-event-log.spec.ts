import { NO_STREAM, type NewEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { eventLogContract } from '#libs/event-sourcing/testing';

describe('the event log in memory', () => {
  const log = new MemoryEventLog();
  eventLogContract(
    async () => log,
    async ({ stream, data = null, metadata = null, ...event }) => {
      await log.append(stream, NO_STREAM, [{ ...event, data, metadata } as unknown as NewEvent]);
    },
  );
});
