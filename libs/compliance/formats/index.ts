export { OSCAL_VERSION } from './oscal.ts';
export * from './render.ts';
export { TABLE_NAMES, TABLES, type TableName } from './tables.ts';
