import { refuse, RefusedError } from '#libs/event-sourcing';
import type { ListSql } from '#libs/http';

/** What runs SQL: TypeORM's DataSource, as queries use it. */
export interface SqlSource {
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : S;

/** A row as the API answers it: camelCase, a position as decimal text, absent where the column is null. */
export type Answer<Row extends object> = {
  readonly [C in keyof Row & string as null extends Row[C] ? never : CamelCase<C>]: AnswerValue<Row[C]>;
} & {
  readonly [C in keyof Row & string as null extends Row[C] ? CamelCase<C> : never]?: AnswerValue<NonNullable<Row[C]>>;
};
type AnswerValue<V> = V extends bigint ? string : V;

/** A row of a view, with its column names and values as the API answers them. What is inside of a jsonb column stays as it is. */
export function camelKeys<Row extends object>(row: Row): Answer<Row> {
  const present = Object.entries(row).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(present.map(([column, value]) => [camelCase(column), answerValue(value)])) as Answer<Row>;
}

/** How TypeORM's columns of type bigint become what the row in memory has: it gives text, since 2^53 may be passed. */
export const POSITION = {
  to: (value: bigint | null): string | null => (value === null ? null : String(value)),
  from: (value: string | null): bigint | null => (value === null ? null : BigInt(value)),
};

/** How TypeORM's columns of type timestamptz become what the row in memory has: ISO 8601 with milliseconds, UTC. */
export const INSTANT = {
  to: (value: string | null): string | null => value,
  from: (value: Date | null): string | null => value?.toISOString() ?? null,
};

/**
 * The rows of a page, and one more where there is a next page; for `List.page`.
 *
 * @param from table, or a subquery with an alias; never anything that came from outside
 * @param columns what is read of it; everything unless told
 */
export async function readRows<Row extends object>(
  data: SqlSource,
  from: string,
  { where, orderBy, values, limit }: ListSql,
  columns: readonly (keyof Row & string)[] = [],
): Promise<(Row & Record<string, unknown>)[]> {
  const sql = `select ${columns.join(', ') || '*'} from ${from} where ${where} order by ${orderBy} limit ${limit}`;
  return (await data.query(sql, [...values])) as (Row & Record<string, unknown>)[];
}

/** The row as the API answers it. @throws RefusedError `<what>-unknown` where there is none */
export function foundRow<Row extends object>(row: Row | null, what: string, id: string): Answer<Row> {
  if (!row) throw new RefusedError(refuse('not-found', `${what.replaceAll(' ', '-')}-unknown`, `There is no ${what} ${id}.`));
  return camelKeys(row);
}

function camelCase(column: string): string {
  return column.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

function answerValue(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'bigint' ? String(value) : value;
}
