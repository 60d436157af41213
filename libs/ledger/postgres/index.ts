export * from './stored-tree.ts';
