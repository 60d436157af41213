import type { DomainEvent, StoredEvent } from '#libs/event-sourcing';
import type { ColumnType } from './columns.ts';

/** What an event means to a view. */
export interface RowChange<Row, E extends DomainEvent> {
  /** Key of the row that it touches, or of several, or undefined for none. */
  readonly key: (event: StoredEvent<E>) => string | readonly string[] | undefined;
  /** Pure: the row as it was (undefined where there is none) to the row as it is (undefined to delete it). Never changes `row` in place. */
  readonly apply: (row: Readonly<Row> | undefined, event: StoredEvent<E>, key: string) => Row | undefined;
}

export interface ViewDeclaration<Row extends object, E extends DomainEvent> {
  /** kebab-case; its subscription is `projection:<name>:v<version>`. */
  readonly name: string;
  /** 1 and up. Raise it whenever the same events should give other rows: the next start then rebuilds it beside the live one. */
  readonly version: number;
  /** snake_case, at most 40 characters. */
  readonly table: string;
  /** The column that is the primary key. */
  readonly key: keyof Row & string;
  readonly columns: { readonly [C in keyof Row & string]: ColumnType };
  /** Columns of further indexes, for a table that is made from this declaration and not by a migration. */
  readonly indexes?: readonly (readonly (keyof Row & string)[])[];
  /** Every event of the union: an event that is new does not compile here until the view says what it means, or `ignored`. */
  readonly on: { readonly [T in E['type']]: 'ignored' | RowChange<Row, Extract<E, { readonly type: T }>> };
}

/** A declared view, checked. */
export interface View<Row extends object = Record<string, unknown>> {
  readonly name: string;
  readonly version: number;
  readonly table: string;
  readonly key: keyof Row & string;
  /** In the order of the declaration. */
  readonly columns: readonly { readonly name: keyof Row & string; readonly type: ColumnType }[];
  readonly indexes: readonly (readonly string[])[];
  /** The change for an event type; undefined where the event is ignored or unknown. */
  readonly change: (type: string) => RowChange<Row, DomainEvent> | undefined;
}

const IDENTIFIER = /^[a-z][a-z0-9_]{0,39}$/;

/**
 * Declares a view: a table that is a fold over events, row by row.
 *
 * @throws Error a name is not one, or the key is not a column
 */
export function defineView<Row extends object, E extends DomainEvent>(declaration: ViewDeclaration<Row, E>): View<Row> {
  const { name, version, table, key, on } = declaration;
  const columns = (Object.entries(declaration.columns) as [keyof Row & string, ColumnType][]).map(([column, type]) => ({
    name: column,
    type,
  }));
  for (const identifier of [table, ...columns.map((column) => column.name)]) {
    if (!IDENTIFIER.test(identifier)) throw new Error(`View ${name}: ${identifier} is not a snake_case name of at most 40 characters.`);
  }
  if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`View ${name}: the name is not kebab-case.`);
  if (!Number.isInteger(version) || version < 1) throw new Error(`View ${name}: the version is not a whole number from 1.`);
  if (!Object.hasOwn(declaration.columns, key)) throw new Error(`View ${name}: its key ${key} is not one of its columns.`);
  // A map and not the object itself: an event named "constructor" must find nothing.
  const changes = new Map(Object.entries(on).filter(([, change]) => change !== 'ignored')) as Map<string, RowChange<Row, DomainEvent>>;
  return { name, version, table, key, columns, indexes: declaration.indexes ?? [], change: (type) => changes.get(type) };
}

/** Name of the subscription that keeps a view, as `Plimsoll-Min-Position` waits for it. */
export function viewSubscription(view: Pick<View, 'name' | 'version'>): string {
  return `projection:${view.name}:v${view.version}`;
}

/** The rows that an event touches. */
export function keysOf<Row extends object>(view: View<Row>, event: StoredEvent): readonly string[] {
  const keys = view.change(event.type)?.key(event);
  if (keys === undefined) return [];
  return typeof keys === 'string' ? [keys] : [...new Set(keys)];
}

/** The next row, checked. @throws Error the row has another key than the one that it was made for */
export function applyTo<Row extends object>(view: View<Row>, row: Row | undefined, event: StoredEvent, key: string): Row | undefined {
  const next = view.change(event.type)?.apply(row, event, key);
  if (next && String(next[view.key]) !== key) {
    throw new Error(`View ${view.name}: ${event.type} gave the row ${String(next[view.key])} where ${key} was asked for.`);
  }
  return next;
}
