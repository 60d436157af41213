export * from './event-log-contract.ts';
export * from './scenario.ts';
