/**
 * What a record has under a key of its own. A key that comes from outside may be `constructor` or `__proto__`: looked up with brackets, these
 * would find what every object inherits.
 */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
