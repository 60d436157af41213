import type { EventMetadata, StoredEvent } from '#libs/event-sourcing';

/** The columns of `EventRow`, for a select list. */
export const EVENT_COLUMNS = 'e.position, e.stream, e.revision, e.id, e.type, e.data, e.metadata';

/** A row in `pg`'s array mode, which spares an object a row. A bigint comes as text. */
export type EventRow = [position: string, stream: string, revision: number, id: string, type: string, data: string, metadata: string];

export function toStoredEvent([position, stream, revision, id, type, data, metadata]: EventRow): StoredEvent {
  return {
    id,
    type,
    data: JSON.parse(data) as unknown,
    metadata: JSON.parse(metadata) as EventMetadata,
    stream,
    revision,
    position: BigInt(position),
  };
}
