export * from './check.ts';
export * from './evaluate.ts';
export * from './facts.ts';
export * from './host.ts';
