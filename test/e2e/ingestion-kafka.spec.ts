import { randomUUID } from 'node:crypto';
import { KafkaMessageBus } from '#libs/messaging/kafka';
import { receiptId } from '../../src/ingestion/outside-event/outside-event.ts';
import { describeWithKafka } from '../support/kafka/index.ts';
import { eventually, startApp, type RunningApp } from '../support/running-app.ts';

jest.setTimeout(120_000);

describeWithKafka('ingestion over Apache Kafka', (kafka) => {
  let app: RunningApp;
  let outside: KafkaMessageBus;

  beforeAll(async () => {
    app = await startApp({ KAFKA_BROKERS: kafka().brokers.join(','), PLIMSOLL_ROLES: 'api,projector,correlator' });
    outside = new KafkaMessageBus({ brokers: kafka().brokers });
  });
  afterAll(async () => {
    await outside?.close();
    await app?.stop();
  });

  it('takes a CloudEvent in binary mode, drives the system by it, and passes on what is no event', async () => {
    const id = randomUUID();
    const type = 'dev.cdevents.service.deployed.0.3.0';
    const event = {
      context: { specversion: '0.5.1', id, source: '/ci', type, timestamp: '2026-03-02T10:00:00Z' },
      subject: { id: 'checkout', content: { environment: { id: 'Staging' }, artifactId: 'pkg:oci/checkout@1.0.0' } },
    };
    const headers = { ce_specversion: '1.0', ce_id: id, ce_source: '/ci', ce_type: type, 'content-type': 'application/json' };
    const good = { key: 'ci', value: JSON.stringify(event), headers };
    await outside.publish('plimsoll.ingest.v1', [good, { key: 'ci', value: '{', headers: {} }, good]);

    const { log } = app.plimsoll.infrastructure;
    const stream = `outside-${receiptId('/ci', id, type)}`;
    const events = await eventually('the event', async () => {
      const { events } = await log.readStream(stream);
      return events.length === 2 ? events : undefined;
    });
    expect(events).toMatchObject([
      { type: 'OutsideEventReceived', data: { channel: 'kafka', receivedFrom: expect.stringMatching(/^plimsoll\.ingest\.v1\/\d+\/\d+$/) } },
      { type: 'OutsideEventApplied', data: { outcome: 'applied' } },
    ]);
    // What nobody deployed through Plimsoll is on record as such, whichever way its report came in.
    expect((await log.readStream('environment-staging')).events).toMatchObject([
      { type: 'RunningVersionReported' },
      { type: 'UnauthorisedDeploymentObserved' },
    ]);

    const copies: string[] = [];
    await outside.consume({
      topics: ['plimsoll.ingest.v1.dlq'],
      group: 'spec',
      handler: async ({ value }) => void copies.push(value.toString()),
    });
    expect(await eventually('the copy', async () => copies[0], 60_000)).toBe('{');
    const kept = await eventually('the dead letter', async () => {
      const { body } = await app.get('/v1/ingestion/dead-letters?channel=kafka');
      return body.items.length > 0 ? body.items : undefined;
    });
    expect(kept).toMatchObject([{ code: 'malformed-json', bytes: 1 }]);
    expect((await log.readStream(stream)).events).toHaveLength(2);
  });
});
