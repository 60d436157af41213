import { randomUUID } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { derivedId, type CommandMeta } from '#libs/event-sourcing';
import { identityOf } from './auth.ts';
import { ProblemError } from './problem.ts';
import { headerOf, requestOf } from './request.ts';

/** Injects the `CommandMeta` of the request into a handler: `grant(@Body() command: GrantApproval, @Meta() meta: CommandMeta)`. */
export const Meta = createParamDecorator((_: unknown, context: ExecutionContext): CommandMeta => metaOf(requestOf(context)));

/** What a command's rule gets from the request besides the body. @throws ProblemError 400 where a header is malformed, 401 without a token */
export function metaOf(request: FastifyRequest): CommandMeta {
  const { person, principal, roles } = identityOf(request);
  const commandId = commandIdOf(request) ?? randomUUID();
  request.commandId = commandId;
  const expectedRevision = expectedRevisionOf(headerOf(request, 'if-match'));
  return {
    commandId,
    actor: { person, principal, roles },
    correlationId: correlationOf(request) ?? commandId,
    causationId: `http:${request.id}`,
    now: (request.clock?.() ?? new Date()).toISOString(),
    ...(expectedRevision === undefined ? {} : { expectedRevision }),
    ...(request.personsOnRecord ? { personsOnRecord: true } : {}),
    ...(request.stillAllowed ? { stillAllowed: request.stillAllowed } : {}),
  };
}

/** The command id that the request's `Idempotency-Key` stands for; undefined without one. Two people's equal keys are different ids. */
export function commandIdOf(request: FastifyRequest): string | undefined {
  const key = headerOf(request, 'idempotency-key');
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw malformed('idempotency-key', 'Idempotency-Key must be 1 to 255 visible ASCII characters without spaces, for example a UUID.');
  }
  return derivedId('idempotency-key', identityOf(request).principal, key);
}

function expectedRevisionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined) return undefined;
  const revision = /^"(0|[1-9]\d{0,14})"$/.exec(ifMatch)?.[1];
  if (revision !== undefined) return Number(revision);
  if (ifMatch.trim() === '*')
    throw malformed('if-match', 'If-Match: * says nothing about what was seen. Send the ETag of the last answer, for example "3".');
  if (ifMatch.startsWith('W/')) throw malformed('if-match', 'If-Match compares strongly: send the ETag without W/, for example "3".');
  throw malformed('if-match', 'If-Match must be one ETag as it was answered: a revision in double quotes, for example "3".');
}

function correlationOf(request: FastifyRequest): string | undefined {
  const explicit = headerOf(request, 'x-correlation-id');
  if (explicit !== undefined) {
    if (/^[A-Za-z0-9._:-]{1,128}$/.test(explicit)) return explicit;
    throw malformed('x-correlation-id', 'X-Correlation-Id must be 1 to 128 letters, digits and . _ : -');
  }
  // W3C Trace Context: a malformed traceparent is ignored, it is not the caller's own.
  const traceId = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(headerOf(request, 'traceparent') ?? '')?.[1];
  return traceId && !/^0+$/.test(traceId) ? traceId : undefined;
}

function malformed(header: string, detail: string): ProblemError {
  return new ProblemError(400, 'malformed-header', detail, { errors: [{ path: header, problems: [detail] }] });
}
