import { issue } from '#libs/event-sourcing';
import { CommandBus } from '@nestjs/cqrs';
import { CommandRegistry } from '#libs/cqrs';
import { BusCommandSender } from '../../src/command-sender.ts';
import { INGESTION, OutsideEventCarrier } from '../../src/ingestion/carry-out.ts';
import { rejectionId } from '../../src/ingestion/outside-event/outside-event.ts';
import { RejectOutsideEvent } from '../../src/ingestion/outside-event/reject-outside-event.ts';
import { startApp, type RunningApp } from '../support/running-app.ts';

const hex = 'ab'.repeat(32);
const NOW = '2026-03-02T10:00:00.000Z';
let ids = 0;

function packaged(purl: string): Record<string, unknown> {
  const id = `event-${++ids}`;
  const type = 'dev.cdevents.artifact.packaged.0.3.0';
  return {
    context: { specversion: '0.5.1', id, source: '/ci', type, timestamp: '2026-03-02T10:00:00Z' },
    subject: { id: purl, content: { change: { id: 'change-1' } } },
  };
}

describe('ingestion', () => {
  let app: RunningApp;
  const outside = async (id: string) => (await app.get(`/v1/ingestion/outside-events/${id}`)).body;
  const all = async () => await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 10_000 });
  const post = (event: unknown, headers: Readonly<Record<string, string>> = {}) => app.post('/v1/events', event, ['service'], headers);

  // Without its correlator: the specs say themselves when events are carried out.
  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ROLES: 'api,projector' });
  }, 60_000);
  afterAll(() => app.stop());

  it('is for services', async () => {
    expect(await app.post('/v1/events', packaged('pkg:npm/a@1'), ['developer'])).toMatchObject({ status: 403 });
    expect(await app.post('/v1/ingestion/dead-letters/none/redrive', {}, ['developer'])).toMatchObject({ status: 403 });
  });

  it('shows an event with what it said, who sent it and why it is kept', async () => {
    const { body } = await post(packaged('pkg:npm/a@1.0.0'));
    expect(await outside(body[0].receiptId)).toMatchObject({
      received: {
        envelope: { source: '/ci', subject: 'pkg:npm/a@1.0.0' },
        disposition: 'kept',
        keptBecause: expect.stringContaining('no digest'),
      },
    });
    expect(await app.get('/v1/ingestion/outside-events/nobodys')).toMatchObject({ status: 404 });
  });

  it('keeps a dead letter whole, and says so when it is redriven in vain', async () => {
    const answer = await post('{"context":');
    const id = answer.headers.get('plimsoll-rejection-id')!;
    expect(await post('{"context":')).toMatchObject({ status: 400 });
    expect(await outside(id)).toMatchObject({
      revision: 0,
      rejected: { payload: Buffer.from('{"context":').toString('base64'), bytes: 11 },
    });
    const redriven = await app.post(`/v1/ingestion/dead-letters/${id}/redrive`, {}, ['release-manager']);
    expect(redriven).toMatchObject({ status: 200, body: { revision: 1, repeated: false } });
    expect(await app.post(`/v1/ingestion/dead-letters/${id}/redrive`, {}, ['service'])).toMatchObject({
      body: { revision: 1, repeated: true },
    });
    const { body } = await app.get('/v1/ingestion/dead-letters?status=open', {
      'plimsoll-min-position': redriven.headers.get('plimsoll-position')!,
    });
    expect(body.items).toContainEqual(expect.objectContaining({ rejectionId: id, redrivenOutcome: 'rejected', code: 'malformed-json' }));
  });

  it('receives a dead letter once what kept it out has changed', async () => {
    const body = Buffer.from(JSON.stringify(packaged(`pkg:oci/redriven@sha256:${hex}`)));
    const id = rejectionId('0'.repeat(64), 'http');
    const refusedThen = { code: 'type-unknown', reason: 'An earlier version did not know it.', channel: 'http', receivedFrom: 'test|ci' };
    const kept = { payload: body.toString('base64'), bytes: body.length, contentType: 'application/json', attributes: {} };
    const command = Object.assign(new RejectOutsideEvent(), refusedThen, kept);
    const meta = { commandId: id, actor: INGESTION, correlationId: id, causationId: id, now: NOW };
    await app.plimsoll.app.get(CommandBus).execute(issue(command, id, meta));

    const redriven = await app.post(`/v1/ingestion/dead-letters/${id}/redrive`, {}, ['service']);
    expect(redriven).toMatchObject({ status: 200 });
    expect(await outside(id)).toMatchObject({ redriven: { outcome: 'accepted' } });
    expect((await all()).filter(({ type }) => type === 'OutsideEventReceived').at(-1)).toMatchObject({ data: { receivedFrom: 'test|ci' } });
    const { body: open } = await app.get('/v1/ingestion/dead-letters?status=accepted', {
      'plimsoll-min-position': redriven.headers.get('plimsoll-position')!,
    });
    expect(open.items).toMatchObject([{ rejectionId: id, redrivenOutcome: 'accepted' }]);
    const before = (await all()).length;
    await app.post(`/v1/ingestion/dead-letters/${id}/redrive`, {}, ['service']);
    expect(await all()).toHaveLength(before);
  });

  it('does not know a dead letter that never was', async () => {
    expect(await app.post('/v1/ingestion/dead-letters/none/redrive', {}, ['service'])).toMatchObject({
      status: 404,
      body: { type: 'https://plimsoll.dev/problems/dead-letter-unknown' },
    });
  });

  it('keeps the beginning of what is too large, and can not redrive that', async () => {
    const answer = await post('x'.repeat(300_000));
    expect(answer).toMatchObject({ status: 413, body: { type: 'https://plimsoll.dev/problems/event-too-large' } });
    const id = answer.headers.get('plimsoll-rejection-id')!;
    const { rejected } = await outside(id);
    expect(rejected.bytes).toBe(300_000);
    expect(Buffer.from(rejected.payload, 'base64')).toHaveLength(64 * 1024);
    await app.post(`/v1/ingestion/dead-letters/${id}/redrive`, {}, ['service']);
    expect(await outside(id)).toMatchObject({ redriven: { outcome: 'rejected', detail: expect.stringContaining('sent again') } });
  });

  it('does not read more than 4 MiB', async () => {
    expect(await post('x'.repeat(4 * 1024 * 1024 + 1))).toMatchObject({
      status: 413,
      body: { type: expect.stringContaining('body-too-large') },
    });
  });

  it('refuses what is no event by its content type, and keeps it', async () => {
    const answer = await post('<event/>', { 'content-type': 'application/xml' });
    expect(answer).toMatchObject({ status: 415 });
    expect(await outside(answer.headers.get('plimsoll-rejection-id')!)).toMatchObject({ rejected: { contentType: 'application/xml' } });
  });

  it('refuses filters that the lists do not have', async () => {
    expect(await app.get('/v1/ingestion/dead-letters?status=lost')).toMatchObject({ status: 400 });
    expect(await app.get('/v1/ingestion/event-types?kind=a')).toMatchObject({ status: 400 });
  });

  it('carries out each event once, also when it is told of it again after a crash', async () => {
    const { body } = await post(packaged(`pkg:oci/once@sha256:${hex}?tag=1.0.0`));
    const [received] = (await app.plimsoll.infrastructure.log.readStream(`outside-${body[0].receiptId}`)).events;
    const registry = app.plimsoll.app.get(CommandRegistry);
    const commands = app.plimsoll.app.get(CommandBus);
    const clock = () => new Date(NOW);
    const bus = new BusCommandSender(commands, registry, clock);
    const crashing = {
      send: async (...sent: Parameters<typeof bus.send>) => (await bus.send(...sent), Promise.reject(new Error('Killed.'))),
    };
    // Killed after the command, before what became of it was recorded.
    await expect(new OutsideEventCarrier({ sender: crashing, commands, registry, clock }).handle([received!])).rejects.toThrow('Killed.');
    const carrier = new OutsideEventCarrier({ sender: bus, commands, registry, clock });
    await carrier.handle([received!]);
    await carrier.handle([received!]);
    const events = (await all()).filter(({ metadata }) => metadata.causationId === received!.id);
    expect(events.map(({ type }) => type)).toEqual(['ArtifactRegistered', 'OutsideEventApplied']);
    expect(events.map(({ metadata }) => metadata.actor)).toEqual(['process:ingestion', 'process:ingestion']);
  });

  it('refuses to carry out what would not be taken from a person either', async () => {
    const { body } = await post(packaged(`pkg:oci/${'n'.repeat(300)}@sha256:${hex}`));
    const [received] = (await app.plimsoll.infrastructure.log.readStream(`outside-${body[0].receiptId}`)).events;
    const registry = app.plimsoll.app.get(CommandRegistry);
    const commands = app.plimsoll.app.get(CommandBus);
    const clock = () => new Date(NOW);
    await new OutsideEventCarrier({ sender: new BusCommandSender(commands, registry, clock), commands, registry, clock }).handle([
      received!,
    ]);
    expect(await outside(body[0].receiptId)).toMatchObject({ applied: { outcome: 'refused', detail: expect.stringContaining('name') } });
  });
});
