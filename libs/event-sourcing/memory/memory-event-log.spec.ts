import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { eventLogContract } from '#libs/event-sourcing/testing';

describe('the event log in memory', () => {
  eventLogContract(async () => new MemoryEventLog());
});
