export {
  Action,
  AnyRole,
  AuthGuard,
  AUTHORISER,
  identityOf,
  PERSON_RESOLVER,
  Public,
  roleMissing,
  Roles,
  TOKEN_VERIFIER,
  Vouches,
  type Allowed,
  type Authoriser,
  type RouteRequest,
} from './auth.ts';
export * from './body-parser.ts';
export * from './command-answer.ts';
export * from './dev-token.controller.ts';
export * from './event-streams.ts';
export * from './http-edge.module.ts';
export * from './id-pipe.ts';
export { IDEMPOTENCY_STORE, IdempotencyInterceptor } from './idempotency.ts';
export * from './idempotency-store.ts';
export * from './list.ts';
export * from './meta.ts';
export { nestedProperties, validatedClasses, type NestedProperty } from './nested.ts';
export * from './openapi.ts';
export * from './problem.ts';
export * from './problem-filter.ts';
export * from './query.ts';
export * from './request.ts';
export * from './reveal.ts';
export * from './routes.ts';
export * from './schema.ts';
export * from './security-headers.ts';
export * from './strict-json.ts';
export * from './validation.ts';
export * from './views.ts';
