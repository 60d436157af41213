export { SUPPORTED_PLATFORMS } from './binaries.ts';
export * from './embedded-postgres.ts';
