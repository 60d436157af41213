import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { receiptId } from '../../src/ingestion/outside-event/outside-event.ts';
import { skipAloud } from '../support/kafka/index.ts';
import { eventually, startApp, type Answer, type RunningApp } from '../support/running-app.ts';

/** The example events of the CDEvents specification; they are nobody's here, so they are read where they are. */
const folder = process.env['PLIMSOLL_CONFORMANCE_DATA'] ?? resolve(__dirname, '../../../shared/data/cdevents/conformance');
const present = existsSync(folder);
const files = present ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];

interface CdEvent {
  readonly context: Record<string, unknown>;
  readonly subject: { id: string; content: Record<string, unknown> };
}

/** Most examples have one id; here each is an event of its own, as it would be in life. */
function example(file: string, id: string = randomUUID()): CdEvent {
  const event = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CdEvent;
  return { ...event, context: { ...event.context, id } };
}

function receiptOf({ context }: Pick<CdEvent, 'context'>): string {
  return receiptId(String(context['source']), String(context['id']), String(context['type']));
}

function cloudEvent(event: CdEvent): Record<string, unknown> {
  const { id, source, type, timestamp } = event.context;
  return {
    specversion: '1.0',
    id,
    source,
    type,
    time: timestamp,
    subject: event.subject.id,
    datacontenttype: 'application/json',
    data: event,
  };
}

const STRUCTURED = { 'content-type': 'application/cloudevents+json' };
const BATCH = { 'content-type': 'application/cloudevents-batch+json' };
const DIGEST = 'sha256:0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427';

if (!present) skipAloud(`no CDEvents conformance files in ${folder}: set PLIMSOLL_CONFORMANCE_DATA.`);

(present ? describe : describe.skip)('the events of the CDEvents specification', () => {
  let app: RunningApp;
  const send = (event: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    app.post('/v1/events', event, ['service'], headers);
  const stream = async (name: string) => (await app.plimsoll.infrastructure.log.readStream(name)).events;
  const deadLetters = async (filter: string, position: string | null) =>
    (await app.get(`/v1/ingestion/dead-letters?${filter}`, { 'plimsoll-min-position': position ?? '0' })).body.items as Record<
      string,
      unknown
    >[];
  /** Refused, and kept with its reason. */
  async function expectKept(answer: Answer, status: number, type: string): Promise<void> {
    expect(answer).toMatchObject({ status, body: { type: `https://plimsoll.dev/problems/${type}` } });
    const rejectionId = answer.headers.get('plimsoll-rejection-id');
    expect(answer.body.reasons[0].detail).toContain(rejectionId);
    const letters = await deadLetters(`code=${type}&limit=200`, answer.headers.get('plimsoll-position'));
    expect(letters).toContainEqual(expect.objectContaining({ rejectionId, code: type, status: 'open' }));
  }

  beforeAll(async () => {
    app = await startApp();
  }, 60_000);
  afterAll(() => app?.stop());

  it('are 45', () => {
    expect(files).toHaveLength(45);
  });

  it.each(files)('are accepted to the letter, although all have one id: %s', async (file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    expect(await send(text)).toMatchObject({ status: 202, body: [{ disposition: expect.stringMatching(/understood|kept/) }] });
    expect(await send(text)).toMatchObject({ status: 202 });
    expect(await stream(`outside-${receiptOf(JSON.parse(text) as CdEvent)}`)).not.toHaveLength(0);
  });

  it.each(files)('are accepted as they stand alone: %s', async (file) => {
    const event = example(file);
    const answer = await send(event);
    expect(answer).toMatchObject({ status: 202, body: [{ id: event.context['id'], source: event.context['source'] }] });
    const receipt = receiptOf(event);
    expect(answer.body[0].receiptId).toBe(receipt);
    const [received] = await stream(`outside-${receipt}`);
    expect(received).toMatchObject({ type: 'OutsideEventReceived', data: { envelope: { data: event }, channel: 'http' } });
    // The claimed time is years ago: recorded, and the server's own is what counts.
    const { skewSeconds } = received?.data as { skewSeconds: number };
    expect(skewSeconds).toBe(
      Math.round((Date.parse(String(event.context['timestamp'])) - Date.parse(received!.metadata.recordedAt)) / 1000),
    );
  });

  it.each(files)('are the same event in every mode of CloudEvents: %s', async (file) => {
    const event = example(file);
    const { id, source, type, timestamp } = event.context as Record<string, string>;
    const attributes = { 'ce-specversion': '1.0', 'ce-id': id!, 'ce-source': source!, 'ce-type': type!, 'ce-time': timestamp! };
    const structured = await send(cloudEvent(event), STRUCTURED);
    const binary = await send(event, { ...attributes, 'ce-subject': encodeURIComponent(event.subject.id) });
    const batch = await send([cloudEvent(event)], BATCH);
    const alone = await send(event);
    expect([structured.status, binary.status, batch.status, alone.status]).toEqual([202, 202, 202, 202]);
    const receipt = receiptId(source!, id!, type!);
    expect([structured, binary, batch, alone].map(({ body }) => body[0].receiptId)).toEqual([receipt, receipt, receipt, receipt]);
    expect((await stream(`outside-${receipt}`)).filter((e) => e.type === 'OutsideEventReceived')).toHaveLength(1);
  });

  it('come in over the message bus as they do over HTTP', async () => {
    const events = files.map((file) => example(file));
    const { bus } = app.plimsoll.infrastructure;
    const key = 'conformance';
    await bus.publish(
      'plimsoll.ingest.v1',
      events.map((event, index) => {
        const { id, source, type, timestamp } = event.context as Record<string, string>;
        if (index % 3 === 0) return { key, value: JSON.stringify(cloudEvent(event)), headers: STRUCTURED };
        if (index % 3 === 1) return { key, value: JSON.stringify(event), headers: {} };
        const headers = {
          ce_specversion: '1.0',
          ce_id: id!,
          ce_source: source!,
          ce_type: type!,
          ce_time: timestamp!,
          ce_subject: event.subject.id,
        };
        return { key, value: JSON.stringify(event), headers: { ...headers, 'content-type': 'application/json' } };
      }),
    );
    for (const { context } of events) {
      const [received] = await eventually(`${String(context['type'])} over the bus`, async () => {
        const found = await stream(`outside-${receiptOf({ context })}`);
        return found.length > 0 ? found : undefined;
      });
      expect(received).toMatchObject({ type: 'OutsideEventReceived', data: { channel: 'kafka' } });
    }
  }, 60_000);

  it('say what runs where, which is a report and no deployment', async () => {
    const event = example('service_deployed.json');
    const reported = {
      ...event,
      subject: { ...event.subject, id: 'checkout', content: { ...event.subject.content, environment: { id: 'EU/Prod 1' } } },
    };
    const answer = await send(reported);
    const [{ receiptId: receipt, disposition }] = answer.body;
    expect(disposition).toBe('understood');
    const applied = await eventually('what became of it', async () => (await stream(`outside-${receipt}`))[1]);
    expect(applied).toMatchObject({ type: 'OutsideEventApplied', data: { outcome: 'applied', command: 'ReportRunningVersion' } });
    expect(await stream('environment-eu-prod-1')).toMatchObject([
      {
        type: 'RunningVersionReported',
        data: {
          service: 'checkout',
          change: 'deployed',
          artifact: `pkg:oci/myapp@${DIGEST.replace(':', '%3A')}`,
          claimedOccurredAt: '2023-03-20T14:27:05.315Z',
        },
        metadata: { actor: 'process:ingestion' },
      },
      // Nobody has defined that environment here, so that nothing of ours accounts for it.
      { type: 'UnauthorisedDeploymentObserved', data: { reason: 'environment-unknown' }, metadata: { actor: 'process:ingestion' } },
    ]);
    expect(await stream('deployment-eu-prod-1')).toEqual([]);
    // The same event again reports nothing new.
    expect((await send(reported)).body[0]).toMatchObject({ receiptId: receipt });
    expect(await stream('environment-eu-prod-1')).toHaveLength(2);
  });

  it('register an artifact only where they carry its digest', async () => {
    const event = example('artifact_packaged.json');
    const without = await send(event);
    expect(without.body[0]).toMatchObject({ disposition: 'kept', keptBecause: expect.stringContaining('no digest') });
    const { subject, context } = example('artifact_packaged.json');
    const [{ receiptId: receipt }] = (await send({ context, subject: { ...subject, id: `pkg:oci/payments@${DIGEST}?tag=1.4.0` } })).body;
    const applied = await eventually('what became of it', async () => (await stream(`outside-${receipt}`))[1]);
    expect(applied).toMatchObject({ data: { outcome: 'applied', command: 'RegisterArtifact' } });
    const all = await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 10_000 });
    expect(all.filter(({ type }) => type === 'ArtifactRegistered')).toMatchObject([
      { data: { name: 'payments', version: '1.4.0', digest: { algorithm: 'sha256', value: DIGEST.slice('sha256:'.length) }, authors: [] } },
    ]);

    const second = example('artifact_published.json');
    const other = createHash('sha256').update('another build').digest('hex');
    const [{ receiptId: refusedReceipt }] = (
      await send({ ...second, subject: { ...second.subject, id: `pkg:oci/payments@1.4.0?checksum=sha256:${other}` } })
    ).body;
    const refused = await eventually('its refusal', async () => (await stream(`outside-${refusedReceipt}`))[1]);
    expect(refused).toMatchObject({ data: { outcome: 'refused', detail: expect.stringContaining('second-digest') } });
  });

  it('are counted by type', async () => {
    const sent = await send(example('build_started.json'));
    const types = await app.get('/v1/ingestion/event-types?limit=200', { 'plimsoll-min-position': sent.headers.get('plimsoll-position')! });
    const started = types.body.items.find((row: { eventType: string }) => row.eventType === 'dev.cdevents.build.started.0.3.0');
    expect(started).toMatchObject({ understood: 0, applied: 0, keptBecause: expect.any(String) });
    expect(started.kept).toBe(started.received);
    expect(types.body.items).toHaveLength(45);
  });

  describe('when they are broken', () => {
    const required = ['specversion', 'id', 'source', 'type', 'timestamp'];
    const broken = required.flatMap((field) => [
      [`context.${field} is missing`, field, undefined] as const,
      [`context.${field} is empty`, field, ''] as const,
      [`context.${field} is a number`, field, 5] as const,
      [`context.${field} is null`, field, null] as const,
      [`context.${field} is an object`, field, {}] as const,
    ]);

    it.each(broken)('are refused and kept when %s', async (_what, field, value) => {
      const event = example('service_deployed.json');
      const { [field]: _left, ...context } = event.context;
      const answer = await send({ ...event, context: { ...context, ...(value === undefined ? {} : { [field]: value }) } });
      expect(['field-missing', 'field-malformed']).toContain(answer.body.type.split('/').at(-1));
      expect(answer.body.detail).toContain(`context.${field}`);
      await expectKept(answer, 422, answer.body.type.split('/').at(-1));
    });

    it.each(files)('are refused when context and subject are not both there: %s', async (file) => {
      const { context, subject } = example(file);
      expect((await send({ context })).status).toBe(422);
      expect((await send({ subject })).status).toBe(422);
      expect((await send({ context, subject: { ...subject, id: '' } })).status).toBe(422);
      expect((await send({ context, subject: { id: subject.id } })).status).toBe(422);
    });

    it.each([
      ['service_deployed.json', 'environment'],
      ['service_deployed.json', 'artifactId'],
      ['artifact_packaged.json', 'change'],
      ['artifact_signed.json', 'signature'],
      ['incident_reported.json', 'ticketURI'],
      ['testcaserun_finished.json', 'outcome'],
      ['repository_created.json', 'name'],
      ['ticket_closed.json', 'resolution'],
    ])('are refused when what their type demands is missing or of another type: %s %s', async (file, member) => {
      const { context, subject } = example(file);
      const { [member]: _left, ...content } = subject.content;
      for (const wrong of [content, { ...content, [member]: '' }, { ...content, [member]: 7 }, { ...content, [member]: null }]) {
        const answer = await send({ context, subject: { ...subject, content: wrong } });
        expect(answer.status).toBe(422);
        expect(answer.body.detail).toContain(`subject.content.${member}`);
      }
    });

    it.each([
      ['a key is there twice', (text: string) => text.replace('"subject"', '"subject": {}, "subject"'), 400, 'malformed-json'],
      ['a number is past 2^53', (text: string) => text.replace('"content":{', '"content":{"n":9007199254740993,'), 400, 'malformed-json'],
      ['they break off', (text: string) => text.slice(0, -2), 400, 'malformed-json'],
      ['they are nothing', () => '', 400, 'malformed-json'],
      ['they are an array', (text: string) => `[${text}]`, 422, 'field-malformed'],
      ['the time is none', (text: string) => text.replace('2023-03-20T', '2023-02-30T'), 422, 'field-malformed'],
      ['the time has no offset', (text: string) => text.replace('315384Z', '315384'), 422, 'field-malformed'],
      [
        'the type is no type of CDEvents',
        (text: string) => text.replace('service.deployed.0.3.0', 'deployed'),
        422,
        'cdevents-type-malformed',
      ],
      [
        'they have over 256 KiB',
        (text: string) => text.replace('"content":{', `"content":{"x":"${'x'.repeat(256 * 1024)}",`),
        413,
        'event-too-large',
      ],
    ])('are refused and kept when %s', async (_what, breakIt, status, code) => {
      const text = JSON.stringify(example('service_deployed.json'));
      expect(breakIt(text)).not.toBe(text);
      await expectKept(await send(breakIt(text)), status, code);
    });

    it.each([
      ['specversion is not 1.0', { specversion: '0.3' }, 'cloudevents-version'],
      ['id is empty', { id: '' }, 'field-malformed'],
      ['id is over 256 characters', { id: 'i'.repeat(257) }, 'field-malformed'],
      ['source is over 1,000 characters', { source: 's'.repeat(1001) }, 'field-malformed'],
      ['source is no URI reference', { source: 'a b' }, 'field-malformed'],
      ['type is over 300 characters', { type: 't'.repeat(301) }, 'field-malformed'],
      ['time is no time', { time: 'yesterday' }, 'field-malformed'],
      ['an attribute has another name than attributes have', { 'Trace-Id': 'x' }, 'attribute-name'],
      ['an attribute is an object', { trace: {} }, 'field-malformed'],
      ['its CDEvent has another id', { id: 'another' }, 'cdevents-envelope-mismatch'],
      ['its CDEvent is none', { data: 'text' }, 'field-malformed'],
      ['it has data twice', { data_base64: 'e30=' }, 'data-twice'],
    ])('are refused and kept when of the CloudEvent %s', async (_what, change, code) => {
      await expectKept(await send({ ...cloudEvent(example('service_deployed.json')), ...change }, STRUCTURED), 422, code);
    });

    it('are refused and kept when the same source and id said something else before; the first stands', async () => {
      const event = example('build_started.json');
      expect((await send(event)).status).toBe(202);
      const other = { ...event, subject: { ...event.subject, id: 'another build' } };
      await expectKept(await send(other), 409, 'event-id-reused');
      const receipt = receiptOf(event);
      expect(await stream(`outside-${receipt}`)).toHaveLength(1);
    });

    it('are refused one by one in a batch, and the good ones are taken', async () => {
      const good = cloudEvent(example('build_started.json'));
      const answer = await send([good, { ...good, id: '' }, cloudEvent(example('build_queued.json'))], BATCH);
      expect(answer).toMatchObject({
        status: 202,
        body: [
          { disposition: 'kept' },
          { disposition: 'rejected', code: 'field-malformed', rejectionId: expect.any(String) },
          { disposition: 'kept' },
        ],
      });
      expect(await send([{}, {}, 5], BATCH)).toMatchObject({ status: 422, body: { reasons: [{}, {}, {}] } });
      expect(await send([], BATCH)).toMatchObject({ status: 202, body: [] });
    });

    it('are refused as a whole in a batch of more than 100', async () => {
      const batch = Array.from({ length: 101 }, () => cloudEvent(example('build_started.json')));
      await expectKept(await send(batch, BATCH), 422, 'batch-too-large');
      expect((await send(batch.slice(1), BATCH)).body).toHaveLength(100);
    });

    it('are refused over the bus, too: kept, and passed on to the dead-letter topic with the reason', async () => {
      const { bus } = app.plimsoll.infrastructure;
      const copies: { value: string; reason: string }[] = [];
      const reader = await bus.consume({
        topics: ['plimsoll.ingest.v1.dlq'],
        group: 'spec',
        handler: async ({ value, headers }) => void copies.push({ value: value.toString(), reason: String(headers['dlq_reason']) }),
      });
      const event = example('build_started.json');
      const texts = [JSON.stringify({ ...event, context: { ...event.context, source: '' } }), '{"context":', ''];
      const { id, source, type } = event.context as Record<string, string>;
      const binary = { ce_specversion: '1.0', ce_id: id!, ce_source: source!, ce_type: type!, 'content-type': 'application/json' };
      const reused = JSON.stringify({ ...event, subject: { ...event.subject, id: 'another' } });
      await bus.publish('plimsoll.ingest.v1', [
        ...texts.map((value) => ({ key: 'broken', value, headers: {} })),
        { key: 'broken', value: JSON.stringify(event), headers: binary },
        { key: 'broken', value: reused, headers: binary },
      ]);
      await eventually('the copies', async () => (copies.length >= 4 ? copies : undefined));
      await reader.stop();
      expect(copies.map(({ value }) => value)).toEqual([...texts, reused]);
      expect(copies.map(({ reason }) => reason)).toEqual([
        expect.stringContaining('context.source'),
        expect.stringContaining('malformed-json'),
        expect.stringContaining('malformed-json'),
        expect.stringContaining('event-id-reused'),
      ]);
      const head = String(await app.plimsoll.infrastructure.log.head());
      expect(await deadLetters('channel=kafka', head)).toHaveLength(4);
      expect(await stream(`outside-${receiptId(source!, id!, type!)}`)).not.toHaveLength(0);
    }, 60_000);
  });
});
