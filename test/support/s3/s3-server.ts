import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a bucket with object lock does of S3, as far as an archive meets it; with hooks for faults and for what an attacker with keys would do. */
export interface S3Server {
  readonly url: string;
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly region: string;
  /** Requests as they came: `PUT key`. */
  readonly requests: string[];
  /** The next so many requests that match get this status instead; with `after`, once they were carried out. */
  fail(times: number, status: number, options?: { readonly method?: string; readonly after?: boolean }): void;
  /** Takes headers of object lock and forgets them, as a store without object lock may. */
  forgetLocks(): void;
  /** Puts a newer version over an object, as whoever has other keys to the bucket may. */
  overwrite(key: string, bytes: Uint8Array): void;
  /** @returns the status that S3 gives to who removes the archived version */
  removeVersion(key: string): number;
  close(): Promise<void>;
}

interface Version {
  readonly bytes: Buffer;
  readonly mode?: string;
  readonly until?: string;
}

const PAGE = 3; // so that lists come in pages

export async function startS3Server(): Promise<S3Server> {
  const bucket = 'plimsoll-archive';
  const region = 'eu-central-2';
  const credentials = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' };
  /** Versions of each key, oldest first: object lock needs a bucket with versions. */
  const objects = new Map<string, Version[]>();
  const requests: string[] = [];
  let failing: { times: number; status: number; method?: string; after: boolean } | undefined;
  let locks = true;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '', 'http://127.0.0.1');
    const key = decodeURIComponent(url.pathname).slice(`/${bucket}/`.length);
    const method = request.method ?? '';
    requests.push(`${method} ${key}`);
    const answer = (status: number, text = '', headers: Record<string, string> = {}): void => {
      response.writeHead(status, headers).end(method === 'HEAD' ? undefined : text);
    };
    const error = (status: number, code: string): void => answer(status, `<Error><Code>${code}</Code></Error>`);

    const fails = failing && (failing.method === undefined || failing.method === method) ? failing : undefined;
    if (fails && --fails.times <= 0) failing = undefined;
    if (fails && !fails.after) return error(fails.status, 'SlowDown');
    if (!isSigned(request, body, { ...credentials, region })) return error(403, 'SignatureDoesNotMatch');
    if (!url.pathname.startsWith(`/${bucket}/`)) return error(404, 'NoSuchBucket');
    const header = (name: string): string | undefined => request.headers[name] as string | undefined;

    if (method === 'PUT') {
      const present = objects.get(key);
      if (header('if-none-match') === '*' && present) return error(412, 'PreconditionFailed');
      const checksum = header('x-amz-checksum-sha256');
      const [mode, until] = [header('x-amz-object-lock-mode'), header('x-amz-object-lock-retain-until-date')];
      if ((mode === undefined) !== (until === undefined)) return error(400, 'InvalidArgument');
      if (mode && checksum === undefined && header('content-md5') === undefined) return error(400, 'InvalidRequest');
      if (until && !(Date.parse(until) > Date.now())) return error(400, 'InvalidArgument');
      if (checksum !== undefined && checksum !== createHash('sha256').update(body).digest('base64')) return error(400, 'BadDigest');
      objects.set(key, [...(present ?? []), { bytes: body, ...(locks && mode && until ? { mode, until } : {}) }]);
      if (fails) return error(fails.status, 'InternalError');
      return answer(200);
    }
    if (method === 'GET' && key === '') {
      const prefix = url.searchParams.get('prefix') ?? '';
      const after = url.searchParams.get('continuation-token') ?? '';
      const keys = [...objects.keys()].filter((k) => k.startsWith(prefix) && k > after).sort();
      const page = keys.slice(0, PAGE);
      const contents = page.map((k) => `<Contents><Key>${k}</Key><Size>${objects.get(k)!.at(-1)!.bytes.length}</Size></Contents>`).join('');
      const next = keys.length > PAGE ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
      return answer(200, `<ListBucketResult><IsTruncated>${keys.length > PAGE}</IsTruncated>${next}${contents}</ListBucketResult>`);
    }
    if (method === 'GET' || method === 'HEAD') {
      const version = objects.get(key)?.at(-1);
      if (!version) return error(404, 'NoSuchKey');
      const lock: Record<string, string> =
        version.mode && version.until
          ? { 'x-amz-object-lock-mode': version.mode, 'x-amz-object-lock-retain-until-date': version.until }
          : {};
      response.writeHead(200, { 'content-length': version.bytes.length, ...lock }).end(method === 'HEAD' ? undefined : version.bytes);
      return;
    }
    error(405, 'MethodNotAllowed');
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket,
    credentials,
    region,
    requests,
    fail: (times, status, { method, after = false } = {}) => {
      failing = { times, status, after, ...(method === undefined ? {} : { method }) };
    },
    forgetLocks: () => {
      locks = false;
    },
    overwrite: (key, bytes) => {
      objects.set(key, [...(objects.get(key) ?? []), { bytes: Buffer.from(bytes) }]);
    },
    removeVersion: (key) => {
      const [first] = objects.get(key) ?? [];
      if (first?.until && Date.parse(first.until) > Date.now()) return 403;
      objects.delete(key);
      return 204;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Checks Signature Version 4 from the request as it came in, written apart from the client's signing. */
function isSigned(
  request: IncomingMessage,
  body: Buffer,
  { accessKeyId, secretAccessKey, region }: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly region: string },
): boolean {
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request,SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (!parts) return false;
  const [, keyId, day, given, list, signature] = parts as unknown as [string, string, string, string, string, string];
  const names = list.split(';');
  if (keyId !== accessKeyId || given !== region || !['host', 'x-amz-date', 'x-amz-content-sha256'].every((n) => names.includes(n)))
    return false;
  const hash = createHash('sha256').update(body).digest('hex');
  const time = String(request.headers['x-amz-date']);
  const sent = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (request.headers['x-amz-content-sha256'] !== hash || !(Math.abs(Date.now() - sent) < 900_000)) return false;
  // Every header that S3 acts upon has to be signed.
  if (Object.keys(request.headers).some((n) => n.startsWith('x-amz-') && !names.includes(n))) return false;
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const canonical = `${request.method}\n${path}\n${query.split('&').sort().join('&')}\n${names
    .map((n) => `${n}:${String(request.headers[n] ?? '')}\n`)
    .join('')}\n${list}\n${hash}`;
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/s3/aws4_request\n${createHash('sha256').update(canonical).digest('hex')}`;
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of [day, region, 's3', 'aws4_request', toSign]) key = createHmac('sha256', key).update(part).digest();
  return timingSafeEqual(key, Buffer.from(signature, 'hex'));
}
