export * from './master-key.ts';
export * from './postgres-subject-keys.ts';
export * from './sealed-text.ts';
export * from './subject-keys.ts';
export * from './text-keeper.ts';
