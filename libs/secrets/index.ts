export * from './find.ts';
export * from './patterns.ts';
