export * from './duties.ts';
export * from './gates.ts';
export * from './hash.ts';
export * from './sources.ts';
export * from './tuple.ts';
