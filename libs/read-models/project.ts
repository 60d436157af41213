import type { ClientBase } from 'pg';
import type { EventCodec, EventLog } from '#libs/event-sourcing';
import type { ViewWriter } from './view-writer.ts';

const BATCH = 2000;

/** Writes the events after one position up to another (inclusive) into a table, inside of the caller's transaction; says how many. */
export async function projectRange<Row extends object>(
  { log, codec }: { readonly log: EventLog; readonly codec: EventCodec },
  writer: ViewWriter<Row>,
  client: ClientBase,
  { after, upTo }: { readonly after: bigint; readonly upTo: bigint },
): Promise<number> {
  let count = 0;
  let next = after < upTo ? log.readAll({ after, maxCount: BATCH }) : Promise.resolve([]);
  for (;;) {
    const batch = await next;
    const last = batch.at(-1);
    if (!last) return count;
    const complete = last.position >= upTo;
    // The next batch is read while this one is written.
    next = complete ? Promise.resolve([]) : log.readAll({ after: last.position, maxCount: BATCH });
    next.catch(() => undefined);
    const wanted = complete ? batch.filter((event) => event.position <= upTo) : batch;
    await writer.write(
      wanted.map((event) => codec.upcast(event)),
      client,
      0,
    );
    count += wanted.length;
  }
}
