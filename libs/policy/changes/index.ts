export * from './board.ts';
export * from './change.ts';
export * from './change-model.ts';
export * from './classify.ts';
export * from './conflicts.ts';
export * from './dossier.ts';
export * from './judge.ts';
export * from './read.ts';
