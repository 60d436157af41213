import type { Pool, PoolClient } from 'pg';
import type { EventCodec, EventLog } from '#libs/event-sourcing';
import type { SubscriptionOptions } from '#libs/subscriptions';
import { keysOf, type View } from './view.ts';
import { ViewWriter } from './view-writer.ts';

export interface ViewHostOptions<Row extends object> extends Pick<
  SubscriptionOptions,
  'batchSize' | 'leaseMs' | 'pollMs' | 'registry' | 'onError'
> {
  readonly view: View<Row>;
  readonly log: EventLog;
  readonly codec: EventCodec;
  readonly pool: Pool;
  readonly signal: AbortSignal;
}

/** Events in a batch, unless told. */
export const VIEW_BATCH = 2000;

/** A projection as a subscription: rows and checkpoint in one transaction. */
export function subscriptionOf<Row extends object>(options: ViewHostOptions<Row>, name: string, table: string): SubscriptionOptions {
  const { view, ...rest } = options;
  const writer = new ViewWriter(view, table);
  return {
    ...rest,
    name,
    batchSize: options.batchSize ?? VIEW_BATCH,
    handle: {
      concerns: (event) => keysOf(view, event).length > 0,
      transactional: (events, client, { epoch }) => writer.write(events, client, epoch),
    },
  };
}

export async function withClient<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  const ignore = (): void => undefined;
  client.on('error', ignore);
  let failed = true;
  try {
    const result = await work(client);
    failed = false;
    return result;
  } finally {
    client.off('error', ignore);
    // After an error nobody knows what the session is left with: a lock, a temporary table, a transaction.
    client.release(failed);
  }
}
