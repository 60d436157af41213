export * from './columns.ts';
export * from './compare-with-rebuild.ts';
export * from './fold-view.ts';
export * from './rebuild-view.ts';
export { type ViewHostOptions, VIEW_BATCH } from './view-host.ts';
export * from './run-view.ts';
export * from './view-rows.ts';
export * from './view.ts';
