export * from './kafka-message-bus.ts';
