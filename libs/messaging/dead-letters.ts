import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { derivedId } from '#libs/event-sourcing';
import { MessageRefused, type MessageBus, type OutgoingMessage, type ReceivedMessage } from './message-bus.ts';

/** A message that a group could not handle, kept whole. */
export interface DeadLetter {
  readonly id: string;
  readonly group: string;
  /** What `consumed` would have held. */
  readonly messageId: string;
  readonly message: ReceivedMessage;
  /** The last error, at most 4,000 characters. */
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** When its copy reached the dead-letter topic. */
  readonly forwardedAt: Date | undefined;
  readonly redrivenAt: Date | undefined;
}

export interface DeadLetterFilter {
  readonly group?: string;
  readonly topic?: string;
  /** Only those that were not redriven; true unless told. */
  readonly open?: boolean;
}

const MAX_REASON = 4_000;
const MAX_REASON_HEADER = 500;

/** The topic that carries copies of what consumers of a topic could not handle. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dlq`;
}

/** Header of a message whose contents were withheld: `sha256:` and the digest (hex) of what it said. */
export const WITHHELD_HEADER = 'plimsoll-withheld';

/** The message without what it said, and with its digest. */
export function withheld(message: ReceivedMessage): ReceivedMessage {
  const digest = createHash('sha256').update(message.value).digest('hex');
  return { ...message, key: '', value: Buffer.alloc(0), headers: { [WITHHELD_HEADER]: `sha256:${digest}` } };
}

/** The dead letters of all groups, in Postgres: listing them, burying them, sending copies to their topics. */
export class DeadLetters {
  constructor(private readonly pool: Pool) {}

  /** Oldest first; at most `limit` (100 unless told), after the letter of that id. */
  async list(filter: DeadLetterFilter = {}, page: { readonly after?: string; readonly limit?: number } = {}): Promise<DeadLetter[]> {
    const { rows } = await this.pool.query<Row>(
      `select * from messaging.dead_letters
       where ($1::text is null or group_name = $1) and ($2::text is null or topic = $2) and ($3 or redriven_at is null)
         and ($4::uuid is null or (first_at, id) > (select first_at, id from messaging.dead_letters where id = $4))
       order by first_at, id limit $5`,
      [filter.group ?? null, filter.topic ?? null, filter.open === false, page.after ?? null, page.limit ?? 100],
    );
    return rows.map(letterOf);
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const { rows } = await this.pool.query<Row>('select * from messaging.dead_letters where id = $1', [id]);
    return rows[0] && letterOf(rows[0]);
  }

  /** Open ones, by group and topic. */
  async countOpen(): Promise<readonly { readonly group: string; readonly topic: string; readonly count: number }[]> {
    const { rows } = await this.pool.query<{ group: string; topic: string; count: number }>(
      `select group_name as "group", topic, count(*)::int from messaging.dead_letters where redriven_at is null group by 1, 2 order by 1, 2`,
    );
    return rows;
  }

  /** Keeps a message that was tried `attempts` times. Burying it twice keeps one letter. */
  async bury(group: string, messageId: string, message: ReceivedMessage, error: unknown, attempts: number): Promise<void> {
    const { topic, partition, offset, key, value, headers, publishedAt } = message;
    await this.pool.query(
      `insert into messaging.dead_letters
         (id, group_name, message_id, topic, partition, "offset", key, value, headers, published_at, reason, attempts)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       on conflict (group_name, message_id) do update
         set reason = excluded.reason, attempts = dead_letters.attempts + excluded.attempts, last_at = now()`,
      [
        derivedId('dead-letter', group, messageId),
        group,
        messageId,
        topic,
        partition,
        offset,
        Buffer.from(key),
        value,
        JSON.stringify(headers),
        publishedAt,
        reasonOf(error),
        attempts,
      ],
    );
  }

  /** Locks a letter in the transaction of `client`. */
  async lock(client: PoolClient, id: string, group: string): Promise<DeadLetter | undefined> {
    const { rows } = await client.query<Row>('select * from messaging.dead_letters where id = $1 and group_name = $2 for update', [
      id,
      group,
    ]);
    return rows[0] && letterOf(rows[0]);
  }

  async markRedriven(client: PoolClient, id: string, attempts: number): Promise<void> {
    await client.query('update messaging.dead_letters set redriven_at = now(), last_at = now(), attempts = attempts + $2 where id = $1', [
      id,
      attempts,
    ]);
  }

  async markFailedAgain(id: string, error: unknown): Promise<void> {
    await this.pool.query('update messaging.dead_letters set reason = $2, attempts = attempts + 1, last_at = now() where id = $1', [
      id,
      reasonOf(error),
    ]);
  }

  /** Publishes the copies of a group's letters that have not reached their topics. One that fails is tried again with the next. */
  async forward(group: string, bus: MessageBus, onError: (error: unknown) => void): Promise<void> {
    const { rows } = await this.pool.query<Row>(
      'select * from messaging.dead_letters where group_name = $1 and forwarded_at is null order by first_at, id limit 100',
      [group],
    );
    for (const letter of rows.map(letterOf)) {
      try {
        await publishCopy(bus, letter);
        await this.pool.query('update messaging.dead_letters set forwarded_at = now() where id = $1', [letter.id]);
      } catch (error) {
        onError(error);
      }
    }
  }
}

async function publishCopy(bus: MessageBus, letter: DeadLetter): Promise<void> {
  const { message } = letter;
  const topic = deadLetterTopic(message.topic);
  const about = {
    dlq_id: letter.id,
    dlq_group: letter.group,
    dlq_reason: letter.reason.slice(0, MAX_REASON_HEADER),
    dlq_attempts: String(letter.attempts),
    dlq_topic: message.topic,
    dlq_partition: String(message.partition),
    dlq_offset: String(message.offset),
  };
  const copy: OutgoingMessage = { key: message.key, value: message.value, headers: { ...message.headers, ...about } };
  try {
    await bus.publish(topic, [copy]);
  } catch (error) {
    // The headers made it too large for the topic: the letter itself is in Postgres, whole.
    if (!(error instanceof MessageRefused)) throw error;
    await bus.publish(topic, [{ key: '', value: '', headers: { ...about, dlq_value: 'omitted' } }]);
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  // Postgres text holds no NUL.
  return text.slice(0, MAX_REASON).replaceAll('\u0000', '\u2400');
}

interface Row {
  id: string;
  group_name: string;
  message_id: string;
  topic: string;
  partition: number;
  offset: string;
  key: Buffer;
  value: Buffer;
  headers: Record<string, string>;
  published_at: Date;
  reason: string;
  attempts: number;
  first_at: Date;
  last_at: Date;
  forwarded_at: Date | null;
  redriven_at: Date | null;
}

function letterOf(row: Row): DeadLetter {
  return {
    id: row.id,
    group: row.group_name,
    messageId: row.message_id,
    message: {
      topic: row.topic,
      partition: row.partition,
      offset: BigInt(row.offset),
      key: row.key.toString(),
      value: row.value,
      headers: row.headers,
      publishedAt: row.published_at,
    },
    reason: row.reason,
    attempts: row.attempts,
    firstAt: row.first_at,
    lastAt: row.last_at,
    forwardedAt: row.forwarded_at ?? undefined,
    redrivenAt: row.redriven_at ?? undefined,
  };
}
