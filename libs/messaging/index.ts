export * from './backoff.ts';
export * from './cloud-event.ts';
export * from './consumed.ts';
export * from './dead-letters.ts';
export * from './event-publisher.ts';
export * from './idempotent-consumer.ts';
export * from './message-bus.ts';
