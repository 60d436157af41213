export * from './stored-source.ts';
