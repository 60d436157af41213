import fc from 'fast-check';
import { hashOfDelivery, MAX_BATCH, MAX_EVENT_BYTES, readDelivery, type Delivery, type Reading } from './envelope.ts';

const STRUCTURED = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';
const cloudEvent = { specversion: '1.0', id: '1', source: '/ci', type: 'com.example.done' };
const cdEvent = (context: object = {}, subject: object = {}) => ({
  context: {
    specversion: '0.5.1',
    id: '1',
    source: '/ci',
    type: 'dev.cdevents.build.started.0.3.0',
    timestamp: '2026-03-02T10:00:00Z',
    ...context,
  },
  subject: { id: 'build-1', content: {}, ...subject },
});

function read(body: unknown, contentType = 'application/json', attributes: Record<string, string> = {}): readonly Reading[] {
  return readDelivery(delivery(typeof body === 'string' ? body : JSON.stringify(body), contentType, attributes));
}
function delivery(text: string, contentType = 'application/json', attributes: Record<string, string> = {}): Delivery {
  return { contentType, attributes, body: Buffer.from(text) };
}

describe('reading what comes in', () => {
  it('reads a CloudEvent in structured mode, and keeps its extensions', () => {
    const event = {
      ...cloudEvent,
      time: '2026-03-02T10:00:00.5+01:00',
      subject: 's',
      datacontenttype: 'application/json',
      tries: 3,
      last: true,
      data: [1],
    };
    expect(read(event, `${STRUCTURED}; charset=UTF-8`)).toMatchObject([
      {
        readable: true,
        envelope: {
          id: '1',
          source: '/ci',
          type: 'com.example.done',
          time: '2026-03-02T10:00:00.5+01:00',
          subject: 's',
          data: [1],
          extensions: { datacontenttype: 'application/json', tries: 3, last: true },
        },
      },
    ]);
  });

  it('takes an attribute that is null for one that is left out', () => {
    const [reading] = read({ ...cloudEvent, time: null, trace: null }, STRUCTURED);
    expect(reading).toMatchObject({ readable: true, envelope: { id: '1', source: '/ci', type: 'com.example.done' } });
  });

  it('reads data in base64, as JSON where it is JSON', () => {
    const base64 = Buffer.from('{"a":1}').toString('base64');
    expect(read({ ...cloudEvent, data_base64: base64 }, STRUCTURED)).toMatchObject([{ envelope: { data: { a: 1 } } }]);
    expect(read({ ...cloudEvent, datacontenttype: 'image/png', data_base64: base64 }, STRUCTURED)).toMatchObject([
      { envelope: { data: { base64 } } },
    ]);
    expect(read({ ...cloudEvent, data_base64: 'a' }, STRUCTURED)).toMatchObject([{ readable: false, code: 'field-malformed' }]);
  });

  it('reads a CloudEvent in binary mode, with data and without', () => {
    const { specversion, id, source, type } = cloudEvent;
    const attributes = { specversion, id, source, type };
    expect(read({ a: 1 }, 'application/json', attributes)).toMatchObject([{ envelope: { id: '1', data: { a: 1 } } }]);
    const [reading] = read('', '', attributes);
    expect(reading?.readable && 'data' in reading.envelope).toBe(false);
    expect(read('', '', { ...attributes, data: 'x' })).toMatchObject([{ code: 'attribute-name' }]);
  });

  it.each([
    ['0.5 by specversion', cdEvent()],
    ['0.4 by version', cdEvent({ specversion: undefined, version: '0.4.1' })],
    ['an unknown type', cdEvent({ type: 'dev.cdevents.moon.landed.0.1.0' })],
    ['a custom type', cdEvent({ type: 'dev.cdeventsx.jenkins-agent.started.0.1.0' })],
    ['another version of a type, whose content may differ', cdEvent({ type: 'dev.cdevents.repository.created.0.2.0' })],
  ])('reads a CDEvent alone: %s', (_what, event) => {
    expect(read(event)).toMatchObject([{ readable: true, envelope: { subject: 'build-1', time: '2026-03-02T10:00:00Z' } }]);
  });

  it.each([
    ['both specversion and version', cdEvent({ version: '0.4.1' }), 'field-malformed'],
    ['links that are no list', cdEvent({ links: {} }), 'field-malformed'],
    ['a reference without an id', cdEvent({}, { content: { environment: {} } }), 'field-missing'],
    ['a type in capitals', cdEvent({ type: 'dev.cdevents.Build.started.0.3.0' }), 'cdevents-type-malformed'],
    ['a type without a version', cdEvent({ type: 'dev.cdevents.build.started' }), 'cdevents-type-malformed'],
    ['a control character in its id', cdEvent({ id: 'a\u0007' }), 'field-malformed'],
  ])('does not read a CDEvent with %s', (_what, event, code) => {
    expect(read(event)).toMatchObject([{ readable: false, code }]);
  });

  it('says where a CloudEvent would be read that is sent as plain JSON', () => {
    expect(read(cloudEvent)).toMatchObject([{ readable: false, code: 'not-a-cdevent', reason: expect.stringContaining(STRUCTURED) }]);
  });

  it.each(['text/plain', 'application/xml', 'application/json; charset=latin1'])('does not read %s', (contentType) => {
    expect(read(cdEvent(), contentType)).toMatchObject([{ readable: false, code: 'unsupported-media-type' }]);
  });

  it('reads a batch event by event, each a delivery of its own', () => {
    const [good, bad] = read([cloudEvent, { ...cloudEvent, id: '' }], BATCH);
    expect(good).toMatchObject({ readable: true });
    expect(bad).toMatchObject({ readable: false, code: 'field-malformed', delivery: { contentType: STRUCTURED } });
    expect(bad && readDelivery(bad.delivery)).toEqual([bad]);
    expect(read([], BATCH)).toEqual([]);
  });

  it.each([
    ['is no array', '{}', 'not-a-batch'],
    ['has too many events', JSON.stringify(Array.from({ length: MAX_BATCH + 1 }, () => cloudEvent)), 'batch-too-large'],
    ['is no JSON', '[', 'malformed-json'],
  ])('does not read a batch that %s', (_what, text, code) => {
    expect(read(text, BATCH)).toMatchObject([{ readable: false, code, delivery: { contentType: BATCH } }]);
  });

  it('reads an event of 256 KiB, and not one byte more; in a batch only that one is lost', () => {
    const event = (bytes: number) => {
      const empty = JSON.stringify({ ...cloudEvent, data: '' });
      return JSON.stringify({ ...cloudEvent, data: 'x'.repeat(bytes - empty.length) });
    };
    expect(read(event(MAX_EVENT_BYTES), STRUCTURED)).toMatchObject([{ readable: true }]);
    expect(read(event(MAX_EVENT_BYTES + 1), STRUCTURED)).toMatchObject([{ readable: false, code: 'event-too-large' }]);
    const batch = `[${event(MAX_EVENT_BYTES + 1)},${event(1000)}]`;
    expect(read(batch, BATCH)).toMatchObject([{ readable: false, code: 'event-too-large' }, { readable: true }]);
  });

  it.each([
    ['2026-02-28T23:59:59Z', true],
    ['2028-02-29T00:00:00.123456789Z', true],
    ['2026-02-29T00:00:00Z', false],
    ['2026-13-01T00:00:00Z', false],
    ['2026-03-02T24:00:00Z', false],
    ['2026-03-02T10:00:00+24:00', false],
    ['2026-03-02 10:00:00Z', false],
    ['2026-03-02T10:00Z', false],
    ['2026-03-02', false],
  ])('takes %s for an instant: %s', (time, readable) => {
    expect(read(cdEvent({ timestamp: time }))).toMatchObject([{ readable }]);
  });

  it('knows the same delivery again by its hash, of which attributes are a part', () => {
    expect(hashOfDelivery(delivery('a'))).toBe(hashOfDelivery(delivery('a')));
    expect(hashOfDelivery(delivery('a'))).not.toBe(hashOfDelivery(delivery('b')));
    expect(hashOfDelivery(delivery('a', '', { id: '1' }))).not.toBe(hashOfDelivery(delivery('a', '', { id: '2' })));
  });

  const types = fc.constantFrom('application/json', STRUCTURED, BATCH, '', 'text/plain');
  const attributes = fc.dictionary(fc.string({ maxLength: 12 }), fc.string(), { maxKeys: 4 });
  const cdEvents = fc.record(
    {
      context: fc.oneof(fc.constant(cdEvent().context), fc.object(), fc.anything()),
      subject: fc.oneof(fc.constant(cdEvent().subject), fc.object()),
    },
    { requiredKeys: [] },
  );
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.oneof(cdEvents, fc.array(fc.oneof(fc.constant(cloudEvent), fc.object()), { maxLength: 5 })).map(json),
    fc
      .record({ ...constants(cloudEvent), data: fc.anything(), time: fc.anything(), extra: fc.anything() }, { requiredKeys: ['id'] })
      .map(json),
  );

  it('throws nothing, whatever comes in, and loses nothing: each part is read or refused with a reason', () => {
    fc.assert(
      fc.property(types, attributes, bodies, (contentType, beside, body) => {
        for (const one of readDelivery({ contentType, attributes: beside, body })) {
          if (!one.readable) expect(one.reason).toMatch(/./);
          // What was read is JSON, as the log wants it.
          else expect(JSON.parse(JSON.stringify(one.envelope))).toEqual(one.envelope);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function constants<T extends object>(value: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, fc.constant(v)])) as never;
}

/** Whatever it is, as bytes that may be JSON. */
function json(value: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(value) ?? '');
  } catch {
    return Buffer.from('null');
  }
}
