import type { Kafka } from 'kafkajs';

export interface NewTopics {
  readonly partitions: number;
  /** -1: as the broker has it. */
  readonly replicationFactor: number;
  /** Largest record batch, bytes. */
  readonly maxMessageBytes: number;
}

/** Creates topics that don't exist, once each. */
export class KafkaTopics {
  private readonly ensured = new Set<string>();

  constructor(
    private readonly kafka: Kafka,
    private readonly settings: NewTopics,
  ) {}

  async ensure(topics: readonly string[]): Promise<void> {
    if (topics.every((topic) => this.ensured.has(topic))) return;
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      // Looked up first, so that an account that may not create topics can work with those that an operator has made.
      const present = new Set(await admin.listTopics());
      const missing = topics.filter((topic) => !present.has(topic));
      const { partitions, replicationFactor, maxMessageBytes } = this.settings;
      if (missing.length > 0) {
        await admin.createTopics({
          topics: missing.map((topic) => ({
            topic,
            numPartitions: partitions,
            replicationFactor,
            configEntries: [{ name: 'max.message.bytes', value: String(maxMessageBytes) }],
          })),
        });
      }
      for (const topic of topics) this.ensured.add(topic);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}
