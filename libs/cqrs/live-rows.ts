import { setTimeout as pause } from 'node:timers/promises';
import { ProblemError, type EventSource, type ServerSentEvent } from '#libs/http';
import { camelKeys, type SqlSource } from './rows.ts';

const BATCH = 200;

export interface LiveRows {
  /** A table with a column `updated_position`: the position of the event that changed the row last. */
  readonly table: string;
  readonly key: string;
  /** Name of the server-sent events. */
  readonly event: string;
  /** Only the row with this key; it is sent at once, and then whenever it changes. */
  readonly only?: string;
  /** Only what changed after this position (as a list's `Plimsoll-View-Position` says it), or from now on. `Last-Event-ID` goes before it. */
  readonly after?: string;
  /** How often the table is asked, milliseconds; 250 unless told. */
  readonly everyMs?: number;
}

/** Where a client is: behind a row, or behind everything at a position. */
interface Place {
  readonly position: string;
  readonly key?: string;
}

/**
 * The rows of a view as they change, for `EventStreams.serve`: each is sent whole, the newest state only. A client that was away
 * resumes behind the last row that it has seen.
 *
 * @throws ProblemError 400 `malformed-cursor`, when the source is called
 */
export function liveRows(data: SqlSource, options: LiveRows): EventSource {
  return (lastEventId, signal) => {
    const given = lastEventId ?? options.after;
    return follow(data, options, given === undefined ? undefined : placeOf(given), signal);
  };
}

async function* follow(data: SqlSource, options: LiveRows, start: Place | undefined, signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
  const { table, key, event, only, everyMs = 250 } = options;
  let place = start ?? (only === undefined ? await newest(data, table) : { position: '-1' });
  while (!signal.aborted) {
    const rows = await changedAfter(data, options, place);
    for (const row of rows) {
      place = { position: String(row['updated_position']), key: String(row[key]) };
      yield { id: `${place.position}:${place.key}`, event, data: camelKeys(row) };
    }
    if (rows.length < BATCH) await pause(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

async function newest(data: SqlSource, table: string): Promise<Place> {
  const rows = (await data.query(`select max(updated_position) as position from ${table}`)) as { position: string | null }[];
  return { position: rows[0]?.position ?? '-1' };
}

async function changedAfter(data: SqlSource, { table, key, only }: LiveRows, place: Place): Promise<readonly Record<string, unknown>[]> {
  const behind = place.key === undefined ? 'updated_position > $1::bigint' : `(updated_position, ${key}) > ($1::bigint, $2::text)`;
  const values = place.key === undefined ? [place.position] : [place.position, place.key];
  if (only !== undefined) values.push(only);
  const rows = await data.query(
    `select * from ${table} where ${behind}${only === undefined ? '' : ` and ${key} = $${values.length}::text`}
      order by updated_position, ${key} limit ${BATCH}`,
    values,
  );
  return rows as readonly Record<string, unknown>[];
}

function placeOf(cursor: string): Place {
  const [, position, key] = /^(-1|\d{1,18})(?::([^\0]{1,256}))?$/.exec(cursor) ?? [];
  if (position !== undefined) return { position, ...(key === undefined ? {} : { key }) };
  throw new ProblemError(
    400,
    'malformed-cursor',
    'Last-Event-ID must be the id of an event of this stream, and after a position as a list answers it.',
  );
}
