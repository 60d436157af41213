export * from './policy-set.ts';
