import { randomUUID } from 'node:crypto';
import type { NewEvent } from '#libs/event-sourcing';

/** Text that does not compress well, as of digests and names. */
const TEXT = Array.from({ length: 64 }, () => randomUUID()).join(' ');

/** An event with so many bytes of data as JSON, and metadata as commands have it (some 400 bytes). */
export function eventOf(type: string, bytes: number, fields: Readonly<Record<string, unknown>> = {}): NewEvent {
  const room = bytes - JSON.stringify({ ...fields, text: '' }).length;
  return { id: randomUUID(), type, data: { ...fields, text: TEXT.slice(0, Math.max(0, room)) }, metadata: METADATA };
}

const METADATA: NewEvent['metadata'] = {
  actor: randomUUID(),
  principal: 'https://idp.example.com|0a1b2c3d4e5f',
  commandId: randomUUID(),
  commandHash: 'c0ffee'.repeat(10) + 'cafe',
  correlationId: randomUUID(),
  causationId: 'http:req-1',
  recordedAt: '2026-03-02T10:00:00.000Z',
  schemaVersion: 1,
};
