export * from './legal-holds.ts';
export * from './rules.ts';
