import { v5 } from 'uuid';

/** Namespace of everything that Plimsoll derives; changing it would change every derived id. */
const NAMESPACE = '3b0b2f6e-6c1c-5d6f-9a52-0d8a6f1d7c11';

/** A UUIDv5 (RFC 9562) of the parts; the separator can't be forged by a part, each is length-prefixed. */
export function derivedId(...parts: readonly string[]): string {
  return v5(parts.map((part) => `${part.length}:${part}`).join(''), NAMESPACE);
}

/**
 * The id of a command's nth event (0-based) in its stream: a repeated command yields the same ids. The stream is in it, since a caller chooses the
 * command's id: one that is used again for something else must not give two events one id, or whoever has seen the first would skip the second.
 */
export function eventId(commandId: string, stream: string, index: number): string {
  return derivedId('event', commandId, stream, String(index));
}

/** `category-id`. The category has no hyphen, so that EventStoreDB's category projections find it. */
export function streamName(category: string, id: string): string {
  return `${category}-${id}`;
}

export function categoryOf(stream: string): string {
  const hyphen = stream.indexOf('-');
  return hyphen < 0 ? stream : stream.slice(0, hyphen);
}

export function idOf(stream: string): string {
  return stream.slice(stream.indexOf('-') + 1);
}
