import type { PoolClient } from 'pg';
import { NO_STREAM, type EventCodec, type StoredEvent } from '#libs/event-sourcing';
import { backoff, isTransient, pause, runSubscription, type SubscriptionOptions } from '#libs/subscriptions';
import { processOf, processStream, type ProcessTimerElapsed, type ProcessTimerSet } from './events.ts';
import { appendDecided } from './process-stream.ts';
import type { Clock } from './run-process.ts';
import { isOfTimers, standingTimer } from './timers.ts';

export interface TimerHostOptions extends Omit<SubscriptionOptions, 'name' | 'handle' | 'codec' | 'from'> {
  readonly codec: EventCodec;
  readonly clock: Clock;
  /** How often due timers are looked for, ms; 500 unless told. */
  readonly tickMs?: number;
}

/** Name of the subscription that keeps the table of timers. */
export const TIMERS = 'timers';

/** Timers that one tick takes at most, in one transaction. */
const MOST = 100;

/**
 * Keeps and rings the timers of all processes until `signal` says stop; never rejects. Any number of workers may run it.
 * The table says what may be due; whether it is, the process's own stream says when it rings. So a timer rings late after a standstill,
 * but it is neither lost, nor early, nor heard twice.
 */
export async function runTimers(options: TimerHostOptions): Promise<void> {
  const { clock: _clock, tickMs: _tickMs, ...subscription } = options;
  await Promise.all([
    runSubscription({ ...subscription, name: TIMERS, handle: { concerns: isOfTimers, transactional: keepTimers } }),
    ring(options),
  ]);
}

async function ring(options: TimerHostOptions): Promise<void> {
  const { signal, tickMs = 500 } = options;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const rung = await ringDue(options);
      failures = 0;
      if (rung < MOST) await pause(tickMs, signal);
    } catch (error) {
      options.onError?.(error);
      await pause(backoff(failures++), signal);
    }
  }
}

interface TimerRow {
  process: string;
  instance: string;
  timer_id: string;
  due_at: Date;
}

const REMOVE = 'delete from timer where process = $1 and instance = $2 and timer_id = $3';
const POSTPONE = 'update timer set tried_at = clock_timestamp() where process = $1 and instance = $2 and timer_id = $3';

/** Rings what is due now, skipping what another worker has in hand; says how many rows it has done with. */
async function ringDue(options: TimerHostOptions): Promise<number> {
  const client = await options.pool.connect();
  const ignore = (): void => undefined;
  client.on('error', ignore);
  let failed = true;
  try {
    await client.query('begin');
    const { rows } = await client.query<TimerRow>(
      `select process, instance, timer_id, due_at from timer where due_at <= $1
        order by tried_at nulls first, due_at limit $2 for update skip locked`,
      [options.clock(), MOST],
    );
    let done = 0;
    for (const row of rows) {
      const served = await elapse(options, row);
      await client.query(served ? REMOVE : POSTPONE, [row.process, row.instance, row.timer_id]);
      if (served) done++;
    }
    await client.query('commit');
    failed = false;
    return done;
  } finally {
    client.off('error', ignore);
    client.release(failed);
  }
}

/**
 * Appends that a timer has elapsed, if it still stands as the row says; says whether the row has served. A row that the stream has moved on
 * from has: the subscription, which is behind, will write the new one. A row that the stream does not know of stays, lest a read that
 * is behind the table loses a deadline.
 */
async function elapse(options: TimerHostOptions, row: TimerRow): Promise<boolean> {
  const stream = processStream(row.process, row.instance);
  let known = false;
  const own: StoredEvent[] = [];
  const followed = {
    stream,
    get revision() {
      return own.at(-1)?.revision ?? NO_STREAM;
    },
    take: (event: StoredEvent) => void own.push(event),
  };
  try {
    await appendDecided(options, followed, () => {
      known = own.some((event) => isSetting(event, row));
      const set = standingTimer(own, row.timer_id);
      if (!set || !isSetting(set, row)) return undefined;
      const elapsedAt = options.clock();
      const { timerId, dueAt, data } = set.data;
      const elapsed: ProcessTimerElapsed = { type: 'ProcessTimerElapsed', data: { timerId, dueAt, elapsedAt, data } };
      return { events: [elapsed], cause: { id: set.id, correlationId: set.metadata.correlationId, now: elapsedAt } };
    });
  } catch (error) {
    if (isTransient(error)) throw error;
    // One stream that can't be read keeps no other timer from ringing.
    options.onError?.(error);
    return false;
  }
  if (!known) options.onError?.(new Error(`Timer ${row.timer_id} of ${stream} is due, but its stream does not know of it.`));
  return known;
}

/** Whether an event is what a row was made from. */
function isSetting(event: StoredEvent, row: TimerRow): boolean {
  if (event.type !== 'ProcessTimerSet') return false;
  const { timerId, dueAt } = event.data as ProcessTimerSet['data'];
  return timerId === row.timer_id && Date.parse(dueAt) === row.due_at.getTime();
}

/** Projects the timers of a batch: the last word on each. */
async function keepTimers(events: readonly StoredEvent[], client: PoolClient): Promise<void> {
  const last = new Map<string, { process: string; instance: string; timerId: string; set: ProcessTimerSet['data'] | undefined }>();
  for (const event of events) {
    const own = isOfTimers(event) ? processOf(event.stream) : undefined;
    if (!own) continue;
    const { timerId } = event.data as { timerId: string };
    last.set(JSON.stringify([event.stream, timerId]), {
      ...own,
      timerId,
      set: event.type === 'ProcessTimerSet' ? (event.data as ProcessTimerSet['data']) : undefined,
    });
  }
  const timers = [...last.values()];
  const keys = (of: typeof timers): string[][] => [of.map((t) => t.process), of.map((t) => t.instance), of.map((t) => t.timerId)];
  const gone = timers.filter((timer) => !timer.set);
  const standing = timers.filter((timer) => timer.set);
  if (gone.length > 0) {
    await client.query(
      'delete from timer where (process, instance, timer_id) in (select * from unnest($1::text[], $2::text[], $3::text[]))',
      keys(gone),
    );
  }
  if (standing.length > 0) {
    await client.query(
      `insert into timer (process, instance, timer_id, due_at, data)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[])
       on conflict (process, instance, timer_id) do update set due_at = excluded.due_at, data = excluded.data, tried_at = null`,
      [...keys(standing), standing.map((timer) => timer.set?.dueAt), standing.map((timer) => JSON.stringify(timer.set?.data ?? null))],
    );
  }
}
