import type { ClientBase } from 'pg';
import type { View } from './view.ts';

/** A row of a view as text that is the same wherever Postgres writes it: its jsonb, with times in UTC. */
export interface RowText {
  readonly key: string;
  readonly row: string;
}

const BATCH = 500;

/** Every row of a view's table, by key. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of views has no common row
export async function* viewRows(client: ClientBase, { table, key, columns }: View<any>): AsyncIterable<readonly RowText[]> {
  await client.query(`set timezone to 'UTC'`);
  const names = columns.map(({ name }) => `'${name}', t.${name}`).join(', ');
  for (let after: string | undefined; ;) {
    const { rows } = await client.query<RowText>(
      `select t.${key}::text as key, jsonb_build_object(${names})::text as row from ${table} t
        ${after === undefined ? '' : `where t.${key}::text collate "C" > $1`} order by t.${key}::text collate "C" limit ${BATCH}`,
      after === undefined ? [] : [after],
    );
    if (rows.length > 0) yield rows;
    if (rows.length < BATCH) return;
    after = rows.at(-1)!.key;
  }
}
