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

/** A value as the text that Postgres reads as an element of an array of that type. */
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
  return value;
}

function isoMilliseconds(value: string): string {
  // The usual form, already in place: no need to parse it.
  return value.length === 24 && value.endsWith('Z') ? value : new Date(value).toISOString();
}
