import { parseStrictJson } from '#libs/http';
import type { ReceivedEnvelope } from '#libs/contracts';
import { checkCdEventWithin } from './cdevent.ts';
import { MalformedEvent, MAX_ID, MAX_SOURCE, MAX_SUBJECT, MAX_TYPE, objectAt, textAt, timeAt, uriReferenceAt } from './checks.ts';

const MAX_EXTENSION = 4096;
const INT32 = 2 ** 31;

/**
 * Reads a CloudEvent 1.0 from its attributes and `data` or `data_base64`, as the JSON format has them:
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md. What the envelope has no place for (`datacontenttype`,
 * `dataschema`, extensions) is among the extensions. A CDEvent in the data is checked, too.
 *
 * @throws MalformedEvent
 */
export function readCloudEvent(value: unknown): ReceivedEnvelope {
  const event = objectAt(value, 'A CloudEvent');
  if (event['specversion'] !== '1.0') {
    throw new MalformedEvent('cloudevents-version', 'specversion must be "1.0", the version of CloudEvents.');
  }
  const { specversion: _version, id, source, type, time, subject, data, data_base64, ...rest } = event;
  const extensions = Object.entries(rest).filter(([, attribute]) => attribute !== null);
  for (const [name, attribute] of extensions) checkExtension(name, attribute);
  const content = dataOf(data, data_base64, rest['datacontenttype']);
  const envelope: ReceivedEnvelope = {
    id: textAt(id, 'id', MAX_ID),
    source: uriReferenceAt(source, 'source', MAX_SOURCE),
    type: textAt(type, 'type', MAX_TYPE),
    ...(isSet(time) ? { time: timeAt(time, 'time') } : {}),
    ...(isSet(subject) ? { subject: textAt(subject, 'subject', MAX_SUBJECT) } : {}),
    ...(content === undefined ? {} : { data: content }),
    ...(extensions.length > 0 ? { extensions: Object.fromEntries(extensions) } : {}),
  };
  if (/^dev\.cdeventsx?\./.test(envelope.type)) checkCdEventWithin(envelope);
  return envelope;
}

/** In the JSON format, null is how an attribute is left out. */
function isSet(attribute: unknown): boolean {
  return attribute !== undefined && attribute !== null;
}

function checkExtension(name: string, value: unknown): void {
  if (!/^[a-z0-9]{1,64}$/.test(name)) {
    throw new MalformedEvent('attribute-name', 'Names of attributes must be 1 to 64 lower-case letters and digits.');
  }
  if (typeof value === 'boolean') return;
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= -INT32 && value < INT32) return;
    throw new MalformedEvent('field-malformed', `${name} must be a whole number of 32 bits, a text, or true or false.`);
  }
  if (value === '') return;
  textAt(value, name, MAX_EXTENSION);
}

function dataOf(data: unknown, base64: unknown, contentType: unknown): unknown {
  if (!isSet(base64)) return data;
  if (data !== undefined) throw new MalformedEvent('data-twice', 'An event has data or data_base64, not both.');
  if (typeof base64 !== 'string' || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
    throw new MalformedEvent('field-malformed', 'data_base64 must be base64 (RFC 4648) with its padding.');
  }
  const json = contentType === undefined || (typeof contentType === 'string' && /^application\/(.+\+)?json\b/i.test(contentType));
  return json ? parseStrictJson(Buffer.from(base64, 'base64')) : { base64 };
}
