import { createHash } from 'node:crypto';
import { parseStrictJson, ProblemError } from '#libs/http';
import type { ReceivedEnvelope } from '#libs/contracts';
import { readCdEvent } from './cdevent.ts';
import { isObject, MalformedEvent } from './checks.ts';
import { readCloudEvent } from './cloud-event.ts';

/** Largest event, bytes of its JSON. */
export const MAX_EVENT_BYTES = 256 * 1024;
/** Most events of a batch. */
export const MAX_BATCH = 100;

/** What came in, over whichever channel. */
export interface Delivery {
  readonly contentType: string;
  /** CloudEvents attributes that came beside the body (binary mode), without their prefix. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** One event of a delivery, or why it is none. A part of a batch is a delivery by itself, so that it can be read again alone. */
export type Reading =
  | { readonly readable: true; readonly envelope: ReceivedEnvelope; readonly delivery: Delivery }
  | { readonly readable: false; readonly code: string; readonly reason: string; readonly delivery: Delivery };

const STRUCTURED = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';
const PLAIN = 'application/json';

/**
 * Reads CloudEvents 1.0 in structured (`application/cloudevents+json`), batch (`application/cloudevents-batch+json`) and binary mode
 * (`application/json` with attributes beside it), and CDEvents as they stand alone (`application/json`). Refusals are values; it throws nothing.
 */
export function readDelivery(delivery: Delivery): readonly Reading[] {
  if (isBatch(delivery)) return readBatch(delivery);
  return [reading(delivery, () => readOne(delivery))];
}

export function isBatch({ contentType }: Delivery): boolean {
  return mediaType(contentType).type === BATCH;
}

/** SHA-256 (hex) of all that came: the same delivery again is the same. */
export function hashOfDelivery({ contentType, attributes, body }: Delivery): string {
  const hash = createHash('sha256').update(body);
  // A body alone says it all where nothing came beside it.
  if (Object.keys(attributes).length > 0) hash.update(JSON.stringify([contentType, Object.entries(attributes).sort()]));
  return hash.digest('hex');
}

function readOne(delivery: Delivery): ReceivedEnvelope {
  const { contentType, attributes, body } = delivery;
  const { type, utf8 } = mediaType(contentType);
  if (!utf8 || ![STRUCTURED, PLAIN, ''].includes(type)) {
    throw new MalformedEvent(
      'unsupported-media-type',
      `Events are taken as JSON in UTF-8: Content-Type ${STRUCTURED}, ${BATCH} or ${PLAIN}.`,
    );
  }
  checkSize(body.byteLength);
  if (type === STRUCTURED) return readCloudEvent(parseStrictJson(body));
  if (Object.keys(attributes).length > 0) return readBinary(delivery);
  const event = parseStrictJson(body);
  if (isObject(event) && event['context'] === undefined && event['specversion'] !== undefined) {
    throw new MalformedEvent(
      'not-a-cdevent',
      `This has no context as a CDEvent has. If it is a CloudEvent, its Content-Type is ${STRUCTURED}.`,
    );
  }
  return readCdEvent(event);
}

function readBinary({ attributes, body }: Delivery): ReceivedEnvelope {
  const reserved = ['data', 'data_base64'].find((name) => Object.hasOwn(attributes, name));
  if (reserved !== undefined) throw new MalformedEvent('attribute-name', `${reserved} is the body and no attribute.`);
  return readCloudEvent({ ...attributes, ...(body.byteLength > 0 ? { data: parseStrictJson(body) } : {}) });
}

function readBatch(delivery: Delivery): readonly Reading[] {
  try {
    if (!mediaType(delivery.contentType).utf8) throw new MalformedEvent('unsupported-media-type', 'A batch must be in UTF-8.');
    const events = parseStrictJson(delivery.body);
    if (!Array.isArray(events)) throw new MalformedEvent('not-a-batch', 'A batch must be an array of CloudEvents.');
    if (events.length > MAX_BATCH) {
      throw new MalformedEvent('batch-too-large', `A batch has at most ${MAX_BATCH} events; this one has ${events.length}.`);
    }
    return events.map((event: unknown) => {
      const body = Buffer.from(JSON.stringify(event));
      return reading({ contentType: STRUCTURED, attributes: {}, body }, () => {
        checkSize(body.byteLength);
        return readCloudEvent(event);
      });
    });
  } catch (error) {
    return [unreadable(delivery, error)];
  }
}

function reading(delivery: Delivery, read: () => ReceivedEnvelope): Reading {
  try {
    return { readable: true, envelope: read(), delivery };
  } catch (error) {
    return unreadable(delivery, error);
  }
}

function unreadable(delivery: Delivery, error: unknown): Reading {
  if (error instanceof MalformedEvent) return { readable: false, code: error.code, reason: error.message, delivery };
  // What the strict JSON parser refuses.
  if (error instanceof ProblemError) return { readable: false, code: error.type, reason: error.message, delivery };
  throw error;
}

function checkSize(bytes: number): void {
  if (bytes <= MAX_EVENT_BYTES) return;
  throw new MalformedEvent('event-too-large', `An event has at most ${MAX_EVENT_BYTES} bytes; this one has ${bytes}.`);
}

function mediaType(contentType: string): { readonly type: string; readonly utf8: boolean } {
  const [type = '', ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.replace(/^charset="?|"$/g, '');
  return { type, utf8: charset === undefined || charset === 'utf-8' || charset === 'utf8' };
}
