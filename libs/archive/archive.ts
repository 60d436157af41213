/**
 * A store in which nothing is changed and nothing goes away: what is put under a name is there for good. Two adapters, a folder and S3 with
 * object lock, pass one contract suite, `testing/archive-contract.ts`. There is no way to remove anything: Plimsoll needs none, and what it
 * can't do, nobody can make it do.
 */
export interface Archive {
  readonly kind: 'folder' | 's3';
  /** Where it is, for a person; no secrets. */
  readonly location: string;

  /**
   * Puts bytes under a name, on the disk (or acknowledged by the store) when this resolves. The same bytes again are no change.
   *
   * @param name see `archiveName`
   * @param options.retainUntil ISO 8601; the store itself keeps it until then where it can (object lock)
   * @returns `stored`: false where it was there already
   * @throws ArchiveConflict other bytes are there under this name; nothing was written
   * @throws ArchiveNameInvalid
   * @throws ArchiveTooLarge over `MAX_OBJECT_BYTES`
   */
  put(name: string, bytes: Uint8Array, options: { readonly retainUntil: string }): Promise<{ readonly stored: boolean }>;

  /** The bytes as they lie there, unchecked: whoever reads compares them with a digest. Undefined where there is nothing. */
  get(name: string): Promise<Buffer | undefined>;

  /** Names under a prefix with their sizes, in no order. */
  list(prefix: string): AsyncIterable<{ readonly name: string; readonly bytes: number }>;
}

/** Most bytes of one object: a segment of the log with its largest event. */
export const MAX_OBJECT_BYTES = 256 * 1024 * 1024;

/** Under this name there is something else. Write-once means: it stays. */
export class ArchiveConflict extends Error {
  override readonly name = 'ArchiveConflict';
  constructor(readonly object: string) {
    super(`The archive holds something else under ${object}: what was archived is never overwritten.`);
  }
}

export class ArchiveNameInvalid extends Error {
  override readonly name = 'ArchiveNameInvalid';
  constructor(object: string) {
    super(
      `${JSON.stringify(object.slice(0, 200))} is no name of an archived object: parts of a-z, A-Z, 0-9, . _ and -, divided by slashes.`,
    );
  }
}

export class ArchiveTooLarge extends Error {
  override readonly name = 'ArchiveTooLarge';
  constructor(object: string, bytes: number) {
    super(`${object} has ${bytes} bytes; an archived object has at most ${MAX_OBJECT_BYTES}.`);
  }
}

/** The store is not what a write-once archive must be: a link in the way, a lock that is missing. A person has to look. */
export class ArchiveDamaged extends Error {
  override readonly name = 'ArchiveDamaged';
}

/** Parts begin with a letter or digit, so that none is hidden, `.` or `..`; the whole is at most 200 characters. */
const NAME = /^(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;

/** The name, checked. @throws ArchiveNameInvalid */
export function archiveName(name: string): string {
  if (!NAME.test(name)) throw new ArchiveNameInvalid(name);
  return name;
}

/** @throws ArchiveTooLarge */
export function checkSize(name: string, { length }: Uint8Array): void {
  if (length > MAX_OBJECT_BYTES) throw new ArchiveTooLarge(name, length);
}
