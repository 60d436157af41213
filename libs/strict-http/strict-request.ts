import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Says whether a request may go there. Decided on the parsed URL, before anything is resolved or sent. */
export type AllowUrl = (url: URL) => boolean;

export interface StrictRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds for the whole exchange: connect, send and read to the end. */
  readonly timeoutMs: number;
  /** Bytes of the answer's body that are kept; the rest is not read. */
  readonly maxBytes: number;
  readonly allow: AllowUrl;
  readonly signal?: AbortSignal;
}

export interface StrictResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body was longer than `maxBytes`. */
  readonly truncated: boolean;
}

/** Why there is no answer. `refused-url`, `connection-refused`: nothing reached anybody. `timeout`, `network`, `aborted`: it may have. */
export type StrictFailure = 'refused-url' | 'connection-refused' | 'timeout' | 'aborted' | 'network';

export class StrictRequestError extends Error {
  override readonly name = 'StrictRequestError';
  constructor(
    readonly failure: StrictFailure,
    message: string,
  ) {
    super(message);
  }
}

/** Allows hosts that can only be this machine: 127.0.0.1, ::1. Not the name `localhost`, which a resolver could answer otherwise. */
export function loopbackOnly(url: URL): boolean {
  return url.hostname === '127.0.0.1' || url.hostname === '[::1]';
}

/** Allows https anywhere, and plain http on loopback. */
export function httpsOrLoopback(url: URL): boolean {
  return url.protocol === 'https:' || loopbackOnly(url);
}

/**
 * One HTTP exchange without surprises: http(s) only, no credentials in the URL, never follows a redirect (3xx is an answer like any
 * other), no proxy of the environment, one connection of its own, one deadline for the whole, a cap on the body.
 * @throws StrictRequestError where no complete answer came.
 */
export async function strictRequest(url: URL, options: StrictRequest): Promise<StrictResponse> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refusedUrl(url, 'only http and https are spoken');
  if (url.username !== '' || url.password !== '') throw refusedUrl(url, 'a URL may not carry credentials');
  if (!options.allow(url)) throw refusedUrl(url, 'the configuration does not allow this address');
  if (options.signal?.aborted) throw new StrictRequestError('aborted', 'The request was given up before it was sent.');

  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  try {
    return await exchange(url, options, signal);
  } catch (error) {
    throw failureOf(error, options, deadline);
  }
}

function exchange(url: URL, options: StrictRequest, signal: AbortSignal): Promise<StrictResponse> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const body = options.body === undefined ? undefined : Buffer.from(options.body, 'utf8');
    const headers = { ...options.headers, ...(body ? { 'content-length': String(body.length) } : {}) };
    const request = send(url, { method: options.method, headers, agent: false, signal }, (response) => {
      readCapped(response, options.maxBytes).then(resolve, reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function readCapped(response: IncomingMessage, maxBytes: number): Promise<StrictResponse> {
  const chunks: Buffer[] = [];
  let length = 0;
  let truncated = false;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, maxBytes - length));
    length += chunk.length;
    if (length > maxBytes) {
      truncated = true;
      break; // leaving the loop destroys the stream: the rest is never read
    }
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), truncated };
}

function refusedUrl(url: URL, why: string): StrictRequestError {
  return new StrictRequestError('refused-url', `${url.protocol}//${url.host} is not asked: ${why}.`);
}

function failureOf(error: unknown, options: StrictRequest, deadline: AbortSignal): StrictRequestError {
  if (options.signal?.aborted) return new StrictRequestError('aborted', 'The request was given up while it was under way.');
  if (deadline.aborted) return new StrictRequestError('timeout', `No complete answer within ${options.timeoutMs} ms.`);
  const code = (error as NodeJS.ErrnoException).code ?? 'no code';
  if (code === 'ECONNREFUSED') return new StrictRequestError('connection-refused', 'Nobody listens there (ECONNREFUSED).');
  return new StrictRequestError('network', `The connection failed (${code}).`);
}
