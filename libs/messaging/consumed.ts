import type { Pool, PoolClient } from 'pg';
import { derivedId } from '#libs/event-sourcing';
import type { ReceivedMessage } from './message-bus.ts';

/**
 * By what a repeated message is known: source and id of a CloudEvent (binary mode), which its producer repeats when it publishes
 * again; else its place in its topic, which only a redelivery repeats. Hashed to a UUID, because both are a stranger's text.
 */
export function messageIdOf(message: ReceivedMessage): string {
  const { ce_id, ce_source } = message.headers;
  if (ce_id !== undefined && ce_source !== undefined) return derivedId('cloud-event', ce_source, ce_id);
  return derivedId('message', message.topic, String(message.partition), String(message.offset));
}

/** Marks a message as consumed by a group; false where it has been consumed, or lies among the open dead letters. */
export async function markConsumed(client: Pool | PoolClient, group: string, messageId: string): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'messaging-mark-consumed',
    text: `insert into messaging.consumed (group_name, id)
           select $1, $2 where not exists (
             select from messaging.dead_letters where group_name = $1 and message_id = $2 and redriven_at is null)
           on conflict do nothing`,
    values: [group, messageId],
  });
  return rowCount === 1;
}

/** What `markConsumed` would say, without marking. */
export async function isNew(pool: Pool, group: string, messageId: string): Promise<boolean> {
  const { rows } = await pool.query<{ known: boolean }>({
    name: 'messaging-is-known',
    text: `select exists (select from messaging.consumed where group_name = $1 and id = $2)
               or exists (select from messaging.dead_letters where group_name = $1 and message_id = $2 and redriven_at is null) as known`,
    values: [group, messageId],
  });
  return rows[0]?.known === false;
}

/**
 * Forgets what was consumed before a time. A message that is delivered again after that is handled again: keep at least as
 * long as the bus keeps messages.
 *
 * @returns how many
 */
export async function pruneConsumed(pool: Pool, before: Date): Promise<number> {
  return (await pool.query('delete from messaging.consumed where consumed_at < $1', [before])).rowCount ?? 0;
}
