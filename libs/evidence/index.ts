export * from './junit.ts';
export * from './smoke.ts';
