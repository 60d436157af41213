import type { ReceivedEnvelope } from '#libs/contracts';
import { cdEventName, REFERENCES, type CdEventName } from './cdevents-vocabulary.ts';
import {
  isObject,
  MalformedEvent,
  MAX_ID,
  MAX_SOURCE,
  MAX_SUBJECT,
  MAX_TYPE,
  objectAt,
  textAt,
  timeAt,
  uriReferenceAt,
  type JsonObject,
} from './checks.ts';

/** What Plimsoll acts on; their contents are checked in every version, of the others only in the one that is known. */
const ACTED_ON = /^(artifact\.(packaged|published)|service\.[a-z]+)$/;

/**
 * Reads a CDEvent as it stands alone: https://github.com/cdevents/spec/blob/main/spec.md. The version of the specification is
 * `context.version` up to 0.4, `context.specversion` since 0.5.
 *
 * @throws MalformedEvent
 */
export function readCdEvent(value: unknown): ReceivedEnvelope {
  const event = objectAt(value, 'A CDEvent');
  const context = objectAt(event['context'], 'context');
  checkSpecVersion(context);
  const type = textAt(context['type'], 'context.type', MAX_TYPE);
  const name = cdEventName(type);
  if (!name) {
    throw new MalformedEvent('cdevents-type-malformed', 'context.type must be dev.cdevents.<subject>.<predicate>.<version>.');
  }
  const envelope = {
    id: textAt(context['id'], 'context.id', MAX_ID),
    source: uriReferenceAt(context['source'], 'context.source', MAX_SOURCE),
    type,
    time: timeAt(context['timestamp'], 'context.timestamp'),
  };
  for (const member of ['chainId', 'schemaUri']) {
    if (context[member] !== undefined) textAt(context[member], `context.${member}`, MAX_SOURCE);
  }
  if (context['links'] !== undefined && !(Array.isArray(context['links']) && context['links'].every(isObject))) {
    throw new MalformedEvent('field-malformed', 'context.links must be an array of links.');
  }
  const subject = objectAt(event['subject'], 'subject');
  const subjectId = textAt(subject['id'], 'subject.id', MAX_SUBJECT);
  if (subject['source'] !== undefined) uriReferenceAt(subject['source'], 'subject.source', MAX_SOURCE);
  checkContent(objectAt(subject['content'], 'subject.content'), name);
  return { ...envelope, subject: subjectId, data: event };
}

/** A CDEvent inside of a CloudEvent says the same as the envelope around it (CloudEvents binding of CDEvents). @throws MalformedEvent */
export function checkCdEventWithin(envelope: ReceivedEnvelope): void {
  const within = readCdEvent(envelope.data);
  for (const attribute of ['id', 'source', 'type'] as const) {
    if (within[attribute] === envelope[attribute]) continue;
    throw new MalformedEvent(
      'cdevents-envelope-mismatch',
      `The ${attribute} of the CloudEvent must be that of the CDEvent in its data, context.${attribute}.`,
    );
  }
}

/** The version of the CDEvents specification that an event says it follows. */
export function specVersionOf(context: JsonObject): unknown {
  return context['specversion'] ?? context['version'];
}

function checkSpecVersion(context: JsonObject): void {
  if (context['specversion'] !== undefined && context['version'] !== undefined) {
    throw new MalformedEvent('field-malformed', 'context must have specversion (CDEvents 0.5) or version (0.4), not both.');
  }
  const version = textAt(specVersionOf(context), 'context.specversion', 64);
  if (/^\d+\.\d+(\.\d+)?([-+][0-9A-Za-z.+-]+)?$/.test(version)) return;
  throw new MalformedEvent('field-malformed', 'context.specversion must be a version of CDEvents, such as 0.5.1.');
}

function checkContent(content: JsonObject, { kind, version, known }: CdEventName): void {
  if (!known) return;
  for (const reference of REFERENCES) {
    if (content[reference] === undefined) continue;
    const path = `subject.content.${reference}`;
    textAt(objectAt(content[reference], path)['id'], `${path}.id`, MAX_SUBJECT);
  }
  if (version !== known.version && !ACTED_ON.test(kind)) return;
  for (const path of known.required) {
    const [member = '', id] = path.split('.');
    const value = content[member];
    textAt(id !== undefined && isObject(value) ? value[id] : value, `subject.content.${path}`, MAX_TEXT);
  }
}

const MAX_TEXT = 100_000;
