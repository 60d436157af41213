import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './app.ts';
import { withClient } from './database.ts';

const LOOK_EVERY_MS = 100;
/** A machine that never comes to rest is measured as it is. */
const PATIENCE_MS = 30_000;

/** Resolves when nothing follows any more from what was asked: views have everything, and the log has stopped growing. */
export async function settled({ databaseUrl, subscriptions }: App): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    const until = performance.now() + PATIENCE_MS;
    for (let before = ''; performance.now() < until; await sleep(LOOK_EVERY_MS)) {
      const { rows } = await client.query<{ head: string; behind: string }>(
        `select coalesce(max(position), -1) as head,
                (select count(*) from subscription where name = any($1) and position < (select max(position) from event_log.events)) as behind
         from event_log.events`,
        [subscriptions],
      );
      const [{ head, behind } = { head: '', behind: '1' }] = rows;
      if (behind === '0' && head === before) return;
      before = head;
    }
  });
}
