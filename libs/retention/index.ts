export * from './legal-holds.ts';
