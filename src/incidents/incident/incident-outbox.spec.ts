import { TextKeeper, type TextRevealer } from '#libs/privacy';
import { MemorySubjectKeys } from '#libs/privacy/testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CommandBus } from '@nestjs/cqrs';
import { plimsollCodec } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { load, NO_STREAM, transact, type Issued } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { testEvent } from '#libs/event-sourcing/testing';
import type { incident } from './incident.ts';
import { IncidentOutbox } from './incident-outbox.ts';
import { reportIncidentDeliveryCommand, type ReportIncidentDelivery } from './open-incident.ts';

const opened = {
  incidentId: 'i1',
  deploymentId: 'd1',
  releaseId: 'r1',
  environment: 'production',
  deduplicationKey: 'plimsoll-incident-i1',
  title: 'Errors',
  severity: 'critical',
  cause: 'trigger',
};

describe('the incident outbox', () => {
  let server: Server;
  let statuses: number[] = [];
  let received: { id: unknown; signature: unknown; body: { data: unknown } }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { headers } = request;
        received.push({
          id: headers['webhook-id'],
          signature: headers['webhook-signature'],
          body: JSON.parse(Buffer.concat(chunks).toString()) as { data: unknown },
        });
        response.writeHead(statuses.shift() ?? 200).end('{"reference":"PAGER-7"}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void server.close());
  beforeEach(() => {
    statuses = [];
    received = [];
  });

  async function world(changes: Partial<typeof opened> = {}, revealer?: TextRevealer) {
    const log = new MemoryEventLog();
    const codec = plimsollCodec();
    await log.append('incident-i1', NO_STREAM, [testEvent(0, { type: 'IncidentOpened', data: { ...opened, ...changes } })]);
    const commands = {
      execute: (command: Issued<ReportIncidentDelivery>) => transact({ log, codec }, reportIncidentDeliveryCommand, command),
    } as unknown as CommandBus;
    const aggregates = { load: (aggregate: typeof incident, id: string) => load(log, codec, aggregate, id) } as unknown as Aggregates;
    const { port } = server.address() as AddressInfo;
    const webhook = { url: `http://127.0.0.1:${port}/`, secret: `whsec_${Buffer.alloc(24, 1).toString('base64')}` };
    const outbox = new IncidentOutbox({
      commands,
      aggregates,
      clock: () => new Date('2026-03-02T10:00:00.000Z'),
      webhook,
      ...(revealer ? { revealer } : {}),
    });
    const all = async () => (await log.readStream('incident-i1')).events;
    return { outbox, all, handle: async () => outbox.handle(await all()) };
  }

  it('tells the other side, signed, under the deduplication key, and keeps its reference', async () => {
    const { handle, all } = await world();
    await handle();
    expect(received).toMatchObject([{ id: 'plimsoll-incident-i1', signature: expect.stringMatching(/^v1,/), body: { data: opened } }]);
    expect((await all()).at(-1)).toMatchObject({ type: 'IncidentDelivered', data: { channel: 'webhook', reference: 'PAGER-7' } });
  });

  it('tells what a person wrote in clear words, and nothing of it once that is erased', async () => {
    const keys = new MemorySubjectKeys();
    const texts = new TextKeeper(keys);
    const cause = await texts.seal('Dora saw it first.', ['dora']);
    await (await world({ cause }, texts)).handle();
    keys.forget('dora');
    await (await world({ cause }, texts)).handle();
    expect(received.map(({ body }) => (body.data as { cause: string }).cause)).toEqual(['Dora saw it first.', '(erased)']);
  });

  it('tells it once: what is delivered is not sent again', async () => {
    const { handle, all } = await world();
    await handle();
    await handle();
    expect(received).toHaveLength(1);
    expect(await all()).toHaveLength(2);
  });

  it('comes again under the same key while the other side is away', async () => {
    const { handle, all } = await world();
    statuses = [503, 500, 200];
    await expect(handle()).rejects.toMatchObject({ name: 'TransientError' });
    await expect(handle()).rejects.toMatchObject({ name: 'TransientError' });
    await handle();
    expect(new Set(received.map((r) => r.id))).toEqual(new Set(['plimsoll-incident-i1']));
    expect((await all()).map((e) => e.type)).toEqual(['IncidentOpened', 'IncidentDelivered']);
  });

  it('puts a refusal for good on record and goes on', async () => {
    const { handle, all } = await world();
    statuses = [401];
    await handle();
    expect((await all()).at(-1)).toMatchObject({ type: 'IncidentDeliveryFailed', data: { reason: 'The webhook refused it with 401.' } });
  });
});
