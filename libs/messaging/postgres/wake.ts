import type { Pool, PoolClient } from 'pg';
import { backoffMs, pause } from '../backoff.ts';

const RECONNECT = { firstMs: 100, maxMs: 5_000 };

/** A flag that one reader waits for; set while nobody waits, it is kept. */
export class Wake {
  private raised = false;
  private resolve: (() => void) | undefined;

  raise(): void {
    this.raised = true;
    this.resolve?.();
  }

  /** Resolves when raised (then lowers it), after `ms`, or when aborted. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.raised && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.resolve = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener('abort', this.resolve, { once: true });
      });
      if (this.resolve) signal.removeEventListener('abort', this.resolve);
      this.resolve = undefined;
    }
    this.raised = false;
  }
}

/** Hears `NOTIFY messaging` on one connection of the pool, for as long as somebody listens, and raises who waits for it. */
export class Wakes {
  private readonly wakes = new Map<string, Set<Wake>>();
  private stop = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** @returns a function that ends it */
  on(payload: string, wake: Wake): () => void {
    const wakes = this.wakes.get(payload) ?? new Set();
    this.wakes.set(payload, wakes.add(wake));
    this.running ??= this.listen(this.stop.signal);
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.wakes.get(payload) === wakes) this.wakes.delete(payload);
    };
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private raise(payload: string | undefined): void {
    const wakes = payload === undefined ? [...this.wakes.values()] : [this.wakes.get(payload) ?? new Set<Wake>()];
    for (const set of wakes) for (const wake of set) wake.raise();
  }

  private async listen(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      let client: PoolClient | undefined;
      try {
        client = await this.pool.connect();
        const lost = new Promise<Error | undefined>((resolve) => {
          client!.on('error', resolve);
          client!.on('end', () => resolve(new Error('The connection that listens for messages ended.')));
          signal.addEventListener('abort', () => resolve(undefined), { once: true });
        });
        client.on('notification', ({ payload }) => this.raise(payload));
        await client.query('listen messaging');
        failures = 0;
        // What was published before this connection listened is found by looking.
        this.raise(undefined);
        const error = signal.aborted ? undefined : await lost;
        if (error) throw error;
      } catch (error) {
        if (!signal.aborted) {
          this.onError(error);
          await pause(backoffMs(++failures, RECONNECT), signal);
        }
      } finally {
        // Not put back: it would go on listening.
        client?.release(true);
      }
    }
  }
}
