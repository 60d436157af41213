import type { ClientBase } from 'pg';
import type { StoredEvent } from '#libs/event-sourcing';
import { decodeValue, encodeValue, normaliseValue, selectExpression, type ColumnType } from './columns.ts';
import { applyTo, keysOf, type View } from './view.ts';

/** Most rows that are remembered between batches. */
const CACHE_ROWS = 20_000;

/** Folds batches of events into a table: one select, one upsert and one delete a batch, whatever its size. */
export class ViewWriter<Row extends object> {
  /** Rows as they are in the table; undefined for those known to be absent. */
  private readonly cache = new Map<string, Row | undefined>();
  private epoch: number | undefined;
  private readonly keyType: ColumnType;
  private readonly statements: { readonly select: string; readonly upsert: string; readonly remove: string };

  constructor(
    private readonly view: View<Row>,
    table: string = view.table,
  ) {
    this.keyType = view.columns.find((column) => column.name === view.key)!.type;
    this.statements = statementsFor(view, table, this.keyType);
  }

  /**
   * Applies events in order, inside of the caller's transaction.
   *
   * @param epoch what is remembered of earlier batches is trusted for as long as this stays the same (see `BatchContext`)
   */
  async write(events: readonly StoredEvent[], client: ClientBase, epoch: number): Promise<void> {
    this.beginBatch(epoch);
    const touching = events.map((event) => ({ event, keys: keysOf(this.view, event) })).filter(({ keys }) => keys.length > 0);
    if (touching.length === 0) return;
    const before = await this.load(new Set(touching.flatMap(({ keys }) => keys)), client);

    const after = new Map(before);
    for (const { event, keys } of touching) {
      for (const key of keys) after.set(key, applyTo(this.view, after.get(key), event, key));
    }

    const changed: Row[] = [];
    const removed: string[] = [];
    for (const [key, row] of after) {
      const earlier = before.get(key);
      if (row === earlier) continue;
      if (row) {
        const normal = this.normalised(row);
        changed.push(normal);
        this.cache.set(key, normal);
      } else {
        removed.push(key);
        this.cache.set(key, undefined);
      }
    }
    if (changed.length > 0) await client.query(this.statements.upsert, this.columnsOf(changed));
    if (removed.length > 0) await client.query(this.statements.remove, [removed]);
  }

  private beginBatch(epoch: number): void {
    if (epoch !== this.epoch || this.cache.size > CACHE_ROWS) this.cache.clear();
    this.epoch = epoch;
  }

  private async load(keys: ReadonlySet<string>, client: ClientBase): Promise<Map<string, Row | undefined>> {
    const missing = [...keys].filter((key) => !this.cache.has(key));
    if (missing.length > 0) {
      const { rows } = await client.query<Record<string, unknown>>(this.statements.select, [missing]);
      for (const key of missing) this.cache.set(key, undefined);
      for (const row of rows) this.cache.set(String(row[this.view.key]), this.decoded(row));
    }
    return new Map([...keys].map((key) => [key, this.cache.get(key)]));
  }

  private decoded(row: Record<string, unknown>): Row {
    for (const { name, type } of this.view.columns) row[name] = decodeValue(type, row[name]);
    return row as Row;
  }

  private normalised(row: Row): Row {
    const normal: Record<string, unknown> = {};
    for (const { name, type } of this.view.columns) normal[name] = normaliseValue(type, row[name]);
    return normal as Row;
  }

  /** One array a column, as `unnest` takes them. */
  private columnsOf(rows: readonly Row[]): (string | null)[][] {
    return this.view.columns.map(({ name, type }) => rows.map((row) => encodeValue(type, row[name])));
  }
}

function statementsFor<Row extends object>(view: View<Row>, table: string, keyType: ColumnType) {
  const names = view.columns.map((column) => column.name);
  const others = names.filter((name) => name !== view.key);
  const onConflict = others.length > 0 ? `do update set ${others.map((name) => `${name} = excluded.${name}`).join(', ')}` : 'do nothing';
  return {
    select: `select ${view.columns.map(({ name, type }) => selectExpression(type, name)).join(', ')} from ${table} where ${view.key} = any($1::${keyType}[])`,
    upsert: `insert into ${table} (${names.join(', ')})
             select * from unnest(${view.columns.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ')})
             on conflict (${view.key}) ${onConflict}`,
    remove: `delete from ${table} where ${view.key} = any($1::${keyType}[])`,
  };
}
