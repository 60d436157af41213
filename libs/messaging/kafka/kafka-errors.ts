import { MessageBusUnavailable, MessageRefused } from '../message-bus.ts';

/** Answers of a broker that repeating won't change: https://kafka.apache.org/protocol#protocol_error_codes */
const FINAL = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TOPIC_EXCEPTION', 'INVALID_RECORD', 'POLICY_VIOLATION']);

/** What an error of kafkajs means to a publisher. */
export function publishError(topic: string, error: unknown): MessageBusUnavailable | MessageRefused {
  const final = causesOf(error).find((cause) => FINAL.has(String((cause as { type?: unknown }).type)));
  if (final) return new MessageRefused(topic, final.message, { cause: error });
  return new MessageBusUnavailable(`Kafka did not acknowledge messages for ${topic}.`, { cause: error });
}

function causesOf(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 8) return [];
  const several = (error as { errors?: unknown }).errors;
  return [error, ...(Array.isArray(several) ? several : [error.cause]).flatMap((cause) => causesOf(cause, depth + 1))];
}
