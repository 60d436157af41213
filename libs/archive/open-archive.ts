import { resolve } from 'node:path';
import { FolderArchive } from './folder-archive.ts';
import { S3Archive, type S3ArchiveOptions } from './s3/s3-archive.ts';
import type { Archive } from './archive.ts';

/** Where an archive is. */
export type ArchiveLocation =
  { readonly kind: 'folder'; readonly folder: string } | ({ readonly kind: 's3' } & Omit<S3ArchiveOptions, 'now' | 'timeoutMs'>);

/**
 * Reads `s3://bucket/prefix` or a folder, and for S3 `PLIMSOLL_ARCHIVE_S3_REGION`, `…_ENDPOINT`, `…_ACCESS_KEY_ID`, `…_SECRET_ACCESS_KEY`,
 * `…_SESSION_TOKEN` and `…_LOCK`.
 *
 * @param get a variable's value, undefined where it is not set
 * @returns problems as sentences, without any value that may be secret
 */
export function archiveLocation(
  text: string,
  get: (name: string) => string | undefined,
): { readonly location: ArchiveLocation } | { readonly problems: readonly string[] } {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { location: { kind: 'folder', folder: resolve(text) } };
  const [, bucket, prefix = ''] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/((?:[A-Za-z0-9][A-Za-z0-9._-]*\/)*[A-Za-z0-9][A-Za-z0-9._-]*)?\/?)?$/.exec(text) ?? [];
  const problems: string[] = [];
  if (!bucket) problems.push('PLIMSOLL_ARCHIVE should be a folder, or s3://bucket or s3://bucket/prefix.');
  const needed = (name: string, what: string): string => {
    const value = get(name);
    if (!value) problems.push(`${name} should be ${what}: PLIMSOLL_ARCHIVE names a bucket.`);
    return value ?? '';
  };
  const region = needed('PLIMSOLL_ARCHIVE_S3_REGION', "the bucket's region, such as eu-central-2");
  const accessKeyId = needed('PLIMSOLL_ARCHIVE_S3_ACCESS_KEY_ID', 'the id of a key that may put and get objects and read their retention');
  const secretAccessKey = needed('PLIMSOLL_ARCHIVE_S3_SECRET_ACCESS_KEY', 'the secret of the key');
  const sessionToken = get('PLIMSOLL_ARCHIVE_S3_SESSION_TOKEN');
  const endpoint = get('PLIMSOLL_ARCHIVE_S3_ENDPOINT');
  if (endpoint !== undefined && !(URL.canParse(endpoint) && /^https?:/.test(endpoint)))
    problems.push('PLIMSOLL_ARCHIVE_S3_ENDPOINT should be a URL such as https://minio.example.com.');
  const lock = get('PLIMSOLL_ARCHIVE_S3_LOCK') ?? 'COMPLIANCE';
  if (lock !== 'COMPLIANCE' && lock !== 'GOVERNANCE') problems.push('PLIMSOLL_ARCHIVE_S3_LOCK should be COMPLIANCE or GOVERNANCE.');
  if (problems.length > 0) return { problems };
  return {
    location: {
      kind: 's3',
      bucket: bucket!,
      prefix: prefix === '' ? '' : `${prefix}/`,
      region,
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
      lock: lock as 'COMPLIANCE' | 'GOVERNANCE',
      ...(endpoint ? { endpoint } : {}),
    },
  };
}

export function openArchive(location: ArchiveLocation): Archive {
  return location.kind === 'folder' ? new FolderArchive(location.folder) : new S3Archive(location);
}
