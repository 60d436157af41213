import { asStored, type StoredEvent } from '#libs/event-sourcing';

/** The columns of `EventRow`, for a select list. */
export const EVENT_COLUMNS = 'e.position, e.stream, e.revision, e.id, e.type, e.data, e.metadata, e.created::text';

/** A row in `pg`'s array mode, which spares an object a row. A bigint comes as text, and so does the time: it is hardly ever read. */
export type EventRow = [
  position: string,
  stream: string,
  revision: number,
  id: string,
  type: string,
  data: string,
  metadata: string,
  created: string,
];

/** Characters of its JSON. */
export function lengthOf([, , , , , data, metadata]: EventRow): number {
  return data.length + metadata.length;
}

/** How many events like these come to a length, at most so many and one at least. */
export function countThatFits(rows: readonly EventRow[], mostCount: number, mostLength: number): number {
  const length = rows.reduce((sum, row) => sum + lengthOf(row), 0);
  return Math.max(1, Math.min(mostCount, Math.floor(mostLength / (length / rows.length))));
}

export function toStoredEvent([position, stream, revision, id, type, data, metadata, created]: EventRow): StoredEvent {
  return asStored(
    { id, type, data: parsed(data), metadata: parsed(metadata), stream, revision, position: BigInt(position) },
    () => new Date(created),
  );
}

/** The columns are text, so that hashes have the bytes: somebody may have put anything there. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return { $text: text };
  }
}
