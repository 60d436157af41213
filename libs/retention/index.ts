export * from './legal-holds.ts';
export * from './rules.ts';
export * from './records.ts';
