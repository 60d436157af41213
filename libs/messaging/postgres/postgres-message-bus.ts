import type { Pool } from 'pg';
import { chunksOf } from '../chunks.ts';
import {
  MessageBusUnavailable,
  MessageRefused,
  type ConsumeOptions,
  type Consumption,
  type MessageBus,
  type OutgoingMessage,
} from '../message-bus.ts';
import { isPassing } from './database-errors.ts';
import { PostgresConsumer } from './postgres-consumer.ts';
import { Wakes } from './wake.ts';

export interface PostgresMessageBusOptions {
  /** Its database has the `messaging` schema (see `migrations`). The bus keeps one connection of it while it consumes; it doesn't end the pool. */
  readonly pool: Pool;
  /** Partitions of a topic that doesn't exist yet: how many consumers of a group can work at once. 8 unless told. */
  readonly partitions?: number;
  /** Milliseconds after which a consumer that vanished loses its partitions; 10,000 unless told. */
  readonly leaseMs?: number;
  /** Milliseconds after which consumers look for messages although nobody woke them; 5,000 unless told. */
  readonly pollMs?: number;
  /** Told of interruptions that the bus recovers from by itself and that belong to no consumer. */
  readonly onError?: (error: unknown) => void;
}

/** Most bytes that go in one statement. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** The message bus of a bare machine: topics, partitions and group offsets as Kafka has them, in Postgres. Safe with any number of processes. */
export class PostgresMessageBus implements MessageBus {
  private readonly pool: Pool;
  private readonly wakes: Wakes;
  private readonly consumers = new Set<PostgresConsumer>();
  private readonly publishing = new Set<Promise<void>>();
  private readonly ensured = new Set<string>();

  constructor(private readonly options: PostgresMessageBusOptions) {
    this.pool = options.pool;
    this.wakes = new Wakes(options.pool, options.onError ?? (() => undefined));
  }

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const publishing = this.store(topic, messages);
    this.publishing.add(publishing);
    await publishing.finally(() => this.publishing.delete(publishing));
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const ensureTopics = async (): Promise<void> => {
      for (const topic of options.topics) await this.ensureTopic(topic);
    };
    const { leaseMs = 10_000, pollMs = 5_000 } = this.options;
    const consumer = new PostgresConsumer(this.pool, this.wakes, options, ensureTopics, { leaseMs, pollMs });
    this.consumers.add(consumer);
    const stop = async (): Promise<void> => {
      await consumer.stop();
      this.consumers.delete(consumer);
    };
    options.signal?.addEventListener('abort', () => void stop(), { once: true });
    if (options.signal?.aborted) await stop();
    else await consumer.start();
    return { stop };
  }

  /**
   * Deletes messages published before a time that every group of their topic has handled. A group that is new afterwards
   * begins at the oldest message left.
   *
   * @returns how many
   */
  async prune(before: Date): Promise<number> {
    const { rowCount } = await this.pool.query(
      `delete from messaging.messages m where m.published_at < $1 and not exists (
         select from messaging.group_offsets g
         where g.topic = m.topic and g.partition = m.partition and g.next_offset <= m."offset")`,
      [before],
    );
    return rowCount ?? 0;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.publishing);
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    await this.wakes.close();
  }

  private async store(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    try {
      await this.ensureTopic(topic);
      for (const chunk of chunksOf(messages, CHUNK_BYTES)) {
        await this.pool.query({
          name: 'messaging-publish',
          text: 'select messaging.publish($1, $2, $3, $4)',
          values: [
            topic,
            chunk.map((m) => Buffer.from(m.key)),
            chunk.map((m) => (typeof m.value === 'string' ? Buffer.from(m.value) : m.value)),
            chunk.map((m) => JSON.stringify(m.headers)),
          ],
        });
      }
    } catch (error) {
      if (isPassing(error)) throw new MessageBusUnavailable(`The database did not take messages for ${topic}.`, { cause: error });
      throw new MessageRefused(topic, (error as Error).message, { cause: error });
    }
  }

  private async ensureTopic(topic: string): Promise<void> {
    if (this.ensured.has(topic)) return;
    await this.pool.query('select messaging.ensure_topic($1, $2)', [topic, this.options.partitions ?? 8]);
    this.ensured.add(topic);
  }
}
