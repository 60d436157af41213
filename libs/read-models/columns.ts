/**
 * Types of columns, and how their values look in a row in memory:
 * `text`, `uuid`, `numeric`: string; `integer`, `double precision`: number; `bigint`: bigint; `boolean`: boolean;
 * `timestamptz`: ISO 8601 with milliseconds, UTC; `date`: `YYYY-MM-DD`; `jsonb`: any JSON value. Absent is null.
 */
export type ColumnType =
  'text' | 'uuid' | 'numeric' | 'integer' | 'double precision' | 'bigint' | 'boolean' | 'timestamptz' | 'date' | 'jsonb';

/** What `format_type` of Postgres says for each. */
export const POSTGRES_NAME: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  uuid: 'uuid',
  numeric: 'numeric',
  integer: 'integer',
  'double precision': 'double precision',
  bigint: 'bigint',
  boolean: 'boolean',
  timestamptz: 'timestamp with time zone',
  date: 'date',
  jsonb: 'jsonb',
};

/** A normalised value as the text that Postgres reads as an element of an array of that type. */
export function encodeValue(type: ColumnType, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'jsonb':
      return JSON.stringify(value);
    case 'timestamptz':
      return isoMilliseconds(value as string);
    default:
      return String(value);
  }
}

/** The expression that gives a column the shape `decodeValue` takes; dates as text, since pg would make local times of them. */
export function selectExpression(type: ColumnType, column: string): string {
  return type === 'date' || type === 'numeric' || type === 'uuid' ? `${column}::text as ${column}` : column;
}

/** A value as pg gives it, in the shape that it has in a row in memory. */
export function decodeValue(type: ColumnType, value: unknown): unknown {
  if (value === null) return null;
  if (type === 'bigint') return BigInt(value as string);
  if (type === 'timestamptz') return (value as Date).toISOString();
  return value;
}

/** A column keeps milliseconds, so the row in memory does too: what is folded next must not depend on whether it was read back. */
export function normaliseValue(type: ColumnType, value: unknown): unknown {
  if (value === undefined) return null;
  if (type === 'timestamptz' && value !== null) return isoMilliseconds(value as string);
  if (type === 'text' && value !== null) return storableText(value as string);
  return type === 'jsonb' ? storable(value) : value;
}

/**
 * A JSON value as Postgres can keep it: U+0000 becomes U+2400, and half a surrogate pair U+FFFD. The value itself where it has neither.
 * Logs of programs and messages from outside may hold them, and one such text must not stop a projection.
 */
export function storable<T>(value: T): T {
  const text = JSON.stringify(value);
  // JSON.stringify writes these characters, and few others, as escapes: most values need no second look.
  if (text === undefined || !/\\u(?:0000|d[89a-f])/.test(text)) return value;
  return JSON.parse(text, (_name, part: unknown) =>
    typeof part === 'string'
      ? storableText(part)
      : typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).map(([name, member]) => [storableText(name), member]))
        : part,
  ) as T;
}

function storableText(text: string): string {
  return text.replaceAll('\0', '\u2400').replace(/\p{Surrogate}/gu, '\ufffd');
}

function isoMilliseconds(value: string): string {
  // The usual form, already in place: no need to parse it.
  return value.length === 24 && value.endsWith('Z') ? value : new Date(value).toISOString();
}
