import type { StreamingRead } from '@eventstore/db-client';
import type { RecordedEvent } from './recorded-event.ts';

/** What the client's reads give: links, which are never asked for, have no event. */
export interface Resolved {
  readonly event?: RecordedEvent;
}

/**
 * Shows a read's events to `each` until it gives false or there are no more. The client's reads have no deadline: one that is
 * silent for `silenceMs` is given up.
 *
 * @throws what the client emits, and an Error after the silence
 */
export async function visit<E extends Resolved>(
  read: StreamingRead<E>,
  silenceMs: number,
  each: (event: RecordedEvent) => boolean,
): Promise<void> {
  const silence = setTimeout(() => read.destroy(new Error(`No answer from EventStoreDB in ${silenceMs} ms.`)), silenceMs);
  let whole = false;
  try {
    for await (const { event } of read as AsyncIterable<E>) {
      silence.refresh();
      if (event && !each(event)) return;
    }
    whole = true;
  } finally {
    clearTimeout(silence);
    // Rejects where the connection was never made: then there is nothing to cancel.
    if (!whole) read.cancel().catch(() => undefined);
  }
}
