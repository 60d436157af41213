export * from './aggregates.ts';
export * from './command-handlers.ts';
export * from './etag.ts';
export * from './live-rows.ts';
export * from './rows.ts';
export * from './tokens.ts';
