import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { backoffMs, pause } from '../backoff.ts';
import type { ConsumeOptions, ReceivedMessage } from '../message-bus.ts';
import { Wake, type Wakes } from './wake.ts';

const BATCH = 100;
/** A long batch commits at least this often, so that a crash repeats little. */
const COMMIT_EVERY_MS = 250;
const RETRY = { firstMs: 100, maxMs: 10_000 };

interface Lease {
  readonly topic: string;
  readonly partition: number;
  readonly token: string;
  nextOffset: bigint;
  /** By this process's own steady clock, earlier than the database's: a holder that can't renew stops by itself. */
  until: number;
  readonly stop: AbortController;
  readonly wake: Wake;
  done: Promise<void>;
}

/**
 * One member of a group. Members see each other in a table and each works out the same assignment from it: partition p of a
 * topic belongs to member p modulo their number. Views may differ for a moment; a fenced lease on each partition decides.
 */
export class PostgresConsumer {
  private readonly member = randomUUID();
  private readonly leases = new Map<string, Lease>();
  private readonly stopping = new AbortController();
  private readonly wake = new Wake();
  private joined = false;
  private unlisten: () => void = () => undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped: Promise<void> | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly wakes: Wakes,
    private readonly options: ConsumeOptions,
    private readonly ensureTopics: () => Promise<void>,
    private readonly times: { readonly leaseMs: number; readonly pollMs: number },
  ) {}

  /** Resolves when it has joined its group, or has failed to for the first time. */
  async start(): Promise<void> {
    this.unlisten = this.wakes.on(this.groupChannel, this.wake);
    await new Promise<void>((resolve) => {
      this.running = this.run(resolve);
    });
  }

  stop(): Promise<void> {
    this.stopped ??= (async () => {
      this.stopping.abort();
      this.unlisten();
      // At once: a round trip later, the next message would be in hand.
      const released = [...this.leases.values()].map((lease) => this.release(lease));
      await this.running;
      const claimedMeanwhile = [...this.leases.values()].map((lease) => this.release(lease));
      await Promise.all([...released, ...claimedMeanwhile]);
      await this.leave().catch((error: unknown) => this.tell(error));
    })();
    return this.stopped;
  }

  private get groupChannel(): string {
    return `group:${this.options.group}`;
  }

  private tell(error: unknown, message?: ReceivedMessage): void {
    this.options.onError?.(error, message);
  }

  private async run(settled: () => void): Promise<void> {
    for (let failures = 0; !this.stopping.signal.aborted;) {
      try {
        if (!this.joined) await this.join();
        await this.balance();
        failures = 0;
        settled();
        await this.wake.wait(this.times.leaseMs / 3, this.stopping.signal);
      } catch (error) {
        this.tell(error);
        settled();
        await pause(backoffMs(++failures, { firstMs: 50, maxMs: this.times.leaseMs / 3 }), this.stopping.signal);
      }
    }
    settled();
  }

  private async join(): Promise<void> {
    await this.ensureTopics();
    await this.beSeen();
    await this.pool.query(
      `insert into messaging.group_offsets (group_name, topic, partition)
       select $1, topic, partition from messaging.partitions where topic = any($2) order by topic, partition on conflict do nothing`,
      [this.options.group, this.options.topics],
    );
    await this.notifyGroup();
    this.joined = true;
  }

  private async leave(): Promise<void> {
    await this.pool.query('delete from messaging.members where group_name = $1 and (member = $2 or seen_until < now())', [
      this.options.group,
      this.member,
    ]);
    await this.notifyGroup();
  }

  private async beSeen(): Promise<void> {
    await this.pool.query(
      `insert into messaging.members (group_name, topic, member, seen_until)
       select $1, topic, $3, now() + $4 * interval '1 millisecond' from unnest($2::text[]) topic
       on conflict (group_name, topic, member) do update set seen_until = excluded.seen_until`,
      [this.options.group, this.options.topics, this.member, this.times.leaseMs],
    );
  }

  private async notifyGroup(): Promise<void> {
    await this.pool.query(`select pg_notify('messaging', $1)`, [this.groupChannel]);
  }

  /** Says that this member lives, renews what it holds, gives up what has become another's, and claims what is its own. */
  private async balance(): Promise<void> {
    await this.beSeen();
    await this.renew();
    const wanted = await this.pool.query<{ topic: string; partition: number }>(
      `with live as (
         select topic, member, row_number() over (partition by topic order by member) - 1 as rank, count(*) over (partition by topic) as members
         from messaging.members where group_name = $1 and topic = any($2) and seen_until > now())
       select p.topic, p.partition from messaging.partitions p join live on live.topic = p.topic and p.partition % live.members = live.rank
       where live.member = $3`,
      [this.options.group, this.options.topics, this.member],
    );
    const own = new Set(wanted.rows.map(placeOf));
    // Not awaited: a handler at work on one partition does not hold up the others.
    for (const lease of this.leases.values()) if (!own.has(placeOf(lease))) void this.release(lease);
    await this.claim(wanted.rows.filter((place) => !this.leases.has(placeOf(place))));
  }

  private async renew(): Promise<void> {
    const held = [...this.leases.values()];
    if (held.length === 0) return;
    const until = performance.now() + this.times.leaseMs;
    const renewed = await this.pool.query<{ topic: string; partition: number }>(
      `update messaging.group_offsets g set lease_until = now() + $5 * interval '1 millisecond'
       from unnest($2::text[], $3::int[], $4::bigint[]) as mine(topic, partition, token)
       where g.group_name = $1 and g.topic = mine.topic and g.partition = mine.partition and g.token = mine.token
       returning g.topic, g.partition`,
      [this.options.group, held.map((l) => l.topic), held.map((l) => l.partition), held.map((l) => l.token), this.times.leaseMs],
    );
    const kept = new Set(renewed.rows.map(placeOf));
    for (const lease of held) {
      if (kept.has(placeOf(lease))) lease.until = until;
      else lease.stop.abort();
    }
  }

  private async claim(places: readonly { topic: string; partition: number }[]): Promise<void> {
    if (places.length === 0) return;
    const until = performance.now() + this.times.leaseMs;
    const claimed = await this.pool.query<{ topic: string; partition: number; token: string; next_offset: string }>(
      `update messaging.group_offsets g set holder = $4, token = g.token + 1, lease_until = now() + $5 * interval '1 millisecond'
       from unnest($2::text[], $3::int[]) as wanted(topic, partition)
       where g.group_name = $1 and g.topic = wanted.topic and g.partition = wanted.partition and (g.holder is null or g.lease_until < now())
       returning g.topic, g.partition, g.token, g.next_offset`,
      [this.options.group, places.map((p) => p.topic), places.map((p) => p.partition), this.member, this.times.leaseMs],
    );
    for (const { topic, partition, token, next_offset } of claimed.rows) {
      const lease: Lease = {
        topic,
        partition,
        token,
        nextOffset: BigInt(next_offset),
        until,
        stop: new AbortController(),
        wake: new Wake(),
        done: Promise.resolve(),
      };
      this.leases.set(placeOf(lease), lease);
      if (!this.stopping.signal.aborted) lease.done = this.work(lease);
    }
  }

  /** Waits for the message in hand, then lets others have the partition. */
  private async release(lease: Lease): Promise<void> {
    lease.stop.abort();
    await lease.done;
    try {
      const { rowCount } = await this.pool.query(
        `update messaging.group_offsets set holder = null, lease_until = null
         where group_name = $1 and topic = $2 and partition = $3 and token = $4 and holder = $5`,
        [this.options.group, lease.topic, lease.partition, lease.token, this.member],
      );
      if (rowCount) await this.notifyGroup();
    } catch (error) {
      // The lease runs out by itself.
      this.tell(error);
    }
  }

  private async work(lease: Lease): Promise<void> {
    const stop = lease.stop.signal;
    const unlisten = this.wakes.on(`topic:${lease.topic}`, lease.wake);
    for (let failures = 0; !stop.aborted;) {
      try {
        const messages = await this.read(lease);
        await this.handleAll(lease, messages);
        failures = 0;
        if (messages.length === 0) await lease.wake.wait(this.times.pollMs, stop);
      } catch (error) {
        this.tell(error);
        await pause(backoffMs(++failures, RETRY), stop);
      }
    }
    unlisten();
    this.leases.delete(placeOf(lease));
  }

  private async read(lease: Lease): Promise<ReceivedMessage[]> {
    const { rows } = await this.pool.query<MessageRow>({
      name: 'messaging-read',
      text: `select topic, partition, "offset", key, value, headers, published_at from messaging.messages
             where topic = $1 and partition = $2 and "offset" >= $3 order by "offset" limit ${BATCH}`,
      values: [lease.topic, lease.partition, lease.nextOffset],
    });
    return rows.map((row) => ({
      topic: row.topic,
      partition: row.partition,
      offset: BigInt(row.offset),
      key: row.key.toString(),
      value: row.value,
      headers: row.headers,
      publishedAt: row.published_at,
    }));
  }

  private async handleAll(lease: Lease, messages: readonly ReceivedMessage[]): Promise<void> {
    let committed = performance.now();
    let dirty = false;
    for (const message of messages) {
      if (!(await this.handle(lease, message))) break;
      lease.nextOffset = message.offset + 1n;
      dirty = true;
      if (performance.now() - committed > COMMIT_EVERY_MS) {
        await this.commit(lease);
        committed = performance.now();
        dirty = false;
      }
    }
    if (dirty) await this.commit(lease);
  }

  /** Until it is done; false where the lease ended first. */
  private async handle(lease: Lease, message: ReceivedMessage): Promise<boolean> {
    for (let failures = 0; !lease.stop.signal.aborted;) {
      if (performance.now() > lease.until) {
        lease.stop.abort();
        break;
      }
      try {
        await this.options.handler(message);
        return true;
      } catch (error) {
        this.tell(error, message);
        await pause(backoffMs(++failures, RETRY), lease.stop.signal);
      }
    }
    return false;
  }

  private async commit(lease: Lease): Promise<void> {
    const { rowCount } = await this.pool.query({
      name: 'messaging-commit',
      text: `update messaging.group_offsets set next_offset = $5 where group_name = $1 and topic = $2 and partition = $3 and token = $4`,
      values: [this.options.group, lease.topic, lease.partition, lease.token, lease.nextOffset],
    });
    if (rowCount === 0) lease.stop.abort();
  }
}

interface MessageRow {
  topic: string;
  partition: number;
  offset: string;
  key: Buffer;
  value: Buffer;
  headers: Record<string, string>;
  published_at: Date;
}

function placeOf(place: { readonly topic: string; readonly partition: number }): string {
  return `${place.topic}/${place.partition}`;
}
