export * from './postgres-message-bus.ts';
