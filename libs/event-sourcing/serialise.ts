import type { NewEvent } from './event.ts';
import { AppendTooLarge, MAX_APPEND_BYTES, UnserialisableEvent } from './event-log.ts';

export interface SerialisedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

/**
 * Writes events as JSON text before any adapter touches the network: a value that can't be written (a bigint, a cycle)
 * would otherwise leave an EventStoreDB append pending for ever.
 *
 * @throws UnserialisableEvent, AppendTooLarge
 */
export function serialise(stream: string, events: readonly NewEvent[]): readonly SerialisedEvent[] {
  let bytes = 0;
  const out = events.map((event) => {
    const data = toJson(stream, event.type, event.data);
    const metadata = toJson(stream, event.type, event.metadata);
    bytes += Buffer.byteLength(data) + Buffer.byteLength(metadata);
    return { id: event.id, type: event.type, data, metadata };
  });
  if (bytes > MAX_APPEND_BYTES) throw new AppendTooLarge(stream, bytes);
  return out;
}

function toJson(stream: string, type: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new UnserialisableEvent(stream, type, { cause });
  }
  if (text === undefined) throw new UnserialisableEvent(stream, type);
  return text;
}
