import { plainToInstance } from 'class-transformer';
import { getMetadataStorage } from 'class-validator';

export type Class = new () => object;

/** A property that holds an object of a class of its own, or a list of such objects. */
export interface NestedProperty {
  readonly property: string;
  /** Undefined where `@Type` is missing: nobody could say what is accepted. */
  readonly of: Class | undefined;
  readonly list: boolean;
  /** Whether it must be there, in this object. */
  readonly needed: (object: object, value: unknown) => boolean;
}

/** What class-validator keeps of a decorator; the parts that are needed here. */
interface Rule {
  readonly type: string;
  readonly propertyName: string;
  readonly each: boolean;
  readonly constraints?: readonly unknown[];
}

const known = new WeakMap<Class, readonly NestedProperty[]>();

/** Every property of a class with `@ValidateNested`. */
export function nestedProperties(target: Class): readonly NestedProperty[] {
  const found = known.get(target) ?? nestedOf(target);
  known.set(target, found);
  return found;
}

/** Every class that class-validator knows. */
export function validatedClasses(): readonly Class[] {
  const { validationMetadatas } = getMetadataStorage() as unknown as { validationMetadatas: ReadonlyMap<unknown, unknown> };
  return [...validationMetadatas.keys()].filter((target): target is Class => typeof target === 'function');
}

/** The fields that a class knows; sorted. */
export function knownFields(target: Class): readonly string[] {
  return [...new Set(rulesOf(target).map((rule) => rule.propertyName))].sort();
}

/** class-transformer knows the nested class (`@Type(() => …)`) but does not tell: it is asked to make one. */
export function nestedClass(target: Class, property: string): Class | undefined {
  const made = (plainToInstance(target, { [property]: [{}] }) as Record<string, unknown>)[property];
  const value: unknown = Array.isArray(made) ? made[0] : made;
  const found = value?.constructor as Class | undefined;
  return found && found !== (Object as unknown) ? found : undefined;
}

function nestedOf(target: Class): readonly NestedProperty[] {
  const rules = rulesOf(target);
  const names = new Set(rules.filter(({ type }) => type === 'nestedValidation').map((rule) => rule.propertyName));
  return [...names].map((property) => {
    const own = rules.filter((rule) => rule.propertyName === property);
    const conditions = own
      .filter(({ type }) => type === 'conditionalValidation')
      .map(({ constraints }) => constraints?.[0] as (object: object, value: unknown) => boolean);
    return {
      property,
      of: nestedClass(target, property),
      list: own.some((rule) => rule.type === 'nestedValidation' && rule.each),
      needed: (object, value) => conditions.every((condition) => condition(object, value)),
    };
  });
}

function rulesOf(target: Class): readonly Rule[] {
  return getMetadataStorage().getTargetValidationMetadatas(target, '', true, false);
}
