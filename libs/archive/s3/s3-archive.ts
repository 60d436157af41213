import { createHash } from 'node:crypto';
import { archiveName, ArchiveConflict, ArchiveDamaged, checkSize, MAX_OBJECT_BYTES, type Archive } from '../archive.ts';
import { signed, type Credentials } from './signature.ts';

export interface S3ArchiveOptions {
  readonly bucket: string;
  /** Before every name, with its slash at the end; none unless told. */
  readonly prefix?: string;
  readonly region: string;
  /** `https://…` of an S3-compatible store, asked by paths (`/bucket/key`); AWS itself unless told, asked by host. */
  readonly endpoint?: string;
  readonly credentials: Credentials;
  /** `COMPLIANCE` (nobody shortens it, not even the account's root) unless told; `GOVERNANCE` lets persons with a permission. */
  readonly lock?: 'COMPLIANCE' | 'GOVERNANCE';
  /** Of one request, milliseconds; a minute unless told. */
  readonly timeoutMs?: number;
  readonly now?: () => Date;
}

/** Most bytes of an answer that is no object: lists of a thousand names, errors. */
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;
const MOST_TRIES = 4;
const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** The store has answered something that is neither yes nor no. */
export class S3Failure extends Error {
  override readonly name = 'S3Failure';
  constructor(
    method: string,
    object: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(`The archive's store answered ${method} ${object} with ${status}${code ? ` ${code}` : ''}.`);
  }
}

/**
 * An archive in a bucket with object lock. An object is created only where there is none (`If-None-Match: *`), with its SHA-256 for the store to
 * check and a lock until it may go. In a bucket with versions a key can get further versions, or a delete marker, by others: the lock keeps the
 * version that was archived, and reading it back by its digest shows what was put over it.
 */
export class S3Archive implements Archive {
  readonly kind = 's3';
  readonly location: string;
  private readonly base: URL;

  constructor(private readonly options: S3ArchiveOptions) {
    const { bucket, region, endpoint, prefix = '' } = options;
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw new Error(`${JSON.stringify(bucket)} is no name of a bucket.`);
    if (prefix !== '') archiveName(prefix.replace(/\/$/, ''));
    this.base = new URL(endpoint ? `${endpoint.replace(/\/$/, '')}/${bucket}/` : `https://${bucket}.s3.${region}.amazonaws.com/`);
    this.location = `s3://${bucket}/${prefix}`;
  }

  async put(name: string, bytes: Uint8Array, { retainUntil }: { readonly retainUntil: string }): Promise<{ readonly stored: boolean }> {
    checkSize(archiveName(name), bytes);
    const digest = createHash('sha256').update(bytes).digest();
    const answer = await this.send('PUT', name, {
      body: bytes,
      bodySha256: digest.toString('hex'),
      headers: {
        'content-type': 'application/octet-stream',
        'if-none-match': '*',
        'x-amz-checksum-sha256': digest.toString('base64'),
        'x-amz-object-lock-mode': this.options.lock ?? 'COMPLIANCE',
        'x-amz-object-lock-retain-until-date': new Date(retainUntil).toISOString(),
      },
    });
    if (answer.ok) {
      await answer.body?.cancel();
      await this.mustBeLocked(name);
      return { stored: true };
    }
    const { status } = answer;
    if (status !== 412) throw await failure('PUT', name, answer);
    await answer.body?.cancel();
    // Also where an answer was lost, and this is the second try.
    const present = await this.get(name);
    if (!present?.equals(bytes)) throw new ArchiveConflict(name);
    await this.mustBeLocked(name);
    return { stored: false };
  }

  async get(name: string): Promise<Buffer | undefined> {
    const answer = await this.send('GET', archiveName(name));
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    if (!answer.ok) throw await failure('GET', name, answer);
    return await bodyOf(answer, MAX_OBJECT_BYTES);
  }

  async *list(prefix: string): AsyncIterable<{ readonly name: string; readonly bytes: number }> {
    const { prefix: own = '' } = this.options;
    for (let token: string | undefined; ;) {
      const query = { 'list-type': '2', prefix: own + prefix, ...(token === undefined ? {} : { 'continuation-token': token }) };
      const answer = await this.send('GET', undefined, { query });
      if (!answer.ok) throw await failure('LIST', prefix, answer);
      const xml = (await bodyOf(answer, MOST_ANSWER_BYTES)).toString('utf8');
      for (const [, entry = ''] of xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
        const key = textIn(entry, 'Key') ?? '';
        if (key.startsWith(own)) yield { name: key.slice(own.length), bytes: Number(textIn(entry, 'Size')) };
      }
      token = textIn(xml, 'IsTruncated') === 'true' ? textIn(xml, 'NextContinuationToken') : undefined;
      if (token === undefined) return;
    }
  }

  /** A bucket that takes the headers and locks nothing is no archive. @throws ArchiveDamaged */
  private async mustBeLocked(name: string): Promise<void> {
    const answer = await this.send('HEAD', name);
    if (!answer.ok) throw await failure('HEAD', name, answer);
    const until = Date.parse(answer.headers.get('x-amz-object-lock-retain-until-date') ?? '');
    if (answer.headers.get('x-amz-object-lock-mode') && until > this.now().getTime()) return;
    throw new ArchiveDamaged(`The store keeps ${name} without a lock: the bucket needs object lock, and the key s3:GetObjectRetention.`);
  }

  private now(): Date {
    return this.options.now?.() ?? new Date();
  }

  /** Tries again where the store says that it is busy, or does not answer. */
  private async send(
    method: string,
    name: string | undefined,
    given: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly query?: Readonly<Record<string, string>>;
      readonly body?: Uint8Array;
      readonly bodySha256?: string;
    } = {},
  ): Promise<Response> {
    const { credentials, region, prefix = '', timeoutMs = 60_000 } = this.options;
    const url = new URL(this.base);
    if (name !== undefined) url.pathname += prefix + name;
    for (const [key, value] of Object.entries(given.query ?? {})) url.searchParams.set(key, value);
    for (let tries = 1; ; tries++) {
      const headers = signed(
        { method, url, headers: given.headers ?? {}, bodySha256: given.bodySha256 ?? EMPTY_SHA256 },
        credentials,
        region,
        this.now(),
      );
      try {
        const answer = await fetch(url, {
          method,
          headers,
          redirect: 'error',
          signal: AbortSignal.timeout(timeoutMs),
          ...(given.body ? { body: given.body as Uint8Array<ArrayBuffer> } : {}),
        });
        // 409: somebody else was putting the same at the same time.
        const again = answer.status >= 500 || answer.status === 429 || (answer.status === 409 && method === 'PUT');
        if (!again || tries >= MOST_TRIES) return answer;
        await answer.body?.cancel();
      } catch (error) {
        if (tries >= MOST_TRIES) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** tries));
    }
  }
}

async function failure(method: string, object: string, answer: Response): Promise<S3Failure> {
  const text = await bodyOf(answer, MOST_ANSWER_BYTES).catch(() => Buffer.alloc(0));
  return new S3Failure(method, object, answer.status, textIn(text.toString('utf8'), 'Code')?.slice(0, 100) ?? '');
}

async function bodyOf(answer: Response, mostBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > mostBytes) throw new ArchiveDamaged(`The archive's store answered with more than ${mostBytes} bytes.`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

/** The text of an element without children. Names in the archive need no entities; others are not ours. */
function textIn(xml: string, element: string): string | undefined {
  return new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1];
}
