import { createHash } from 'node:crypto';
import { AN_INSTANT, parseInstant } from '#libs/instant';
import { ProblemError, type FieldProblem } from './problem.ts';

export const MAX_LIMIT = 200;
export const DEFAULT_LIMIT = 50;

/** A page of a list, in a stable order. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Send it as `cursor`, with the same filters, for the next page; absent on the last page. */
  readonly nextCursor?: string;
}

/** A column that the list is ordered by; never null. Its values, as rows have them, must survive JSON: timestamps have whole milliseconds. */
export interface OrderColumn {
  readonly column: string;
  readonly type: 'text' | 'uuid' | 'integer' | 'bigint' | 'timestamptz';
  readonly direction: 'asc' | 'desc';
}

/** A filter: reads a query parameter's text, or says what would be accepted; becomes `column operator value`. */
export interface Filter<T> {
  readonly column: string;
  /** `@>`: a list, as jsonb, that has the value in it. */
  readonly operator: '=' | '>=' | '<' | '@>';
  readonly type: 'text' | 'integer' | 'boolean' | 'timestamptz' | 'jsonb';
  /** The value, or undefined where the text is not acceptable. */
  readonly read: (text: string) => T | undefined;
  /** A sentence that says what is accepted. */
  readonly accepts: string;
}

/** Exactly this text, at most 256 characters. */
export function textFilter(column: string): Filter<string> {
  const accepts = 'This must be 1 to 256 characters.';
  return {
    column,
    operator: '=',
    type: 'text',
    read: (text) => (text.length > 0 && text.length <= 256 && !text.includes('\0') ? text : undefined),
    accepts,
  };
}

/** A jsonb list of texts has exactly this one in it, of at most 256 characters. */
export function containsFilter(column: string): Filter<string> {
  const { read, accepts } = textFilter(column);
  const asList = (text: string): string | undefined => (read(text) === undefined ? undefined : JSON.stringify([text]));
  return { column, operator: '@>', type: 'jsonb', read: asList, accepts };
}

export function oneOfFilter<T extends string>(column: string, values: readonly T[]): Filter<T> {
  return {
    column,
    operator: '=',
    type: 'text',
    read: (text) => values.find((value) => value === text),
    accepts: `This must be one of: ${values.join(', ')}.`,
  };
}

export function booleanFilter(column: string): Filter<boolean> {
  const read = (text: string): boolean | undefined => (text === 'true' ? true : text === 'false' ? false : undefined);
  return { column, operator: '=', type: 'boolean', read, accepts: 'This must be true or false.' };
}

export function integerFilter(column: string, operator: Filter<number>['operator'] = '='): Filter<number> {
  const read = (text: string): number | undefined => (/^-?\d{1,9}$/.test(text) ? Number(text) : undefined);
  return { column, operator, type: 'integer', read, accepts: 'This must be a whole number of at most 9 digits.' };
}

/** From a time on (`>=`), or before it (`<`). */
export function timeFilter(column: string, operator: '>=' | '<'): Filter<string> {
  return {
    column,
    operator,
    type: 'timestamptz',
    read: parseInstant,
    accepts: `This must be ${AN_INSTANT}.`,
  };
}

type Filters = Readonly<Record<string, Filter<unknown>>>;
type Values<F extends Filters> = { readonly [K in keyof F]?: F[K] extends Filter<infer T> ? T : never };

/** What was asked of a list. */
export interface ListQuery<F extends Filters = Filters> {
  readonly limit: number;
  readonly filters: Values<F>;
  /** The order columns' values of the last row of the page before. */
  readonly after?: readonly (string | number)[];
}

/** The parts of a statement; values are parameters, only declared column names are in the text. */
export interface ListSql {
  /** A condition, `true` where there is none. */
  readonly where: string;
  readonly orderBy: string;
  readonly values: readonly unknown[];
  /** One more row than the page has: it tells whether there is a next page. */
  readonly limit: number;
}

/** A query parameter of a list. */
export interface ListParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: {
    readonly type: 'string' | 'integer' | 'boolean';
    readonly format?: string;
    readonly minimum?: number;
    readonly maximum?: number;
  };
}

export interface List<F extends Filters> {
  /** What may be asked, for the API's description. */
  readonly parameters: readonly ListParameter[];
  /** @throws ProblemError 400 `validation`, which names unknown and malformed parameters */
  parse(query: unknown): ListQuery<F>;
  /** @param firstParameter number of the first `$n` that is free; 1 unless told */
  sql(query: ListQuery<F>, firstParameter?: number): ListSql;
  /** Rows, as `sql` found them, become a page. */
  page<R extends Readonly<Record<string, unknown>>, T>(query: ListQuery<F>, rows: readonly R[], item: (row: R) => T): Page<T>;
}

/**
 * Declares how a list can be filtered and in which order it comes: keyset pagination, so that rows which come and go do not shift pages.
 * The last order column must be unique.
 */
export function defineList<F extends Filters>(declaration: { readonly order: readonly OrderColumn[]; readonly filters: F }): List<F> {
  const { order, filters } = declaration;
  if (order.length === 0) throw new Error('A list needs an order, or its pages would overlap.');

  return {
    parameters: [
      { name: 'limit', description: `${DEFAULT_LIMIT} unless told.`, schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT } },
      { name: 'cursor', description: 'The nextCursor of the page before, asked with the same filters.', schema: { type: 'string' } },
      ...Object.entries(filters).map(([name, { accepts, type }]) => ({ name, description: accepts, schema: SCHEMA_OF_FILTER[type] })),
    ],

    parse(query) {
      const asked = Object.entries((query ?? {}) as Record<string, unknown>);
      const errors: FieldProblem[] = [];
      const values: Record<string, unknown> = {};
      let limit = DEFAULT_LIMIT;
      let cursor: string | undefined;
      for (const [name, text] of asked) {
        const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
        if (typeof text !== 'string') errors.push({ path: name, problems: ['This may be given once only.'] });
        else if (name === 'limit') limit = readLimit(text, errors);
        else if (name === 'cursor') cursor = text;
        else if (!filter)
          errors.push({
            path: name,
            problems: [`This parameter is not known. Known: ${['cursor', 'limit', ...Object.keys(filters)].join(', ')}.`],
          });
        else if ((values[name] = filter.read(text)) === undefined) errors.push({ path: name, problems: [filter.accepts] });
      }
      const after = cursor === undefined || errors.length > 0 ? undefined : readCursor(cursor, order, fingerprint(order, values));
      if (cursor !== undefined && errors.length === 0 && !after) {
        errors.push({ path: 'cursor', problems: ['This must be the nextCursor of a page of the same list with the same filters.'] });
      }
      if (errors.length > 0) {
        throw new ProblemError(400, 'validation', `The query is not as it must be: ${errors[0]?.path}: ${errors[0]?.problems[0]}`, {
          errors,
        });
      }
      return { limit, filters: values as Values<F>, ...(after && { after }) };
    },

    sql(query, firstParameter = 1) {
      const values: unknown[] = [];
      const parameter = (value: unknown, type: string): string => `$${firstParameter + values.push(value) - 1}::${type}`;
      const conditions = Object.entries(query.filters).flatMap(([name, value]) => {
        const filter = filters[name];
        return filter && value !== undefined ? [`${quoted(filter.column)} ${filter.operator} ${parameter(value, filter.type)}`] : [];
      });
      if (query.after) {
        const bounds = order.map(({ type }, i) => parameter(query.after?.[i], type));
        // (a, b) after (1, 2) where each column has a direction of its own: a > 1 or (a = 1 and b < 2).
        const alternatives = order.map(({ column, direction }, i) => {
          const equal = order.slice(0, i).map((before, j) => `${quoted(before.column)} = ${bounds[j]}`);
          return `(${[...equal, `${quoted(column)} ${direction === 'asc' ? '>' : '<'} ${bounds[i]}`].join(' and ')})`;
        });
        conditions.push(`(${alternatives.join(' or ')})`);
      }
      return {
        where: conditions.join(' and ') || 'true',
        orderBy: order.map(({ column, direction }) => `${quoted(column)} ${direction}`).join(', '),
        values,
        limit: query.limit + 1,
      };
    },

    page(query, rows, item) {
      const shown = rows.slice(0, query.limit);
      const last = shown.at(-1);
      const items = shown.map(item);
      if (rows.length <= query.limit || !last) return { items };
      return {
        items,
        nextCursor: writeCursor(
          order.map(({ column }) => last[column]),
          fingerprint(order, query.filters),
        ),
      };
    },
  };
}

const SCHEMA_OF_FILTER: Readonly<Record<Filter<unknown>['type'], ListParameter['schema']>> = {
  text: { type: 'string' },
  integer: { type: 'integer' },
  boolean: { type: 'boolean' },
  timestamptz: { type: 'string', format: 'date-time' },
  jsonb: { type: 'string' },
};

function readLimit(text: string, errors: FieldProblem[]): number {
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) errors.push({ path: 'limit', problems: [`This must be a whole number, 1 to ${MAX_LIMIT}.`] });
  return limit;
}

/** A cursor belongs to one order and one set of filters: with others it would silently skip rows. */
function fingerprint(order: readonly OrderColumn[], filters: object): string {
  const given = Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([order, given]))
    .digest('base64url')
    .slice(0, 11);
}

function writeCursor(values: readonly unknown[], print: string): string {
  const plain = values.map((value) => (value instanceof Date ? value.toISOString() : typeof value === 'bigint' ? String(value) : value));
  return Buffer.from(JSON.stringify([print, ...plain])).toString('base64url');
}

function readCursor(cursor: string, order: readonly OrderColumn[], print: string): readonly (string | number)[] | undefined {
  if (!/^[A-Za-z0-9_-]{1,2048}$/.test(cursor)) return undefined;
  try {
    const [given, ...values] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as readonly unknown[];
    const fits = given === print && values.length === order.length && order.every(({ type }, i) => isOfType(values[i], type));
    return fits ? (values as readonly (string | number)[]) : undefined;
  } catch {
    return undefined;
  }
}

function isOfType(value: unknown, type: OrderColumn['type']): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
    case 'bigint':
      return typeof value === 'string' && /^-?\d{1,18}$/.test(value);
    case 'timestamptz':
      return typeof value === 'string' && parseInstant(value) !== undefined;
    case 'uuid':
      return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value);
    case 'text':
      return typeof value === 'string' && !value.includes('\0');
  }
}

function quoted(column: string): string {
  return `"${column.replaceAll('"', '""')}"`;
}
