export { SUPPORTED_PLATFORMS } from './binaries.ts';
export { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.ts';
export * from './read-only.ts';
