import { hash } from 'node:crypto';

/** Namespace of everything that Plimsoll derives; changing it would change every derived id. */
const NAMESPACE = Buffer.from('3b0b2f6e6c1c5d6f9a520d8a6f1d7c11', 'hex');

/**
 * A UUIDv5 (RFC 9562, section 5.5) of the parts; the separator can't be forged by a part, each is length-prefixed.
 *
 * @throws URIError a part is no text in Unicode: its bytes would be those of another
 */
export function derivedId(...parts: readonly string[]): string {
  let name = '';
  for (const part of parts) name += `${part.length}:${part}`;
  if (!name.isWellFormed()) throw new URIError('An id is derived from text in Unicode, without lone surrogates.');
  // By hand, since ids are derived for everything that is read: the library takes five times as long, most of it to make a hash object.
  const digest = hash('sha1', hashed(name), 'hex');
  const variant = '89ab'.charAt(parseInt(digest.charAt(16), 16) & 3);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** The namespace, and the name in UTF-8 (of three bytes a character at most) after it. */
function hashed(name: string): Buffer {
  if (NAMESPACE.length + name.length * 3 > scratch.length) return Buffer.concat([NAMESPACE, Buffer.from(name)]);
  return scratch.subarray(0, NAMESPACE.length + scratch.write(name, NAMESPACE.length));
}

/** Written over for every name that fits. */
const scratch = Buffer.alloc(4096);
scratch.set(NAMESPACE);

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
