import type { ClientBase, Pool } from 'pg';
import type { StoredEvent } from '#libs/event-sourcing';
import { Checkpoints } from './checkpoints.ts';
import type { SubscriptionFailure } from './status.ts';

/** Another worker has the subscription now, or nobody knows: this one may not write any more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  constructor(subscription: string, why: string) {
    super(`The lease of subscription ${subscription} is lost: ${why}.`);
  }
}

export interface LeaseRequest {
  readonly pool: Pool;
  readonly subscription: string;
  /** Unique per running host; begins with its process's `bootName` and a slash where the pool's connections carry that name. */
  readonly holder: string;
  /** How long a lease lasts without renewal, ms. */
  readonly leaseMs: number;
  /** Where a subscription begins that never ran. */
  readonly from: bigint;
}

const BOOT = 'plimsoll:';

/**
 * A name for the connections of a process, this time that it runs (`application_name` of its pool). Once the database sees no connection of
 * that name, the leases of the process are free at once, and not only when their time is over: it has died, or can't renew them.
 */
export function bootName(id: string): string {
  return BOOT + id;
}

/** What acquiring comes to: a lease, or why there is none now. */
export type Acquired =
  { readonly lease: Lease } | { readonly lease: undefined; readonly failure: SubscriptionFailure | undefined; readonly position: bigint };

/**
 * Takes the lease if nobody holds it, its time is over (by the database's clock, the only one that all workers share) or its holder's process is gone.
 * A subscription that has failed is left alone until it is resumed; a retired one for ever.
 */
export async function acquireLease(request: LeaseRequest): Promise<Acquired> {
  const { pool, subscription, holder, leaseMs, from } = request;
  const asked = performance.now();
  const { rows } = await pool.query<{ position: string; token: string }>(
    `update subscription
        set state = 'running', holder = $2, token = token + 1, lease_until = clock_timestamp() + $3 * interval '1 millisecond',
            updated_at = clock_timestamp()
      where name = $1 and state in ('idle', 'running')
        and (holder is null or holder = $2 or lease_until < clock_timestamp()
             or (starts_with(holder, '${BOOT}')
                 and not exists (select from pg_stat_activity where application_name = split_part(holder, '/', 1))))
  returning position, token`,
    [subscription, holder, leaseMs],
  );
  if (rows[0]) return { lease: new Lease(request, BigInt(rows[0].token), BigInt(rows[0].position), asked) };

  const present = await pool.query<{ position: string; failure: SubscriptionFailure | null }>(
    'select position, failure from subscription where name = $1',
    [subscription],
  );
  const row = present.rows[0];
  if (row) return { lease: undefined, failure: row.failure ?? undefined, position: BigInt(row.position) };
  await pool.query('insert into subscription (name, position) values ($1, $2) on conflict do nothing', [subscription, from]);
  return await acquireLease(request);
}

/** The right to run one subscription, kept alive in the background until it is released or lost. */
export class Lease {
  private readonly abort = new AbortController();
  private readonly renewals: NodeJS.Timeout;
  private expiry: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly request: LeaseRequest,
    readonly token: bigint,
    readonly position: bigint,
    asked: number,
  ) {
    this.validFrom(asked);
    this.renewals = setInterval(() => void this.renew(), request.leaseMs / 4);
  }

  /** Aborted, with a `LeaseLost`, when the lease is lost. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Moves on inside of the caller's transaction. @throws LeaseLost another holder's token is in the row: the transaction must roll back */
  async checkpoint(client: Pick<ClientBase, 'query'>, last: StoredEvent, handled: number): Promise<void> {
    const { rowCount } = await client.query({
      name: 'subscription-checkpoint',
      text: `update subscription
                set position = $3, events_handled = events_handled + $4, last_recorded_at = $5, updated_at = clock_timestamp()
              where name = $1 and token = $2 and state = 'running'`,
      values: [this.request.subscription, this.token, last.position, handled, recordedAt(last)],
    });
    if (rowCount !== 1) throw this.lose('its token is no longer the current one');
  }

  /** Moves on where nothing else is to be written with it. @throws LeaseLost another holder's token is in the row */
  async advance(last: StoredEvent, handled: number): Promise<void> {
    const { pool, subscription } = this.request;
    const checkpoint = { subscription, token: this.token, position: last.position, handled, recordedAt: recordedAt(last) };
    if (!(await Checkpoints.of(pool).write(checkpoint))) throw this.lose('its token is no longer the current one');
  }

  /** Gives the subscription up with the reason on record. @throws LeaseLost */
  async fail(failure: SubscriptionFailure): Promise<void> {
    const { rowCount } = await this.request.pool.query(
      `update subscription set state = 'failed', failure = $3, holder = null, lease_until = null, updated_at = clock_timestamp()
        where name = $1 and token = $2`,
      [this.request.subscription, this.token, failure],
    );
    this.stop();
    if (rowCount !== 1) throw this.lose('its token is no longer the current one');
  }

  /** Lets the next worker take over at once; without this it waits until the lease is over. */
  async release(): Promise<void> {
    this.stop();
    await this.request.pool.query(
      `update subscription set state = 'idle', holder = null, lease_until = null, updated_at = clock_timestamp()
        where name = $1 and token = $2 and state = 'running'`,
      [this.request.subscription, this.token],
    );
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.renewals);
    clearTimeout(this.expiry);
  }

  private async renew(): Promise<void> {
    const { pool, subscription, leaseMs } = this.request;
    const asked = performance.now();
    try {
      const { rowCount } = await pool.query({
        name: 'subscription-renew',
        text: `update subscription set lease_until = clock_timestamp() + $3 * interval '1 millisecond' where name = $1 and token = $2 and state = 'running'`,
        values: [subscription, this.token, leaseMs],
      });
      if (this.stopped) return;
      if (rowCount === 1) this.validFrom(asked);
      else this.lose('another worker has taken over');
    } catch {
      // No answer: the expiry timer decides, unless a later renewal gets through.
    }
  }

  /** Counts from before the question was asked, and ends a quarter early: this worker stops before another one may start. */
  private validFrom(asked: number): void {
    clearTimeout(this.expiry);
    const left = asked + this.request.leaseMs * 0.75 - performance.now();
    this.expiry = setTimeout(() => this.lose('it could not be renewed in time'), Math.max(0, left));
  }

  private lose(why: string): LeaseLost {
    const error = new LeaseLost(this.request.subscription, why);
    this.stop();
    this.abort.abort(error);
    return error;
  }
}

/** When the last event was recorded, as far as anybody knows. */
function recordedAt({ stray, metadata }: StoredEvent): string | undefined {
  return stray ? stray.storedAt : metadata.recordedAt;
}
