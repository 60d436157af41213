export * from './events.ts';
export * from './process.ts';
export * from './run-process.ts';
export * from './run-timers.ts';
export * from './sender.ts';
