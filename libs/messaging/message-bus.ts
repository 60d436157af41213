/** What is published. Messages with the same key keep their order; messages with different keys may overtake each other. */
export interface OutgoingMessage {
  readonly key: string;
  readonly value: Buffer | string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a consumer gets. `topic/partition/offset` names it for ever: a redelivered message has the same one. */
export interface ReceivedMessage {
  readonly topic: string;
  readonly partition: number;
  /** Rising within the partition, not necessarily dense. */
  readonly offset: bigint;
  /** Empty where a foreign producer gave none. */
  readonly key: string;
  /** The bytes as they were published; empty where a foreign producer gave none. */
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** When the bus took it. */
  readonly publishedAt: Date;
}

export type MessageHandler = (message: ReceivedMessage) => Promise<void>;

export interface ConsumeOptions {
  readonly topics: readonly string[];
  /** Consumers of one group share the messages; every group gets all of them, a new one from the oldest that is kept. */
  readonly group: string;
  /**
   * Called for one message of a partition at a time. A handler that throws gets the same message again, after a backoff, for
   * as long as it takes; the partition waits meanwhile. Bounded attempts and dead letters are `IdempotentConsumer`'s.
   */
  readonly handler: MessageHandler;
  /** Stops the consumption, as `stop()` does. */
  readonly signal?: AbortSignal;
  /** Told of a handler that threw (with its message) and of every interruption that the consumer recovers from by itself. */
  readonly onError?: (error: unknown, message?: ReceivedMessage) => void;
}

export interface Consumption {
  /** Takes no further message, waits for the ones in hand and commits them. */
  stop(): Promise<void>;
}

/**
 * At-least-once messaging with order per key. Three adapters (Kafka, Postgres, memory) pass one contract suite,
 * `testing/message-bus-contract.ts`, which says in tests what the comments here say in words.
 */
export interface MessageBus {
  /**
   * Resolves when all messages are stored as durably as the bus can. After a rejection some, all or none may be: publish again.
   * Order per key is the order within one call and of calls awaited one after another. Topics are created on demand.
   *
   * @throws MessageBusUnavailable it may work later: publish the same messages again
   * @throws MessageRefused the bus will never take one of these messages (too large); others of the call may have been stored
   */
  publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;

  /**
   * Resolves when the consumer is set up (messages may already have been handled then), or when that has failed for the first
   * time: it goes on trying until it is stopped, and `onError` is told.
   */
  consume(options: ConsumeOptions): Promise<Consumption>;

  /** Stops all consumers and lets go of connections, so that the process can end. Publishes in flight settle first. */
  close(): Promise<void>;
}

/** The broker can't be reached or did not answer; whether messages were stored is unknown. */
export class MessageBusUnavailable extends Error {
  override readonly name = 'MessageBusUnavailable';
  /** What `libs/subscriptions` looks for to tell the world's fault from the event's. */
  readonly retriable = true;
}

/** The broker answered, and it was no. */
export class MessageRefused extends Error {
  override readonly name = 'MessageRefused';
  constructor(
    readonly topic: string,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`A message for topic ${topic} was refused: ${detail}`, options);
  }
}
