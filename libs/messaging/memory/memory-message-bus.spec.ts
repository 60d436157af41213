import { messageBusContract } from '#libs/messaging/testing';
import { MemoryMessageBus } from './memory-message-bus.ts';

describe('the message bus in memory', () => {
  // One process's memory is all there is: several buses are several names for the same one.
  let shared: MemoryMessageBus | undefined;
  afterEach(() => {
    shared = undefined;
  });
  messageBusContract({ open: () => (shared ??= new MemoryMessageBus()) });
});
