import { hash } from 'node:crypto';
import { Inject, Injectable, Logger, Optional, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import canonicalize from 'canonicalize';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { lastValueFrom, of, type Observable } from 'rxjs';
import { replaceSecrets } from '#libs/secrets';
import type { IdempotencyStore, StoredAnswer } from './idempotency-store.ts';
import { commandIdOf } from './meta.ts';
import { problemBody } from './problem-filter.ts';
import { problemOf, PROBLEM_BASE, ProblemError } from './problem.ts';
import { replyOf, requestOf } from './request.ts';

/** Injection token of the `IdempotencyStore`; without one, repeats are recognised by the event log alone. */
export const IDEMPOTENCY_STORE = Symbol('IDEMPOTENCY_STORE');

/** Headers that belong to the answer; the rest (dates, security headers) is made anew. */
const KEPT_HEADERS = ['content-type', 'etag', 'location', 'plimsoll-command-id', 'plimsoll-position'];
/** Answers that ask to try again; kept, they would be the answer for ever. */
const PASSING = ['too-much-contention', 'concurrent-change'].map((type) => PROBLEM_BASE + type);

/**
 * One answer to one `Idempotency-Key`: a POST that is repeated with the same key and body gets the answer of the first time. The key is the
 * command's id, so the event log carries a command out once even where this table forgets
 * (it is not flushed on commit) or can't be reached.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  private readonly logger = new Logger('Idempotency');

  constructor(@Optional() @Inject(IDEMPOTENCY_STORE) private readonly store?: IdempotencyStore) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = requestOf(context);
    if (!this.store || request.method !== 'POST' || !request.identity || isStream(request.body)) return next.handle();
    const key = commandIdOf(request);
    if (key === undefined) return next.handle();
    const begun = await this.store.begin(key, hashOf(request)).catch((error: unknown) => this.without(error));
    switch (begun?.state) {
      case undefined:
        return next.handle();
      case 'reused':
        throw new ProblemError(422, 'idempotency-key-reused', 'This Idempotency-Key was used before for another request. Use a new one.');
      case 'in-flight': {
        const detail = 'The same request with this Idempotency-Key is being carried out. Repeat it a little later for its answer.';
        throw new ProblemError(409, 'request-in-flight', detail, { headers: { 'retry-after': '1' } });
      }
      case 'done':
        return of(replay(replyOf(context), begun.answer));
      case 'begun':
        return of(await this.carryOut(this.store, key, begun.attempt, request, replyOf(context), next));
    }
  }

  private async carryOut(
    store: IdempotencyStore,
    key: string,
    attempt: number,
    request: FastifyRequest,
    reply: FastifyReply,
    next: CallHandler,
  ): Promise<unknown> {
    let value: unknown;
    try {
      value = await lastValueFrom(next.handle(), { defaultValue: undefined });
    } catch (error) {
      const answer = failedAnswer(error, request);
      await this.keep(answer ? store.finish(key, attempt, answer) : store.release(key, attempt));
      throw error;
    }
    await this.keep(
      store.finish(key, attempt, { status: reply.statusCode, headers: keptHeaders(reply), body: JSON.stringify(value) ?? '' }),
    );
    return value;
  }

  /** The caller's answer stands whatever becomes of the row: it is taken over once it is too old. */
  private async keep(written: Promise<void>): Promise<void> {
    await written.catch((error: unknown) => this.without(error));
  }

  private without(error: unknown): undefined {
    this.logger.warn(`Idempotency keys are not kept: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The answer to keep for a refusal; undefined where a repeat should be tried anew (our own errors, limits, contention). */
function failedAnswer(error: unknown, request: FastifyRequest): StoredAnswer | undefined {
  const answer = problemOf(error);
  if (!answer || answer.problem.status >= 500 || answer.problem.status === 429 || PASSING.includes(answer.problem.type)) return undefined;
  const headers = {
    ...answer.headers,
    ...(request.commandId === undefined ? {} : { 'plimsoll-command-id': request.commandId }),
    'content-type': 'application/problem+json; charset=utf-8',
  };
  // A complaint may name a field that only a stranger would have named so.
  return { status: answer.problem.status, headers, body: replaceSecrets(problemBody(answer, request.url)) };
}

function replay(reply: FastifyReply, answer: StoredAnswer): string {
  reply.status(answer.status).headers(answer.headers).header('idempotency-replayed', 'true');
  if (!reply.hasHeader('content-type')) reply.header('content-type', 'application/json; charset=utf-8');
  return answer.body;
}

function keptHeaders(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(KEPT_HEADERS.filter((name) => reply.hasHeader(name)).map((name) => [name, String(reply.getHeader(name))]));
}

/** SHA-256 over method, path with query, If-Match and the canonical body (RFC 8785): key order and spaces make no other request. */
function hashOf(request: FastifyRequest): Buffer {
  const asked = { method: request.method, url: request.url, ifMatch: request.headers['if-match'] ?? null, body: request.body ?? null };
  return hash('sha256', canonicalize(asked) ?? '', 'buffer');
}

function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'pipe' in body && typeof body.pipe === 'function';
}
