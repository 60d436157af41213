import { applyDecorators, type INestApplication } from '@nestjs/common';
import { ApiQuery, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { docsPage } from './docs-page.ts';
import type { ListParameter } from './list.ts';
import { sendProblem } from './problem-filter.ts';
import { problemOf, type ProblemAnswer } from './problem.ts';
import { onlyKnownQuery } from './query.ts';
import { describeValidatedClasses } from './schema.ts';

export interface OpenApiOptions {
  readonly title?: string;
  readonly version?: string;
  readonly description?: string;
}

/** Marks operations that need no token, see `@Public()`. */
export const PUBLIC_EXTENSION = 'x-plimsoll-public';

/** Describes the parameters of a list, see `defineList`; the handler takes `@Query() query: Record<string, unknown>` and has the list parse it. */
export function ListParameters(list: { readonly parameters: readonly ListParameter[] }): MethodDecorator {
  return applyDecorators(...list.parameters.map((parameter) => ApiQuery({ required: false, ...parameter })));
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
type Json = Record<string, unknown>;
type Operation = Json & { parameters?: Json[]; responses?: Record<string, Json> };

/**
 * Serves the OpenAPI 3.1 document at `/openapi.json` and a page for people at `/docs`, both without a token and without other hosts.
 * Call it before `app.init()` or `app.listen()`. Gives the document back.
 */
export function setupOpenApi(app: INestApplication, options: OpenApiOptions = {}): OpenAPIObject {
  describeValidatedClasses();
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle(options.title ?? 'Plimsoll')
    .setVersion(options.version ?? '1')
    .setDescription(
      options.description ?? 'Release governance: every action an immutable event, every gate a decision that can be recomputed.',
    )
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
  });
  complete(document);
  const json = JSON.stringify(document);
  const page = docsPage(document);
  const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
  fastify.get('/openapi.json', ONLY_THE_PATH, async (_request, reply) => reply.type('application/json; charset=utf-8').send(json));
  fastify.get('/docs', ONLY_THE_PATH, async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
      .send(page),
  );
  return document;
}

/** These are no routes of Nest: what the guard does for those is done here. */
const ONLY_THE_PATH = {
  preHandler: async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { answer } = answered(() => onlyKnownQuery(request.query, []));
    if (answer) sendProblem(answer, request, reply);
  },
};

function answered(check: () => void): { readonly answer?: ProblemAnswer } {
  try {
    check();
    return {};
  } catch (error) {
    const answer = problemOf(error);
    if (!answer) throw error;
    return { answer };
  }
}

/** What every operation has in common, said once: problems as errors, and the headers of commands. */
function complete(document: OpenAPIObject): void {
  const components = (document.components ??= {});
  Object.assign((components.schemas ??= {}), { Problem: PROBLEM_SCHEMA, CommandAnswer: COMMAND_ANSWER_SCHEMA });
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = path[method] as Operation | undefined;
      if (!operation) continue;
      if (operation[PUBLIC_EXTENSION]) operation['security'] = [];
      delete operation[PUBLIC_EXTENSION];
      (operation.responses ??= {})['default'] = {
        description: 'A problem (RFC 9457).',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      };
      if (method !== 'post') continue;
      operation.parameters = [...(operation.parameters ?? []), ...COMMAND_HEADERS];
      if (operation['security'] === undefined) describeAnswer(operation);
    }
  }
}

/** A POST is a command, and answered as one, unless the route describes an answer of its own. */
function describeAnswer(operation: Operation): void {
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    if (!/^2\d\d$/.test(status) || response['content'] !== undefined) continue;
    response['description'] ||= 'What became of the command.';
    response['content'] = { 'application/json': { schema: { $ref: '#/components/schemas/CommandAnswer' } } };
  }
}

const COMMAND_HEADERS: Json[] = [
  {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'The same key and body get the same answer; another body is refused.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  },
  {
    name: 'If-Match',
    in: 'header',
    required: false,
    description: 'The ETag that the caller has seen; refused with 412 where the stream has moved on.',
    schema: { type: 'string', pattern: '^"(0|[1-9][0-9]*)"$' },
  },
];

const COMMAND_ANSWER_SCHEMA: Json = {
  type: 'object',
  required: ['id', 'stream', 'revision', 'position', 'repeated'],
  properties: {
    id: { type: 'string' },
    stream: { type: 'string' },
    revision: { type: 'integer', description: 'Also the ETag.' },
    position: { type: 'string', description: 'Send it as Plimsoll-Min-Position to read your own write.' },
    repeated: { type: 'boolean', description: 'True where it was so already: nothing new was stored.' },
  },
};

const PROBLEM_SCHEMA: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'A sentence that a person can act on.' },
    instance: { type: 'string' },
    errorId: { type: 'string', format: 'uuid' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'problems'],
        properties: { path: { type: 'string' }, problems: { type: 'array', items: { type: 'string' } } },
      },
    },
    reasons: {
      type: 'array',
      items: {
        type: 'object',
        required: ['code', 'detail'],
        properties: {
          code: { type: 'string' },
          detail: { type: 'string' },
          evidence: { type: 'array', items: { type: 'string' } },
          unblockedBy: { type: 'string' },
        },
      },
    },
  },
};
