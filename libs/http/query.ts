import { Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { knownFields, type Class } from './nested.ts';
import { ProblemError, type FieldProblem } from './problem.ts';
import { requestOf } from './request.ts';

/** What Nest keeps of `@Query()`: its number among the kinds of arguments. */
const QUERY_ARGUMENT = /^4:(\d+)$/;
/** Where @nestjs/swagger keeps what `@ApiQuery` says. */
const DESCRIBED = 'swagger/apiParameters';

interface Described {
  readonly name?: string;
  readonly in?: string;
}

/**
 * The query parameters that a route takes, sorted: those that it reads by name, the fields of the class that it reads them into, and those that
 * `@ListParameters` and `@ApiQuery` describe where it takes the query whole. So what is taken and what is described is one thing.
 */
export function queryParametersOf(controller: Type, handler: { readonly name: string }): readonly string[] {
  const taken = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler.name) ?? {}) as Record<string, { readonly data?: unknown }>;
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype as object, handler.name) ?? []) as unknown[];
  const read = Object.entries(taken).flatMap(([key, { data }]) => {
    const place = QUERY_ARGUMENT.exec(key)?.[1];
    if (place === undefined) return [];
    if (typeof data === 'string') return [data];
    const type = types[Number(place)];
    return typeof type === 'function' && type !== Object ? knownFields(type as Class) : [];
  });
  const described = ((Reflect.getMetadata(DESCRIBED, handler) ?? []) as readonly Described[]).flatMap((parameter) =>
    parameter.in === 'query' && parameter.name !== undefined ? [parameter.name] : [],
  );
  return [...new Set([...read, ...described])].sort();
}

/** What is wrong with a query; empty where every parameter is known and there once. */
export function queryProblems(query: unknown, known: readonly string[]): readonly FieldProblem[] {
  return Object.entries((query ?? {}) as Record<string, unknown>).flatMap(([name, value]) => {
    const problem = !known.includes(name)
      ? unknownParameter(known)
      : typeof value !== 'string'
        ? 'This may be given once only.'
        : undefined;
    return problem === undefined ? [] : [{ path: name.slice(0, 100), problems: [problem] }];
  });
}

/** @throws ProblemError 400 `validation` */
export function onlyKnownQuery(query: unknown, known: readonly string[]): void {
  const errors = queryProblems(query, known).slice(0, MOST_NAMED);
  const [first] = errors;
  if (first) throw new ProblemError(400, 'validation', `The query is not as it must be: ${first.path}: ${first.problems[0]}`, { errors });
}

/** Most parameters that one answer names. */
const MOST_NAMED = 20;

function unknownParameter(known: readonly string[]): string {
  return known.length > 0
    ? `This parameter is not known. Known: ${known.join(', ')}.`
    : 'This parameter is not known; none is accepted here.';
}

/**
 * Refuses what a route would overlook: a misspelt parameter, or one that is there twice, would get the answer to another question. On every route,
 * after who asks is known.
 */
@Injectable()
export class QueryGuard implements CanActivate {
  private readonly known = new WeakMap<object, readonly string[]>();

  canActivate(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    let known = this.known.get(handler);
    if (!known) this.known.set(handler, (known = queryParametersOf(context.getClass(), handler)));
    onlyKnownQuery(requestOf(context).query, known);
    return true;
  }
}
