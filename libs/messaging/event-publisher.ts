import type { Pool } from 'pg';
import type { EventCodec, EventLog, StoredEvent } from '#libs/event-sourcing';
import { runSubscription, type SubscriptionOptions } from '#libs/subscriptions';
import { areaOfStream, toCloudEvent, topicOf, type AreaOf } from './cloud-event.ts';
import type { MessageBus, OutgoingMessage } from './message-bus.ts';

export interface EventPublisherOptions {
  readonly log: EventLog;
  /** Keeps the checkpoint and the lease. */
  readonly pool: Pool;
  readonly bus: MessageBus;
  /** Area of a category; events of categories without one are not published, but counted. */
  readonly areaOf: AreaOf;
  /** Ends it after the batch in hand. */
  readonly signal: AbortSignal;
  /** Its subscription; `publish:kafka` unless told. */
  readonly name?: string;
  /** Lifts events to the schema version of today before they are published; as they were stored unless told. */
  readonly codec?: EventCodec;
  /** Further settings of the subscription: where its status is shown, how long its lease lasts, who is told of errors. */
  readonly subscription?: Pick<SubscriptionOptions, 'registry' | 'leaseMs' | 'pollMs' | 'onError' | 'batchSize'>;
}

export interface PublisherCounts {
  /** Events acknowledged by the bus since the start of this process, repeats included. */
  readonly published: number;
  /** Events of categories without an area, and what was appended around Plimsoll: nobody outside is told that as a fact. */
  readonly skipped: number;
}

/**
 * Publishes every event of the log as a CloudEvent, in the order of each stream, at least once: the checkpoint moves when the
 * bus has acknowledged. One process at a time does it (a fenced lease); a bus that is away is waited for.
 */
export class EventPublisher {
  private published = 0;
  private skipped = 0;

  constructor(private readonly options: EventPublisherOptions) {}

  /** Runs until the signal ends it. */
  async run(): Promise<void> {
    const { log, pool, signal, name = 'publish:kafka', codec, subscription } = this.options;
    await runSubscription({
      ...subscription,
      name,
      log,
      pool,
      signal,
      ...(codec ? { codec } : {}),
      handle: { external: (events) => this.publish(events) },
    });
  }

  counts(): PublisherCounts {
    return { published: this.published, skipped: this.skipped };
  }

  private async publish(events: readonly StoredEvent[]): Promise<void> {
    const byTopic = new Map<string, OutgoingMessage[]>();
    let skipped = 0;
    for (const event of events) {
      const area = event.stray ? undefined : areaOfStream(this.options.areaOf, event.stream);
      if (area === undefined) {
        skipped++;
        continue;
      }
      const messages = byTopic.get(topicOf(area)) ?? [];
      byTopic.set(topicOf(area), messages);
      messages.push(toCloudEvent(event, area));
    }
    await Promise.all([...byTopic].map(([topic, messages]) => this.options.bus.publish(topic, messages)));
    this.published += events.length - skipped;
    this.skipped += skipped;
  }
}
