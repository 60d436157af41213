import { ApiProperty } from '@nestjs/swagger';
import { getMetadataStorage } from 'class-validator';
import { nestedClass, validatedClasses, type Class } from './nested.ts';

/** JSON Schema keywords (draft 2020-12, as OpenAPI 3.1 uses it) that class-validator's rules can say. */
type Schema = Record<string, unknown>;

/** What class-validator keeps of a decorator; the parts that a schema can say. */
interface Rule {
  readonly type: string;
  readonly name?: string;
  readonly propertyName: string;
  readonly constraints?: readonly unknown[];
  readonly each: boolean;
  readonly context?: { readonly description?: string; readonly example?: unknown };
}

const DESCRIBED = 'swagger/apiModelProperties';

/** What each rule means as a schema, by class-validator's own name of the rule. */
const KEYWORDS: Readonly<Record<string, (constraints: readonly unknown[]) => Schema>> = {
  isString: () => ({ type: 'string' }),
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  isPositive: () => ({ exclusiveMinimum: 0 }),
  isNegative: () => ({ exclusiveMaximum: 0 }),
  isObject: () => ({ type: 'object', additionalProperties: true }),
  isArray: () => ({}),
  min: ([minimum]) => ({ minimum }),
  max: ([maximum]) => ({ maximum }),
  minLength: ([minLength]) => ({ type: 'string', minLength }),
  maxLength: ([maxLength]) => ({ type: 'string', maxLength }),
  isLength: ([minLength, maxLength]) => ({ type: 'string', minLength, ...(maxLength === undefined ? {} : { maxLength }) }),
  matches: ([pattern]) => ({ type: 'string', pattern: pattern instanceof RegExp ? pattern.source : String(pattern) }),
  isIn: ([values]) => ({ enum: values }),
  isEnum: ([, values]) => ({ enum: values }),
  equals: ([value]) => ({ enum: [value] }),
  isUuid: () => ({ type: 'string', format: 'uuid' }),
  isEmail: () => ({ type: 'string', format: 'email' }),
  isUrl: () => ({ type: 'string', format: 'uri' }),
  isInstant: () => ({ type: 'string', format: 'date-time' }),
  isIso8601: () => ({ type: 'string', format: 'date-time' }),
  isDateString: () => ({ type: 'string', format: 'date-time' }),
  isHexadecimal: () => ({ type: 'string', pattern: '^[0-9a-fA-F]+$' }),
  isSemVer: () => ({ type: 'string', description: 'A semantic version.' }),
  arrayMinSize: ([minItems]) => ({ minItems }),
  arrayMaxSize: ([maxItems]) => ({ maxItems }),
  arrayNotEmpty: () => ({ minItems: 1 }),
  arrayUnique: () => ({ uniqueItems: true }),
};
const OF_THE_ARRAY = new Set(['isArray', 'arrayMinSize', 'arrayMaxSize', 'arrayNotEmpty', 'arrayUnique']);

/**
 * Tells @nestjs/swagger about every class that class-validator knows, so that a request's class says each rule once. A rule's option
 * `context: { description, example }` goes into the schema; a property with an `@ApiProperty` of its own is left alone.
 */
export function describeValidatedClasses(): void {
  const storage = getMetadataStorage();
  for (const target of validatedClasses()) describe(target, storage.getTargetValidationMetadatas(target, '', true, false));
}

/** Inherited properties are described again: @nestjs/swagger forgets them where a subclass has properties of its own. */
function describe(target: Class, rules: readonly Rule[]): void {
  const prototype = target.prototype as object;
  for (const property of new Set(rules.map((rule) => rule.propertyName))) {
    if (Reflect.hasOwnMetadata(DESCRIBED, prototype, property)) continue;
    const inherited = Reflect.getMetadata(DESCRIBED, prototype, property) as Schema | undefined;
    const own = rules.filter((rule) => rule.propertyName === property);
    ApiProperty(inherited ?? optionsOf(target, property, own))(prototype, property);
  }
}

function optionsOf(target: Class, property: string, rules: readonly Rule[]): Schema {
  const isArray =
    rules.some((rule) => rule.each || OF_THE_ARRAY.has(rule.name ?? '')) ||
    Reflect.getMetadata('design:type', target.prototype as object, property) === Array;
  const common: Schema = { required: !rules.some((rule) => rule.type === 'conditionalValidation'), ...contextOf(rules) };
  const nested = rules.some((rule) => rule.type === 'nestedValidation') ? nestedClass(target, property) : undefined;
  const ofArray = keywords(rules.filter((rule) => OF_THE_ARRAY.has(rule.name ?? '')));
  if (nested) return { ...common, ...ofArray, type: () => nested, isArray };
  const ofValue = keywords(rules.filter((rule) => !OF_THE_ARRAY.has(rule.name ?? '')));
  if (isArray) return { ...common, ...ofArray, type: 'array', items: withType(ofValue) };
  return { ...common, ...withType(ofValue) };
}

function keywords(rules: readonly Rule[]): Schema {
  return Object.assign({}, ...rules.map((rule) => KEYWORDS[rule.name ?? '']?.(rule.constraints ?? []) ?? {})) as Schema;
}

function withType(schema: Schema): Schema {
  if (schema['type'] !== undefined) return schema;
  if (Array.isArray(schema['enum'])) return { type: typeof schema['enum'][0], ...schema };
  return { type: 'object', additionalProperties: true, ...schema };
}

function contextOf(rules: readonly Rule[]): Schema {
  const contexts = rules.flatMap((rule) => (rule.context ? [rule.context] : []));
  const description = contexts.find((context) => context.description !== undefined)?.description;
  const example = contexts.find((context) => context.example !== undefined)?.example;
  return { ...(description === undefined ? {} : { description }), ...(example === undefined ? {} : { example }) };
}
