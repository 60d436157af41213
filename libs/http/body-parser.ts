import { Transform, type Readable } from 'node:stream';
import type { INestApplication } from '@nestjs/common';
import { type FastifyAdapter, RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from './problem.ts';
import { headerOf } from './request.ts';
import { parseStrictJson } from './strict-json.ts';

/** The largest JSON body that is read unless told otherwise, in bytes. */
export const DEFAULT_LIMIT_BYTES = 1024 * 1024;

const JSON_TYPES = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json'];

interface BodyConfig {
  readonly keepRawBody?: boolean;
  readonly streamedBody?: { readonly limitBytes: number };
}

/** The route's body is kept as bytes, too, in `request.rawBody`: for hashes and signatures. */
export function KeepRawBody(): MethodDecorator {
  return RouteConfig({ keepRawBody: true } satisfies BodyConfig);
}

/**
 * The route takes any content type and reads it itself: `@Req() request` has the stream in `request.body`, which fails with a 413 problem once
 * it is longer than `limitBytes`. For reports, which are too large to hold.
 */
export function StreamedBody(limitBytes: number): MethodDecorator {
  return RouteConfig({ streamedBody: { limitBytes } } satisfies BodyConfig);
}

/**
 * Makes the strict JSON parser the only reader of bodies. Call it before `app.init()` or `app.listen()`.
 * A body over the limit is answered 413 before it is parsed, another content type 415, JSON that `parseStrictJson` refuses 400.
 *
 * @param options.limitBytes largest body, in bytes; `DEFAULT_LIMIT_BYTES` unless told
 */
export function registerStrictJson(app: INestApplication, options: { limitBytes?: number } = {}): void {
  const limitBytes = options.limitBytes ?? DEFAULT_LIMIT_BYTES;
  const adapter = app.getHttpAdapter() as unknown as FastifyAdapter;
  const fastify = adapter.getInstance();
  // Nest adds parsers of its own unless it knows of one for everything, so it is told of one before ours replaces it.
  adapter.useBodyParser('*', false);
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', async (request: FastifyRequest, payload: Readable) => await readBody(request, payload, limitBytes));
}

async function readBody(request: FastifyRequest, payload: Readable, limitBytes: number): Promise<unknown> {
  const config = request.routeOptions.config as BodyConfig;
  if (config.streamedBody) {
    checkLength(request, config.streamedBody.limitBytes);
    return capped(payload, config.streamedBody.limitBytes);
  }
  checkContentType(headerOf(request, 'content-type'));
  checkLength(request, limitBytes);
  const bytes = await readCapped(payload, limitBytes);
  if (config.keepRawBody) request.rawBody = bytes;
  return parseStrictJson(bytes);
}

function checkContentType(contentType = ''): void {
  const [type = '', ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.replace(/^charset="?|"$/g, '');
  if (JSON_TYPES.includes(type) && (charset === undefined || charset === 'utf-8' || charset === 'utf8')) return;
  throw new ProblemError(415, 'unsupported-media-type', `The body must be JSON in UTF-8: Content-Type ${JSON_TYPES.join(', ')}.`);
}

function checkLength(request: FastifyRequest, limitBytes: number): void {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
}

async function readCapped(payload: Readable, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Not ended by leaving the loop: destroying the socket would also take the answer away.
    for await (const chunk of payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limitBytes) throw tooLarge(limitBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof ProblemError ? error : incomplete(error);
  }
  return Buffer.concat(chunks, length);
}

/** The body as a stream that fails beyond the limit, or when the client leaves before its end. The connection stays open for the answer. */
function capped(payload: Readable, limitBytes: number): Readable {
  let length = 0;
  const body = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      length += chunk.length;
      done(length > limitBytes ? tooLarge(limitBytes) : null, chunk);
    },
  });
  // A route that never reads its body (401, 403) must not take the process down with it.
  body.on('error', () => payload.unpipe(body));
  payload.on('error', (error) => body.destroy(incomplete(error)));
  payload.on('close', () => {
    if (!payload.readableEnded) body.destroy(incomplete());
  });
  return payload.pipe(body);
}

function tooLarge(limitBytes: number): ProblemError {
  return new ProblemError(413, 'body-too-large', `The body must be at most ${limitBytes} bytes.`);
}

function incomplete(cause?: unknown): ProblemError {
  return new ProblemError(400, 'body-incomplete', 'The connection ended before the body did.', { cause });
}
