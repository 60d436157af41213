import { ValidationPipe, type ArgumentMetadata, type ValidationError } from '@nestjs/common';
import { getMetadataStorage } from 'class-validator';
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
    return (await super.transform(value, metadata)) as unknown;
  }

  /** Nest would take keys away that reach for a prototype, silently: what is accepted would not be what was sent. So they are refused, by name. */
  protected override stripProtoKeys(value: unknown): void {
    const path = pathToLostKey(value, '');
    if (path !== undefined) throw invalid([{ path, problems: ['A field of this name would be lost, so it is not accepted.'] }]);
  }
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
    const known = knownFields(error.target);
    return known.length > 0 ? `This field is not known. Known: ${known.join(', ')}.` : 'This field is not known; none is accepted here.';
  }
  if (constraint === 'unknownValue') return 'This must be a JSON object.';
  return message.endsWith('.') ? message : `${message}.`;
}

function knownFields(target: object | undefined): readonly string[] {
  if (!target) return [];
  const metadata = getMetadataStorage().getTargetValidationMetadatas(target.constructor, '', true, false);
  return [...new Set(metadata.map((m) => m.propertyName))].sort();
}

/** `artifacts` + `2` → `artifacts[2]`, `artifacts[2]` + `digest` → `artifacts[2].digest`. */
function joined(parent: string, property: string): string {
  if (/^\d+$/.test(property)) return `${parent}[${property}]`;
  return parent ? `${parent}.${property}` : property;
}

function isClass(metatype: unknown): boolean {
  return typeof metatype === 'function' && ![Object, Array, String, Number, Boolean].includes(metatype as never);
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
