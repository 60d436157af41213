import { randomUUID } from 'node:crypto';
import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { internalProblem, problemOf, type ProblemAnswer } from './problem.ts';

/** Answers every error, of whatever origin, as a problem (RFC 9457). Internal errors are logged under an id and not shown. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const answer = problemOf(error) ?? this.internal(error, request);
    if (reply.sent || reply.raw.headersSent) {
      this.logger.warn(`${request.method} ${pathOf(request.url)} failed after its answer had begun: ${answer.problem.detail}`);
      reply.raw.destroy();
      return;
    }
    sendProblem(answer, request, reply);
  }

  private internal(error: unknown, request: FastifyRequest): ProblemAnswer {
    const errorId = randomUUID();
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.logger.error(`${errorId} ${request.method} ${pathOf(request.url)} ${text}`);
    return internalProblem(errorId);
  }
}

/** Sends a problem as the answer; also for errors that happen before Nest. */
export function sendProblem(answer: ProblemAnswer, request: FastifyRequest, reply: FastifyReply): void {
  // An unread body would be taken for the next request on this connection.
  if (answer.problem.status === 413 || answer.problem.status === 415) reply.header('connection', 'close');
  if (request.commandId !== undefined) reply.header('plimsoll-command-id', request.commandId);
  void reply
    .status(answer.problem.status)
    .headers(answer.headers)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(problemBody(answer, request.url));
}

/** The problem as JSON text. `instance` has no query: it may hold what is nobody else's business. */
export function problemBody({ problem }: ProblemAnswer, url: string): string {
  return JSON.stringify({ ...problem, instance: pathOf(url) });
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
