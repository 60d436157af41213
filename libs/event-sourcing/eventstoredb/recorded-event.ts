import { jsonEvent, type EventData } from '@eventstore/db-client';
import { asStored, EventLogUnavailable, type SerialisedEvent, type StoredEvent } from '#libs/event-sourcing';

/** What this adapter needs of the client's recorded events. */
export interface RecordedEvent {
  readonly streamId: string;
  readonly id: string;
  readonly revision: bigint;
  readonly type: string;
  readonly data?: unknown;
  readonly metadata?: unknown;
  readonly position?: { readonly commit: bigint };
  readonly created?: Date;
}

/** How a server that does not know a position writes it: -1 as an unsigned 64-bit integer. */
const UNKNOWN_POSITION = 2n ** 64n - 1n;

export function toEventData(event: SerialisedEvent): EventData {
  return jsonEvent({
    id: event.id,
    type: event.type,
    data: JSON.parse(event.data) as Record<string, unknown>,
    metadata: JSON.parse(event.metadata) as Record<string, unknown>,
  });
}

export function toStoredEvent(event: RecordedEvent): StoredEvent {
  return asStored(
    {
      id: event.id,
      type: event.type,
      data: valueOf(event.data),
      metadata: valueOf(event.metadata),
      stream: event.streamId,
      revision: Number(event.revision),
      position: positionOf(event),
    },
    () => event.created,
  );
}

/** What is not JSON comes as text, and what does not say that it is, as bytes. */
function valueOf(value: unknown): unknown {
  return value instanceof Uint8Array ? { $base64: Buffer.from(value).toString('base64') } : value;
}

/** The commit position. */
export function positionOf(event: RecordedEvent): bigint {
  const commit = event.position?.commit;
  if (commit === undefined || commit === UNKNOWN_POSITION) {
    throw new EventLogUnavailable('This server reads streams without positions. EventStoreDB 24.10 LTS or newer is needed.');
  }
  return commit;
}

/** The server's own bookkeeping: statistics, links, stream metadata. No event of ours. */
export function isSystemEvent(event: RecordedEvent): boolean {
  return event.type.startsWith('$') || event.streamId.startsWith('$');
}

/** Lets through what `isSystemEvent` does not exclude by type, and the two types that `tamperingOf` looks for. */
export const SUBSCRIBED_TYPES = '^([^$]|\\$metadata$|\\$streamDeleted$)';

/**
 * Streams are not immutable by themselves: metadata (`$maxAge`, `$maxCount`, `$tb`; a soft deletion is a `$tb` too) hides events
 * and lets a scavenge remove them. Nothing of ours writes any, so on a stream that is not the server's own it is an alarm.
 */
export function tamperingOf(event: RecordedEvent): string | undefined {
  if (event.type === '$metadata' && /^\$\$[^$]/.test(event.streamId)) {
    const written = JSON.stringify(event.data).slice(0, 200);
    return `Stream metadata ${written} was written for ${event.streamId.slice(2)}: it may hide or remove events.`;
  }
  if (event.type === '$streamDeleted' && !event.streamId.startsWith('$')) return `Stream ${event.streamId} was deleted for good.`;
  return undefined;
}
