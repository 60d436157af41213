import type { Pool } from 'pg';
import { ageInSeconds, type EventLog } from '#libs/event-sourcing';

/** Why a subscription stopped, and at which event. */
export interface SubscriptionFailure {
  readonly message: string;
  readonly eventId: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  /** Position as a decimal string: it may be over 2^53. */
  readonly position: string;
  /** ISO 8601. */
  readonly at: string;
}

/** `idle`: nobody runs it now. `failed`: it stopped itself at an event and waits for `resume`. */
export type SubscriptionState = 'idle' | 'running' | 'failed';

export interface SubscriptionStatus {
  readonly name: string;
  readonly state: SubscriptionState;
  /** Of the last event handled; -1n before the first. */
  readonly position: bigint;
  /** Of the last event of the log. */
  readonly head: bigint;
  readonly caughtUp: boolean;
  /** Age of the oldest event not yet handled, in seconds; 0 where it has caught up. */
  readonly lagSeconds: number;
  readonly eventsHandled: bigint;
  /** `recordedAt` of the last event handled, ISO 8601. */
  readonly lastRecordedAt: string | undefined;
  readonly failure: SubscriptionFailure | undefined;
}

interface StatusRow {
  name: string;
  state: SubscriptionState;
  position: string;
  events_handled: string;
  last_recorded_at: Date | null;
  failure: SubscriptionFailure | null;
}

/** Every subscription that was ever run on this database, by any worker, and is not retired, with its lag behind the log as of `now` (ISO 8601). */
export async function subscriptionStatuses(pool: Pool, log: EventLog, now: string): Promise<readonly SubscriptionStatus[]> {
  const head = await log.head();
  const { rows } = await pool.query<StatusRow>(`
    select name, position, events_handled, last_recorded_at, failure,
           case when state = 'running' and lease_until < clock_timestamp() then 'idle' else state end as state
      from subscription where state <> 'retired' order by name`);
  return await Promise.all(
    rows.map(async (row) => {
      const position = BigInt(row.position);
      const caughtUp = position >= head;
      return {
        name: row.name,
        state: row.state,
        position,
        head,
        caughtUp,
        lagSeconds: caughtUp ? 0 : await ageOfNext(log, position, now),
        eventsHandled: BigInt(row.events_handled),
        lastRecordedAt: row.last_recorded_at?.toISOString(),
        failure: row.failure ?? undefined,
      };
    }),
  );
}

async function ageOfNext(log: EventLog, after: bigint, now: string): Promise<number> {
  const [next] = await log.readAll({ after, maxCount: 1 });
  return next ? ageInSeconds(next, now) : 0;
}

/** The checkpoint of a subscription; undefined where it never ran. */
export async function storedPosition(pool: Pick<Pool, 'query'>, name: string): Promise<bigint | undefined> {
  const { rows } = await pool.query<{ position: string }>('select position from subscription where name = $1', [name]);
  return rows[0] && BigInt(rows[0].position);
}

/**
 * Lets every failed subscription try its event again; their names. For the start of a program, which may be a later one that can handle it: where
 * it can't, the subscription fails again at the same event. No event is skipped.
 */
export async function resumeFailedSubscriptions(pool: Pick<Pool, 'query'>): Promise<readonly string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `update subscription set state = 'idle', failure = null, holder = null, lease_until = null, updated_at = clock_timestamp()
      where state = 'failed' returning name`,
  );
  return rows.map(({ name }) => name).sort();
}

/**
 * Lets a failed subscription try its event again, in whichever worker waits for it; false where it had not failed.
 * No event is skipped: whoever calls this has mended the cause.
 */
export async function resumeSubscription(pool: Pool, name: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update subscription set state = 'idle', failure = null, holder = null, lease_until = null, updated_at = clock_timestamp()
      where name = $1 and state = 'failed'`,
    [name],
  );
  return rowCount === 1;
}
