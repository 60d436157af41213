import { ValidationPipe, type ArgumentMetadata, type ValidationError } from '@nestjs/common';
import { knownFields, nestedProperties, type Class } from './nested.ts';
import { ProblemError, type FieldProblem } from './problem.ts';

/**
 * Validates what comes in by its class: unknown fields are refused by name, nothing is converted silently (a number stays a number, `"1"`
 * stays text), and every complaint says what would be accepted.
 */
export class StrictValidationPipe extends ValidationPipe {
  constructor() {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      transform: true,
      transformOptions: { enableImplicitConversion: false },
      validationError: { target: true, value: false },
      exceptionFactory: validationProblem,
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // A list or a bare value has no fields to miss, so an all-optional class would let it pass.
    if (metadata.type === 'body' && isClass(metadata.metatype) && value !== undefined && !isPlainObject(value)) {
      throw invalid([{ path: '', problems: ['The body must be a JSON object.'] }]);
    }
    if (metadata.type !== 'body' || !isClass(metadata.metatype)) return (await super.transform(value, metadata)) as unknown;
    const misshapen = shapeProblems(metadata.metatype as Class, value);
    if (misshapen.length === 0) return (await super.transform(value, metadata)) as unknown;
    // What else is wrong is said in the same answer, but for what follows from the shape.
    const others = await super.transform(value, metadata).then(() => [], otherProblems);
    const follows = ({ path }: FieldProblem): boolean =>
      misshapen.some((at) => path === at.path || path.startsWith(`${at.path}.`) || path.startsWith(`${at.path}[`));
    throw invalid([...misshapen, ...others.filter((other) => !follows(other))]);
  }

  /** Nest would take keys away that reach for a prototype, silently: what is accepted would not be what was sent. So they are refused, by name. */
  protected override stripProtoKeys(value: unknown): void {
    const path = pathToLostKey(value, '');
    if (path !== undefined) throw invalid([{ path, problems: ['A field of this name would be lost, so it is not accepted.'] }]);
  }
}

/**
 * Where a body has no object in the place of an object, or no list of objects in the place of such a list. class-validator takes a list for an
 * object, and lets a nested object be missing that must be there: either would pass as an object without a single rule checked.
 */
export function shapeProblems(target: Class, value: unknown, path = ''): readonly FieldProblem[] {
  if (!isPlainObject(value)) return [];
  return nestedProperties(target).flatMap(({ property, of, list, needed }) => {
    const given = Object.hasOwn(value, property) ? value[property] : undefined;
    if (!needed(value, given)) return [];
    const at = joined(path, property);
    const fields = of ? knownFields(of).join(', ') : '';
    const problem = (where: string, accepted: string): FieldProblem => ({ path: where, problems: [`${accepted} Its fields: ${fields}.`] });
    if (!list)
      return isPlainObject(given)
        ? of
          ? shapeProblems(of, given, at)
          : []
        : [problem(at, `${property} must be a JSON object, not ${kindOf(given)}.`)];
    if (!Array.isArray(given)) {
      return [{ path: at, problems: [`${property} must be a list of JSON objects, not ${kindOf(given)}. The fields of each: ${fields}.`] }];
    }
    return given.flatMap((element: unknown, n) => {
      const place = joined(at, String(n));
      if (!isPlainObject(element)) return [problem(place, `Each element of ${property} must be a JSON object, not ${kindOf(element)}.`)];
      return of ? shapeProblems(of, element, place) : [];
    });
  });
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function otherProblems(error: unknown): readonly FieldProblem[] {
  return error instanceof ProblemError ? (error.options.errors ?? []) : [];
}

const LOST_KEYS = ['__proto__', 'constructor', 'prototype'];

function pathToLostKey(value: unknown, path: string): string | undefined {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  for (const [key, child] of Object.entries(value)) {
    const at = joined(path, key);
    const found = !Array.isArray(value) && LOST_KEYS.includes(key) ? at : pathToLostKey(child, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A 400 that names every field that is not as it must be. */
export function validationProblem(errors: readonly ValidationError[]): ProblemError {
  return invalid(errors.flatMap((error) => fieldProblems(error, '')));
}

function invalid(errors: readonly FieldProblem[]): ProblemError {
  const [first] = errors;
  const where = first?.path ? `${first.path}: ` : '';
  const detail = `The request is not as it must be: ${where}${first?.problems[0] ?? 'see errors'}${errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : ''}`;
  return new ProblemError(400, 'validation', detail, { errors });
}

function fieldProblems(error: ValidationError, parent: string): readonly FieldProblem[] {
  const path = joined(parent, error.property);
  const problems = Object.entries(error.constraints ?? {}).map(([constraint, message]) => sentence(constraint, message, error));
  const own = problems.length > 0 ? [{ path, problems }] : [];
  return [...own, ...(error.children ?? []).flatMap((child) => fieldProblems(child, path))];
}

function sentence(constraint: string, message: string, error: ValidationError): string {
  if (constraint === 'whitelistValidation') {
    const known = error.target ? knownFields(error.target.constructor as Class) : [];
    return known.length > 0 ? `This field is not known. Known: ${known.join(', ')}.` : 'This field is not known; none is accepted here.';
  }
  if (constraint === 'unknownValue') return 'This must be a JSON object.';
  return message.endsWith('.') ? message : `${message}.`;
}

/** `artifacts` + `2` → `artifacts[2]`, `artifacts[2]` + `digest` → `artifacts[2].digest`. */
function joined(parent: string, property: string): string {
  if (/^\d+$/.test(property)) return `${parent}[${property}]`;
  return parent ? `${parent}.${property}` : property;
}

function isClass(metatype: unknown): boolean {
  return typeof metatype === 'function' && ![Object, Array, String, Number, Boolean].includes(metatype as never);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
