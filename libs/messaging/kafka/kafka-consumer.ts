import type { EachBatchPayload, IHeaders, Kafka, KafkaMessage } from 'kafkajs';
import { backoffMs, pause } from '../backoff.ts';
import type { ConsumeOptions, ReceivedMessage } from '../message-bus.ts';
import type { KafkaTopics } from './kafka-topics.ts';

export interface KafkaConsumerSettings {
  /** Milliseconds after which the group gives up a member that vanished. */
  readonly sessionTimeoutMs: number;
  /** Milliseconds between signs of life. */
  readonly heartbeatMs: number;
  /** Partitions handled at once. */
  readonly concurrency: number;
}

const RETRY = { firstMs: 100, maxMs: 10_000 };
/** A long batch commits at least this often, so that a crash repeats little. */
const COMMIT_EVERY_MS = 250;
/** How long a broker may hold an empty fetch; it is also how long a stop may take. */
const FETCH_WAIT_MS = 500;

/** A member of a consumer group that comes back by itself: kafkajs gives up on some errors, and then stays silent. */
export class KafkaConsumer {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly kafka: Kafka,
    private readonly topics: KafkaTopics,
    private readonly options: ConsumeOptions,
    private readonly settings: KafkaConsumerSettings,
  ) {}

  /** Resolves when it has joined its group, or has failed to for the first time. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.running = this.run(resolve);
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(settled: () => void): Promise<void> {
    for (let failures = 0; !this.stopping.signal.aborted;) {
      try {
        await this.session(() => {
          failures = 0;
          settled();
        });
      } catch (error) {
        this.options.onError?.(error);
        settled();
        await pause(backoffMs(++failures, RETRY), this.stopping.signal);
      }
    }
    settled();
  }

  private async session(joined: () => void): Promise<void> {
    const { group, topics } = this.options;
    const { sessionTimeoutMs, heartbeatMs, concurrency } = this.settings;
    await this.topics.ensure(topics);
    const consumer = this.kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(sessionTimeoutMs, 30_000),
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5, restartOnFailure: () => Promise.resolve(false) },
    });
    const crashed = new Promise<Error>((resolve) => consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error)));
    const stopped = new Promise<undefined>((resolve) =>
      this.stopping.signal.addEventListener('abort', () => resolve(undefined), { once: true }),
    );
    const retries = new Retries();
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await consumer.run({
        autoCommit: true,
        autoCommitInterval: COMMIT_EVERY_MS,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: concurrency,
        eachBatch: (payload) => this.handleBatch(payload, retries),
      });
      joined();
      const error = this.stopping.signal.aborted ? undefined : await Promise.race([crashed, stopped]);
      if (error) throw error;
    } finally {
      retries.cancel();
      await consumer.disconnect().catch((error: unknown) => this.options.onError?.(error));
    }
  }

  private async handleBatch(payload: EachBatchPayload, retries: Retries): Promise<void> {
    const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale } = payload;
    const place = `${batch.topic}/${batch.partition}`;
    for (const raw of batch.messages) {
      if (!isRunning() || isStale() || this.stopping.signal.aborted) return;
      const message = received(batch.topic, batch.partition, raw);
      let silenced: unknown;
      // A handler may take longer than the session's timeout.
      const beats = setInterval(() => void heartbeat().catch((error: unknown) => (silenced ??= error)), this.settings.heartbeatMs);
      try {
        await this.options.handler(message);
      } catch (error) {
        this.options.onError?.(error, message);
        // Paused and fetched again, not waited for: kafkajs fetches nothing for other partitions while a batch is in hand.
        retries.schedule(place, payload.pause());
        return;
      } finally {
        clearInterval(beats);
      }
      retries.forget(place);
      resolveOffset(raw.offset);
      if (silenced) throw silenced;
      await commitOffsetsIfNecessary();
      await heartbeat();
    }
  }
}

/** Paused partitions and how often their message has failed. */
class Retries {
  private readonly failures = new Map<string, number>();
  private readonly timers = new Set<NodeJS.Timeout>();

  schedule(place: string, resume: () => void): void {
    const failures = (this.failures.get(place) ?? 0) + 1;
    this.failures.set(place, failures);
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        resume();
      },
      backoffMs(failures, RETRY),
    );
    this.timers.add(timer);
  }

  forget(place: string): void {
    this.failures.delete(place);
  }

  cancel(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}

function received(topic: string, partition: number, raw: KafkaMessage): ReceivedMessage {
  return {
    topic,
    partition,
    offset: BigInt(raw.offset),
    key: raw.key?.toString() ?? '',
    value: raw.value ?? Buffer.alloc(0),
    headers: headersOf(raw.headers ?? {}),
    publishedAt: new Date(Number(raw.timestamp)),
  };
}

/** A header that was given several times counts with its last value. */
function headersOf(headers: IHeaders): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, (Array.isArray(value) ? value.at(-1) : value)?.toString() ?? '']);
  return Object.fromEntries(entries) as Record<string, string>;
}
