export * from './export-format.ts';
export * from './lines.ts';
export * from './read-export.ts';
export * from './write-export.ts';
