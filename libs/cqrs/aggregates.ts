import { Inject, Injectable } from '@nestjs/common';
import {
  load,
  readerOf,
  refuse,
  RefusedError,
  type Aggregate,
  type DomainEvent,
  type EventCodec,
  type EventLog,
  type Loaded,
  type ReadAggregate,
} from '#libs/event-sourcing';
import { AN_INSTANT, parseInstant } from '#libs/instant';
import { EVENT_CODEC, EVENT_LOG } from './tokens.ts';

/** An aggregate as a query answers it: its state, and where in its stream that is. */
export type AggregateAnswer<S> = S & {
  readonly id: string;
  readonly stream: string;
  /** Also the ETag. */
  readonly revision: number;
  /** Time of the last event that is in it. */
  readonly recordedAt: string;
};

/** Answers from the streams themselves, as they are or as they were. */
@Injectable()
export class Aggregates {
  /** As they are. */
  readonly read: ReadAggregate;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(EVENT_CODEC) private readonly codec: EventCodec,
  ) {
    this.read = readerOf(log, codec);
  }

  load<S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string, asOf?: string): Promise<Loaded<S>> {
    return load(this.log, this.codec, aggregate, id, asOf);
  }

  /**
   * The state of an aggregate, with `asOf` (ISO 8601) as it was at that time by `recordedAt`.
   *
   * @throws RefusedError `not-found` where it does not exist, or did not at that time
   * @throws RefusedError `as-of-invalid` where asOf is no instant
   */
  async answer<S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string, asOf?: string): Promise<AggregateAnswer<S>> {
    const loaded = await this.load(aggregate, id, asOf === undefined ? undefined : instantOf(asOf));
    const last = loaded.events.at(-1);
    if (!last) {
      const when = asOf === undefined ? '' : ` at ${asOf}`;
      throw new RefusedError(refuse('not-found', `${aggregate.category}-unknown`, `There was no ${aggregate.category} ${id}${when}.`));
    }
    const { stream, revision, state } = loaded;
    return { ...state, id, stream, revision, recordedAt: last.metadata.recordedAt };
  }
}

function instantOf(asOf: string): string {
  const instant = parseInstant(asOf);
  if (instant === undefined) throw new RefusedError(refuse('meaning', 'as-of-invalid', `asOf must be ${AN_INSTANT}.`));
  return instant;
}
