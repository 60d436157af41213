import { MessageBusUnavailable, MessageRefused } from '../message-bus.ts';

/** Answers of a broker that repeating won't change: https://kafka.apache.org/protocol#protocol_error_codes */
const FINAL = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TOPIC_EXCEPTION', 'INVALID_RECORD', 'POLICY_VIOLATION']);

/** What an error of kafkajs means to a publisher. */
export function publishError(topic: string, error: unknown): MessageBusUnavailable | MessageRefused {
  for (let e = error, depth = 0; e instanceof Error && depth < 8; e = e.cause, depth++) {
    const type = (e as { type?: unknown }).type;
    if (typeof type === 'string' && FINAL.has(type)) return new MessageRefused(topic, e.message, { cause: error });
  }
  return new MessageBusUnavailable(`Kafka did not acknowledge messages for ${topic}.`, { cause: error });
}
