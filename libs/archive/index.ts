export * from './archive.ts';
export * from './folder-archive.ts';
export * from './s3/s3-archive.ts';
export type { Credentials } from './s3/signature.ts';
export * from './manifests.ts';
export * from './open-archive.ts';
export * from './read-archive.ts';
export * from './write-segment.ts';
export * from './record-store.ts';
