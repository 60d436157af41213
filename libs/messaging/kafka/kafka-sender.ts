import { Partitioners, type Kafka, type Producer } from 'kafkajs';
import { chunksOf, sizeOf } from '../chunks.ts';
import { MessageRefused, type OutgoingMessage } from '../message-bus.ts';
import { publishError } from './kafka-errors.ts';

/** Most bytes in one request: a partition's share of it is one record batch, which brokers cap at 1 MiB unless told. */
const REQUEST_BYTES = 900_000;

interface Job {
  readonly topic: string;
  readonly messages: readonly OutgoingMessage[];
  readonly bytes: number;
  /** Shared by the pieces of one call: after one has failed the later ones are not sent. */
  readonly call: { error?: unknown };
  readonly settle: () => void;
}

/**
 * One idempotent producer, one request at a time; callers that come meanwhile share the next one. Two requests at once would be
 * wrong: when one fails, kafkajs gives its sequence numbers to the next, which the broker may then take for a repetition and drop.
 */
export class KafkaSender {
  private readonly queue: Job[] = [];
  private producer: Promise<Producer> | undefined;
  private draining: Promise<void> | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly retries: number,
    private readonly ackTimeoutMs: number,
  ) {}

  async send(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const call: Job['call'] = {};
    await Promise.all(
      chunksOf(messages, REQUEST_BYTES).map(
        (chunk) =>
          new Promise<void>((settle) => {
            const bytes = chunk.reduce((sum, message) => sum + sizeOf(message), 0);
            this.queue.push({ topic, messages: chunk, bytes, call, settle });
            this.draining ??= this.drain();
          }),
      ),
    );
    if (call.error !== undefined) throw publishError(topic, call.error);
  }

  async close(): Promise<void> {
    await this.draining;
    await this.discard();
  }

  private async drain(): Promise<void> {
    // After this turn, so that calls made together go together.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const group = this.take();
      try {
        await this.request(group);
      } catch (error) {
        const spoilt = group.length > 1 && publishError('', error) instanceof MessageRefused;
        // One caller's message has spoilt it for all: each gets an answer of its own.
        if (spoilt) for (const job of group) await this.alone(job);
        else for (const job of group) job.call.error ??= error;
      }
      for (const job of group) job.settle();
    }
    this.draining = undefined;
  }

  private take(): Job[] {
    const group: Job[] = [];
    for (let bytes = 0; this.queue[0] && (group.length === 0 || bytes + this.queue[0].bytes <= REQUEST_BYTES);) {
      const job = this.queue.shift()!;
      bytes += job.bytes;
      group.push(job);
    }
    return group;
  }

  private async alone(job: Job): Promise<void> {
    await this.request([job]).catch((error: unknown) => (job.call.error ??= error));
  }

  private async request(group: readonly Job[]): Promise<void> {
    const byTopic = new Map<string, OutgoingMessage[]>();
    for (const { topic, messages } of group.filter((job) => job.call.error === undefined)) {
      byTopic.set(topic, [...(byTopic.get(topic) ?? []), ...messages]);
    }
    if (byTopic.size === 0) return;
    try {
      const producer = await (this.producer ??= this.connect());
      await producer.sendBatch({
        acks: -1,
        timeout: this.ackTimeoutMs,
        topicMessages: [...byTopic].map(([topic, messages]) => ({
          topic,
          messages: messages.map((m) => ({ ...m, headers: { ...m.headers } })),
        })),
      });
    } catch (error) {
      // Its sequence numbers may be out of step with the broker's, for good.
      await this.discard();
      throw error;
    }
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: this.retries },
    });
    await producer.connect();
    return producer;
  }

  private async discard(): Promise<void> {
    const producer = this.producer;
    this.producer = undefined;
    await producer?.then((one) => one.disconnect()).catch(() => undefined);
  }
}
