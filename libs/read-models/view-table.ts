import type { ClientBase } from 'pg';
import { POSTGRES_NAME } from './columns.ts';
import type { View } from './view.ts';

/** Where a view is rebuilt beside the live one. */
export function nextTable<Row extends object>(view: View<Row>): string {
  return `${view.table}__next`;
}

export function createTableSql<Row extends object>(view: View<Row>, table: string, kind: 'table' | 'temporary table' = 'table'): string {
  const columns = view.columns.map(({ name, type }) => `${name} ${type}${name === view.key ? ' primary key' : ''}`);
  const indexes = view.indexes.map((names) => `; create index on ${table} (${names.join(', ')})`);
  return `create ${kind} ${table} (${columns.join(', ')})${indexes.join('')}`;
}

/** What a table lacks of what its view declares, in words; empty where it fits, undefined where there is no such table. */
export async function misfits<Row extends object>(
  client: Pick<ClientBase, 'query'>,
  view: View<Row>,
): Promise<readonly string[] | undefined> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type
       from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [view.table],
  );
  if (rows.length === 0) return undefined;
  const present = new Map(rows.map((row) => [row.name, row.type]));
  return view.columns.flatMap(({ name, type }) => {
    const found = present.get(name);
    if (found === POSTGRES_NAME[type]) return [];
    return [found === undefined ? `it has no column ${name} (${type})` : `its column ${name} is ${found}, not ${type}`];
  });
}

/** Version of the declaration that the live table holds; undefined where the view never ran. */
export async function storedVersion<Row extends object>(client: Pick<ClientBase, 'query'>, view: View<Row>): Promise<number | undefined> {
  const { rows } = await client.query<{ version: number }>('select version from read_model where name = $1', [view.name]);
  return rows[0]?.version;
}

/**
 * Sees to it that the view has a table and a version on record; where it had neither, makes the table from the declaration.
 * Several workers may do this at once.
 *
 * @returns the version that the table holds
 * @throws Error the table is of this version, but does not fit the declaration
 */
export async function prepareView<Row extends object>(client: ClientBase, view: View<Row>): Promise<number> {
  return await inTransaction(client, async () => {
    await lockView(client, view);
    let lacks = await misfits(client, view);
    if (lacks === undefined) {
      await client.query(createTableSql(view, view.table));
      lacks = [];
    }
    await client.query('insert into read_model (name, version) values ($1, $2) on conflict do nothing', [view.name, view.version]);
    const version = (await storedVersion(client, view))!;
    if (version === view.version && lacks.length > 0) {
      throw new Error(
        `Table ${view.table} does not fit view ${view.name} v${version}: ${lacks.join('; ')}. Raise the view's version, or migrate the table.`,
      );
    }
    return version;
  });
}

/** Keeps workers apart that look at a view's table and version, or change them; until the transaction ends. */
export async function lockView<Row extends object>(client: ClientBase, view: View<Row>): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(hashtext('read-model'), hashtext($1))`, [view.name]);
}

export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
