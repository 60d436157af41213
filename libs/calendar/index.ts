export * from './decide.ts';
export * from './fiscal.ts';
export * from './local-time.ts';
export * from './recurrence.ts';
export * from './versions.ts';
export * from './windows.ts';
export * from './zone.ts';
