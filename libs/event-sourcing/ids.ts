import { parse, v5 } from 'uuid';

/** Namespace of everything that Plimsoll derives; changing it would change every derived id. */
const NAMESPACE = parse('3b0b2f6e-6c1c-5d6f-9a52-0d8a6f1d7c11');
const LONE_SURROGATE = /\p{Cs}/u;

/**
 * A UUIDv5 (RFC 9562) of the parts; the separator can't be forged by a part, each is length-prefixed.
 *
 * @throws URIError a part is no text in Unicode: its bytes would be those of another
 */
export function derivedId(...parts: readonly string[]): string {
  const name = parts.map((part) => `${part.length}:${part}`).join('');
  if (LONE_SURROGATE.test(name)) throw new URIError('An id is derived from text in Unicode, without lone surrogates.');
  // The library takes text, too, by way of percent-encoding, which takes three times as long.
  return v5(Buffer.from(name), NAMESPACE);
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
