import { randomUUID } from 'node:crypto';
import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuthGuard } from './auth.ts';
import { registerStrictJson } from './body-parser.ts';
import { CommandAnswerInterceptor } from './command-answer.ts';
import { EventStreams } from './event-streams.ts';
import { IdempotencyInterceptor } from './idempotency.ts';
import { ProblemFilter, sendProblem } from './problem-filter.ts';
import { answerOf, ProblemError } from './problem.ts';
import { QueryGuard } from './query.ts';
import { CLOCK, type Clock } from './request.ts';
import { RevealInterceptor } from './reveal.ts';
import { registerSecurityHeaders } from './security-headers.ts';
import { StrictValidationPipe } from './validation.ts';
import { ViewInterceptor } from './views.ts';

const systemClock: Clock = () => new Date();

const MAX_PARAMETER_LENGTH = 256;

/**
 * The edge of a whole application: every route is authenticated, validated, answered and refused in the same way.
 *
 * Providers it wants: `TOKEN_VERIFIER`; and where the application has them `PERSON_RESOLVER`, `IDEMPOTENCY_STORE`, `VIEW_POSITIONS`,
 * `VIEW_OPTIONS`, `CLOCK`, `TEXT_REVEALER`.
 */
@Module({})
export class HttpEdgeModule {
  static register(options: Pick<ModuleMetadata, 'imports' | 'providers'>): DynamicModule {
    return {
      module: HttpEdgeModule,
      global: true,
      imports: options.imports ?? [],
      providers: [
        { provide: CLOCK, useValue: systemClock },
        ...(options.providers ?? []),
        EventStreams,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_GUARD, useClass: QueryGuard },
        // From the outside in: the answer that is kept is the one that the command got, with its text sealed.
        { provide: APP_INTERCEPTOR, useClass: RevealInterceptor },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_INTERCEPTOR, useClass: ViewInterceptor },
        { provide: APP_INTERCEPTOR, useClass: CommandAnswerInterceptor },
        { provide: APP_PIPE, useClass: StrictValidationPipe },
      ],
      exports: [CLOCK, EventStreams],
    };
  }
}

/** The server beneath: request ids that nobody can choose, and an end to requests that never end. */
export function createFastifyAdapter(): FastifyAdapter {
  return new FastifyAdapter({
    genReqId: () => randomUUID(),
    // Time for a whole request to come in, in milliseconds.
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    // Such paths never reach Nest.
    frameworkErrors: (_error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      const error = new ProblemError(
        400,
        'bad-request',
        `The path can't be decoded, or a part of it is longer than ${MAX_PARAMETER_LENGTH} characters.`,
      );
      sendProblem(answerOf(error), request, reply);
    },
  });
}

/** What the module can't do, because it is the server's: bodies and security headers. Call it before `app.init()` or `app.listen()`. */
export async function setupHttpEdge(app: NestFastifyApplication, options: { limitBytes?: number } = {}): Promise<void> {
  registerStrictJson(app, options);
  await registerSecurityHeaders(app);
}
