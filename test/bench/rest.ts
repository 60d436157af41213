import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './app.ts';
import { withClient } from './database.ts';

const LOOK_EVERY_MS = 100;
/** Longer waits than the first take from the patience for all of a bench: a machine that does not come to rest is measured as it is. */
const USUAL_MS = 1_000;
const PATIENCE_MS = 60_000;

export class Rest {
  private left = PATIENCE_MS;
  /** How often it was waited for in vain. */
  missed = 0;

  constructor(private readonly app: App) {}

  /** Waits until nothing follows any more from what was asked: views have everything, and the log has stopped growing. */
  async come(): Promise<void> {
    const began = performance.now();
    if (!(await settledWithin(this.app, USUAL_MS + this.left))) this.missed++;
    this.left -= Math.max(0, Math.min(this.left, performance.now() - began - USUAL_MS));
  }
}

async function settledWithin({ databaseUrl, subscriptions }: App, patienceMs: number): Promise<boolean> {
  return await withClient(databaseUrl, async (client) => {
    const until = performance.now() + patienceMs;
    for (let before = ''; ; await sleep(LOOK_EVERY_MS)) {
      const { rows } = await client.query<{ head: string; behind: string }>(
        `select coalesce(max(position), -1) as head,
                (select count(*) from subscription where name = any($1) and position < (select max(position) from event_log.events)) as behind
         from event_log.events`,
        [subscriptions],
      );
      const [{ head, behind } = { head: '', behind: '1' }] = rows;
      if (behind === '0' && head === before) return true;
      if (performance.now() > until) return false;
      before = head;
    }
  });
}
