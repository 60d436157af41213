import type { Pool } from 'pg';

/** How far a subscription has come, under one lease. */
export interface Checkpoint {
  readonly subscription: string;
  readonly token: bigint;
  readonly position: bigint;
  readonly handled: number;
  /** Of the last event, ISO 8601; undefined where nobody knows. */
  readonly recordedAt: string | undefined;
}

interface Waiting {
  readonly checkpoint: Checkpoint;
  readonly resolve: (kept: boolean) => void;
  readonly reject: (error: unknown) => void;
}

const groups = new WeakMap<Pool, Checkpoints>();

/**
 * Writes checkpoints that have no transaction of their own, those of one moment together: an event reaches some forty subscriptions at once,
 * to most of which it means nothing.
 */
export class Checkpoints {
  private waiting: Waiting[] = [];
  private writing = false;

  private constructor(private readonly pool: Pool) {}

  /** All subscriptions on one pool write together. */
  static of(pool: Pool): Checkpoints {
    let group = groups.get(pool);
    if (!group) groups.set(pool, (group = new Checkpoints(pool)));
    return group;
  }

  /** False where the lease's token is not the present one any more: then nothing was written. */
  write(checkpoint: Checkpoint): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ checkpoint, resolve, reject });
      if (!this.writing) void this.writeOn();
    });
  }

  private async writeOn(): Promise<void> {
    this.writing = true;
    // All that go on in this turn of the program come with the first.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const group = this.waiting;
      this.waiting = [];
      try {
        const kept = await this.update(group.map(({ checkpoint }) => checkpoint));
        for (const { checkpoint, resolve } of group) resolve(kept.has(keyOf(checkpoint.subscription, checkpoint.token)));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.writing = false;
  }

  private async update(all: readonly Checkpoint[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.pool.query<{ name: string; token: string }>({
      name: 'subscription-checkpoints',
      // What a crash of the server might undo comes again, so there is no need to wait for its disk.
      text: `update subscription s
                set position = c.position, events_handled = s.events_handled + c.handled, last_recorded_at = c.recorded_at,
                    updated_at = clock_timestamp()
               from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[])
                      as c (name, token, position, handled, recorded_at),
                    set_config('synchronous_commit', 'off', true)
              where s.name = c.name and s.token = c.token and s.state = 'running'
          returning s.name, s.token`,
      values: [
        all.map(({ subscription }) => subscription),
        all.map(({ token }) => token),
        all.map(({ position }) => position),
        all.map(({ handled }) => handled),
        all.map(({ recordedAt }) => recordedAt ?? null),
      ],
    });
    return new Set(rows.map(({ name, token }) => keyOf(name, token)));
  }
}

function keyOf(subscription: string, token: bigint | string): string {
  return `${token} ${subscription}`;
}
