export * from './handler.ts';
export { bootName } from './lease.ts';
export * from './registry.ts';
export * from './run-subscription.ts';
export * from './status.ts';
export * from './transient.ts';
