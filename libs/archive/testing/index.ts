export * from './archive-contract.ts';
