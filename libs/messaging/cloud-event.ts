import { categoryOf, type StoredEvent } from '#libs/event-sourcing';
import type { OutgoingMessage } from './message-bus.ts';

/**
 * An event as a CloudEvent 1.0 in the binary mode of the Kafka binding: attributes are headers with the prefix `ce_`, the value is
 * the data alone. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
 */
export function toCloudEvent(event: StoredEvent, area: string): OutgoingMessage {
  const { schemaVersion, recordedAt, correlationId, causationId } = event.metadata;
  return {
    key: event.stream,
    value: JSON.stringify(event.data),
    headers: {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: event.id,
      ce_type: `io.plimsoll.${event.type}.v${schemaVersion}`,
      ce_source: `/plimsoll/${area}`,
      ce_subject: event.stream,
      ce_time: recordedAt,
      // Extensions: a consumer that sees revision 5 after 3 knows that it missed one.
      ce_streamrevision: String(event.revision),
      ce_correlationid: correlationId,
      ce_causationid: causationId,
    },
  };
}

/** Where an area's events are published. */
export function topicOf(area: string): string {
  return `plimsoll.${area}.events.v1`;
}

/** Tells the area of a stream by its category; undefined where its events stay inside. */
export type AreaOf = (category: string) => string | undefined;

export function areaOfStream(areaOf: AreaOf, stream: string): string | undefined {
  return areaOf(categoryOf(stream));
}
