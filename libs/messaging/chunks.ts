import type { OutgoingMessage } from './message-bus.ts';

/** Bytes of a message on the wire, roughly: key, value, headers and a few for the frame. */
export function sizeOf(message: OutgoingMessage): number {
  let bytes = 64 + Buffer.byteLength(message.key) + Buffer.byteLength(message.value);
  for (const [name, value] of Object.entries(message.headers)) bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 8;
  return bytes;
}

/** Cuts a list into runs of at most `maxBytes` in all; a single message over it makes a run of its own. */
export function chunksOf<M extends OutgoingMessage>(messages: readonly M[], maxBytes: number): M[][] {
  const chunks: M[][] = [];
  let bytes = Infinity;
  for (const message of messages) {
    const size = sizeOf(message);
    if (bytes + size > maxBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)!.push(message);
    bytes += size;
  }
  return chunks;
}
