import type { Pool } from 'pg';
import { storedPosition, type SubscriptionFailure } from './status.ts';

/** A subscription as this process sees it. `waiting`: another worker runs it, or nobody can be asked. */
export interface LocalStatus {
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'failed' | 'stopped';
  /** Of the last event known to be handled. */
  readonly position: bigint;
  readonly failure: SubscriptionFailure | undefined;
  /** The last interruption that it recovers from by itself; undefined while all is well. */
  readonly interruption: string | undefined;
}

interface Waiter {
  readonly position: bigint;
  readonly settle: (reached: boolean) => void;
}

interface Entry {
  status: LocalStatus;
  readonly waiters: Set<Waiter>;
}

/** What runs in this process and how it fares, for health and for reading one's own writes. Needs no database to answer. */
export class SubscriptionRegistry {
  private readonly entries = new Map<string, Entry>();

  list(): readonly LocalStatus[] {
    return [...this.entries.values()].map((entry) => entry.status);
  }

  get(name: string): LocalStatus | undefined {
    return this.entries.get(name)?.status;
  }

  /** For hosts: something that ran for a while, such as a rebuild, is over. */
  forget(name: string): void {
    for (const waiter of this.entries.get(name)?.waiters ?? []) waiter.settle(false);
    this.entries.delete(name);
  }

  /** For hosts: says how a subscription fares, and wakes who waits for its position. */
  update(name: string, change: Partial<Omit<LocalStatus, 'name'>>): void {
    const entry = this.entry(name);
    entry.status = { ...entry.status, ...change };
    for (const waiter of entry.waiters) {
      if (entry.status.position >= waiter.position) waiter.settle(true);
      else if (entry.status.state === 'failed') waiter.settle(false);
    }
  }

  /**
   * Waits until a subscription has handled the event at a position, at most `timeoutMs`; false where it has not by then, or has failed.
   * Told directly where it runs in this process; otherwise by asking its row, every 10 ms at first and every 50 ms later.
   */
  async waitForPosition(pool: Pool, name: string, position: bigint, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (let every = 10; ; every = Math.min(50, every * 1.5)) {
      const local = this.get(name);
      if (local && local.position >= position) return true;
      if (local?.state === 'failed') return false;
      const left = deadline - performance.now();
      if (local?.state === 'running') {
        if (left <= 0) return false;
        // Not to the deadline in one go: the lease may pass to another process, of which nobody tells us.
        if (await this.notified(name, position, Math.min(left, 250))) return true;
        continue;
      }
      const stored = await storedPosition(pool, name);
      if (stored !== undefined && stored >= position) return true;
      if (left <= 0) return false;
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, every)));
    }
  }

  private notified(name: string, position: bigint, timeoutMs: number): Promise<boolean> {
    const { waiters } = this.entry(name);
    return new Promise((resolve) => {
      const settle = (reached: boolean): void => {
        clearTimeout(timer);
        waiters.delete(waiter);
        resolve(reached);
      };
      const waiter = { position, settle };
      const timer = setTimeout(settle, timeoutMs, false);
      waiters.add(waiter);
    });
  }

  private entry(name: string): Entry {
    let entry = this.entries.get(name);
    if (!entry) {
      entry = { status: { name, state: 'waiting', position: -1n, failure: undefined, interruption: undefined }, waiters: new Set() };
      this.entries.set(name, entry);
    }
    return entry;
  }
}
