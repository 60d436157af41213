import type { DomainEvent, StoredEvent } from './event.ts';
import { EventsMissing, NO_STREAM, type EventLog } from './event-log.ts';
import type { EventCodec } from './codec.ts';
import { refuse, RefusedError } from './decision.ts';
import { streamName } from './ids.ts';

/**
 * A consistency boundary: a name, a first state and a fold. `evolve` is pure and knows every event of its union:
 * an unknown type must not compile, and throws when an old program meets a new event.
 */
export interface Aggregate<S, E extends DomainEvent> {
  /** First part of the stream's name; no hyphen. */
  readonly category: string;
  readonly initial: S;
  readonly evolve: (state: S, event: E) => S;
}

/** The end of an exhaustive switch in a fold. */
export function unknownEvent(event: never): never {
  throw new Error(`This version does not know the event ${JSON.stringify((event as DomainEvent).type)}.`);
}

export interface Loaded<S> {
  readonly id: string;
  readonly stream: string;
  readonly state: S;
  /** Revision of the last event folded in; `NO_STREAM` where the stream does not exist. */
  readonly revision: number;
  readonly exists: boolean;
  /** `stream@revision`: how decisions cite what they read. */
  readonly ref: string;
  readonly events: readonly StoredEvent[];
}

/**
 * Loads and folds a stream; with `asOf` (ISO 8601, inclusive) as it was at that time by `recordedAt`.
 *
 * @throws EventsMissing the stream does not begin at revision 0, or has a gap: a fold over what is left would say what never was
 * @throws RefusedError somebody has appended to it around Plimsoll: nothing is decided on it, and whoever asks goes on
 */
export async function load<S, E extends DomainEvent>(
  log: Pick<EventLog, 'readStream'>,
  codec: EventCodec,
  aggregate: Aggregate<S, E>,
  id: string,
  asOf?: string,
): Promise<Loaded<S>> {
  const stream = streamName(aggregate.category, id);
  const slice = await log.readStream(stream);
  const gap = slice.events.findIndex((event, index) => event.revision !== index);
  if (gap >= 0) {
    const found = slice.events[gap]?.revision ?? NO_STREAM;
    throw new EventsMissing(`Stream ${stream} lacks the events from revision ${gap} to ${found - 1}: it was deleted or truncated.`);
  }
  const stray = slice.events.find((event) => event.stray);
  if (stray) {
    const detail = `${stream}@${stray.revision} was appended around Plimsoll: nothing is decided on what its stream holds.`;
    throw new RefusedError(
      refuse('conflict', 'stray-event', detail, [
        {
          code: 'stray-event',
          detail: stray.stray!.why,
          evidence: [`${stream}@${stray.revision}`],
          unblockedBy: 'Begin anew under another id, and find out who has the password of the event log.',
        },
      ]),
    );
  }
  const events = (asOf === undefined ? slice.events : slice.events.filter((e) => e.metadata.recordedAt <= asOf)).map((e) =>
    codec.upcast(e),
  );
  const state = events.reduce((s, e) => aggregate.evolve(s, e as unknown as E), aggregate.initial);
  const revision = events.at(-1)?.revision ?? NO_STREAM;
  return { id, stream, state, revision, exists: revision !== NO_STREAM, ref: `${stream}@${revision}`, events };
}
