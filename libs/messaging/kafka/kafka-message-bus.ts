import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs';
import { sizeOf } from '../chunks.ts';
import { MessageRefused, type ConsumeOptions, type Consumption, type MessageBus, type OutgoingMessage } from '../message-bus.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import { publishError } from './kafka-errors.ts';
import { KafkaSender } from './kafka-sender.ts';
import { KafkaTopics } from './kafka-topics.ts';

export interface KafkaMessageBusOptions {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  /** How brokers name us in their logs; `plimsoll` unless told. */
  readonly clientId?: string;
  /** TLS: true for the machine's own certificate authorities, or what `tls.connect` takes. */
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: SASLOptions;
  /** Partitions of a topic that doesn't exist yet: how many consumers of a group can work at once. 6 unless told. */
  readonly partitions?: number;
  /** Replicas of a topic that doesn't exist yet; as the broker has it unless told. */
  readonly replicationFactor?: number;
  /** Largest message, bytes, and `max.message.bytes` of a topic that doesn't exist yet; 2 MiB unless told. */
  readonly maxMessageBytes?: number;
  /** How often a publish is repeated (after 0.1 to 2 s each) before it rejects; at least 1, 8 unless told. */
  readonly publishRetries?: number;
  /** Milliseconds that brokers have to acknowledge a publish; 10,000 unless told. */
  readonly ackTimeoutMs?: number;
  /** Milliseconds after which a consumer that vanished loses its partitions; 20,000 unless told. Brokers allow no less than 6,000. */
  readonly sessionTimeoutMs?: number;
  /** Milliseconds between a consumer's signs of life; 1,000 unless told. */
  readonly heartbeatMs?: number;
  /** Partitions that one consumer handles at once; 8 unless told. */
  readonly concurrency?: number;
  /** What kafkajs has to say; it is silent unless told. */
  readonly onLog?: (level: 'error' | 'warn' | 'info' | 'debug', message: string, details: Record<string, unknown>) => void;
}

/** The message bus of production. A topic's partition comes from the key as in Java's clients (murmur2). */
export class KafkaMessageBus implements MessageBus {
  private readonly kafka: Kafka;
  private readonly topics: KafkaTopics;
  private readonly sender: KafkaSender;
  private readonly consumers = new Set<KafkaConsumer>();
  private readonly publishing = new Set<Promise<void>>();
  private readonly maxMessageBytes: number;

  constructor(private readonly options: KafkaMessageBusOptions) {
    this.maxMessageBytes = options.maxMessageBytes ?? 2 * 1024 * 1024;
    this.kafka = new Kafka({
      brokers: [...options.brokers],
      clientId: options.clientId ?? 'plimsoll',
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
      ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
      connectionTimeout: 3_000,
      // Above the broker's own time for an acknowledgement, so that its answer is heard.
      requestTimeout: (options.ackTimeoutMs ?? 10_000) + 20_000,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 },
      logLevel: options.onLog ? logLevel.INFO : logLevel.NOTHING,
      logCreator:
        () =>
        ({ level, log: { message, timestamp: _timestamp, logger: _logger, ...details } }) =>
          options.onLog?.(levelName(level), message, details),
    });
    this.topics = new KafkaTopics(this.kafka, {
      partitions: options.partitions ?? 6,
      replicationFactor: options.replicationFactor ?? -1,
      maxMessageBytes: this.maxMessageBytes,
    });
    this.sender = new KafkaSender(this.kafka, options.publishRetries ?? 8, options.ackTimeoutMs ?? 10_000);
  }

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const publishing = this.send(topic, messages);
    this.publishing.add(publishing);
    await publishing.finally(() => this.publishing.delete(publishing));
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const { sessionTimeoutMs = 20_000, heartbeatMs = 1_000, concurrency = 8 } = this.options;
    const consumer = new KafkaConsumer(this.kafka, this.topics, options, { sessionTimeoutMs, heartbeatMs, concurrency });
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

  async close(): Promise<void> {
    await Promise.allSettled(this.publishing);
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    await this.sender.close();
  }

  private async send(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const largest = Math.max(...messages.map(sizeOf));
    if (largest > this.maxMessageBytes) throw new MessageRefused(topic, `it has ${largest} bytes; the limit is ${this.maxMessageBytes}.`);
    await this.topics.ensure([topic]).catch((error: unknown) => {
      throw publishError(topic, error);
    });
    await this.sender.send(topic, messages);
  }
}

function levelName(level: logLevel): 'error' | 'warn' | 'info' | 'debug' {
  if (level === logLevel.ERROR) return 'error';
  if (level === logLevel.WARN) return 'warn';
  return level === logLevel.INFO ? 'info' : 'debug';
}
