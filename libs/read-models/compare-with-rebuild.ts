import type { ClientBase } from 'pg';
import { BEFORE_ALL, type EventCodec, type EventLog } from '#libs/event-sourcing';
import { storedPosition } from '#libs/subscriptions';
import type { Pool } from 'pg';
import { projectRange } from './project.ts';
import { viewSubscription, type View } from './view.ts';
import { withClient } from './view-host.ts';
import { createTableSql, inTransaction } from './view-table.ts';
import { ViewWriter } from './view-writer.ts';

/** A row that is not what the events say. */
export interface RowDifference {
  readonly key: string;
  /** As JSON; undefined where the live view has no such row. */
  readonly live: Readonly<Record<string, unknown>> | undefined;
  /** As JSON; undefined where the events give no such row. */
  readonly rebuilt: Readonly<Record<string, unknown>> | undefined;
}

export interface Comparison {
  /** Checkpoint of the live view at which the two were compared. */
  readonly position: bigint;
  /** Rows that the events come to. */
  readonly rows: number;
  /** The first 100 by key. */
  readonly differing: readonly RowDifference[];
  readonly differingCount: number;
}

/**
 * Folds the whole history anew into a scratch table, up to the checkpoint of the live view, and compares row by row.
 * The live view is only read, in one snapshot with its checkpoint, and may be written meanwhile.
 */
export async function compareWithRebuild<Row extends object>(options: {
  readonly view: View<Row>;
  readonly log: EventLog;
  readonly codec: EventCodec;
  readonly pool: Pool;
}): Promise<Comparison> {
  const { view, pool } = options;
  const scratch = `${view.table}__compare`;
  return await withClient(pool, async (client) => {
    await client.query(createTableSql(view, scratch, 'temporary table'));
    const writer = new ViewWriter(view, scratch);
    const most = (await storedPosition(pool, viewSubscription(view))) ?? BEFORE_ALL;
    await projectRange(options, writer, client, { after: BEFORE_ALL, upTo: most });
    const comparison = await inTransaction(client, async () => {
      await client.query('set transaction isolation level repeatable read');
      const position = await checkpointInSnapshot(client, viewSubscription(view));
      await projectRange(options, writer, client, { after: most, upTo: position });
      return { position, ...(await compareTables(client, view, scratch)) };
    });
    await client.query(`drop table ${scratch}`);
    return comparison;
  });
}

async function checkpointInSnapshot(client: ClientBase, name: string): Promise<bigint> {
  const { rows } = await client.query<{ position: string }>('select position from subscription where name = $1', [name]);
  return rows[0] ? BigInt(rows[0].position) : BEFORE_ALL;
}

async function compareTables<Row extends object>(
  client: ClientBase,
  view: View<Row>,
  scratch: string,
): Promise<Omit<Comparison, 'position'>> {
  const names = view.columns.map((column) => column.name);
  const asJson = (alias: string): string =>
    `case when ${alias}.${view.key} is not null then json_build_object(${names.map((name) => `'${name}', ${alias}.${name}`).join(', ')}) end`;
  const { rows } = await client.query<{
    key: string;
    live: RowDifference['live'] | null;
    rebuilt: RowDifference['rebuilt'] | null;
    total: string;
  }>(
    `select coalesce(live.${view.key}, rebuilt.${view.key})::text as key, ${asJson('live')} as live, ${asJson('rebuilt')} as rebuilt, count(*) over () as total
       from ${view.table} live full join ${scratch} rebuilt using (${view.key})
      where (${names.map((name) => `live.${name}`).join(', ')}) is distinct from (${names.map((name) => `rebuilt.${name}`).join(', ')})
      order by 1 limit 100`,
  );
  const count = await client.query<{ rows: string }>(`select count(*) as rows from ${scratch}`);
  return {
    rows: Number(count.rows[0]?.rows),
    differing: rows.map(({ key, live, rebuilt }) => ({ key, live: live ?? undefined, rebuilt: rebuilt ?? undefined })),
    differingCount: Number(rows[0]?.total ?? 0),
  };
}
