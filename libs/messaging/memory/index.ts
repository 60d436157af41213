export * from './memory-message-bus.ts';
