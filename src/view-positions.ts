import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock, type ViewPositions, type ViewStatus } from '#libs/http';
import { viewSubscription } from '#libs/read-models';
import { subscriptionStatuses } from '#libs/subscriptions';
import type { Infrastructure } from './infrastructure.ts';
import { views } from './read-models.ts';
import { INFRASTRUCTURE } from './tokens.ts';

/** How long an answer about a view's lag may be reused, milliseconds: asking costs a query, and every read asks. */
const FRESH_MS = 250;

/** Where views stand, as their subscriptions say: in this process where it runs them, else in the database. */
@Injectable()
export class ViewPositionsOfSubscriptions implements ViewPositions {
  private asked: { at: number; statuses: Promise<ReadonlyMap<string, ViewStatus>> } | undefined;

  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  waitFor(view: string, position: bigint, timeoutMs: number): Promise<boolean> {
    const { registry, pool } = this.infrastructure;
    return registry.waitForPosition(pool, subscriptionOf(view), position, timeoutMs);
  }

  async status(view: string): Promise<ViewStatus> {
    const local = this.infrastructure.registry.get(subscriptionOf(view));
    const stored = (await this.statuses()).get(subscriptionOf(view)) ?? { position: -1n, lagSeconds: 0 };
    return local && local.position > stored.position ? { ...stored, position: local.position } : stored;
  }

  private statuses(): Promise<ReadonlyMap<string, ViewStatus>> {
    const now = performance.now();
    if (!this.asked || now - this.asked.at > FRESH_MS) {
      const { pool, log } = this.infrastructure;
      const statuses = subscriptionStatuses(pool, log, this.clock().toISOString()).then((all) => new Map(all.map((s) => [s.name, s])));
      this.asked = { at: now, statuses };
    }
    return this.asked.statuses;
  }
}

function subscriptionOf(name: string): string {
  const view = views.find((v) => v.name === name);
  if (!view) throw new Error(`There is no view ${name}.`);
  return viewSubscription(view);
}
