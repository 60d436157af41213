import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { testEvent } from '#libs/event-sourcing/testing';
import {
  deadLetterTopic,
  EventPublisher,
  IdempotentConsumer,
  MessageBusUnavailable,
  MessageRefused,
  topicOf,
  type ReceivedMessage,
} from '#libs/messaging';
import { firstTimes, messageBusContract, numbered, numbersOf, startHangingConsumer, until } from '#libs/messaging/testing';
import { freshDatabase } from '../../../test/support/database.ts';
import { describeWithKafka, skipAloud } from '../../../test/support/kafka/index.ts';
import { freePorts } from '../../../test/support/kafka/ports.ts';
import { KafkaMessageBus, type KafkaMessageBusOptions } from './kafka-message-bus.ts';

jest.setTimeout(120_000);

const buses: KafkaMessageBus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

describeWithKafka('the message bus on Apache Kafka', (kafka) => {
  const quick = { sessionTimeoutMs: 6_000, heartbeatMs: 200 };
  const open = (options: Partial<KafkaMessageBusOptions> = {}): KafkaMessageBus => {
    const bus = new KafkaMessageBus({ brokers: kafka().brokers, ...quick, ...options });
    buses.push(bus);
    return bus;
  };

  messageBusContract({
    open,
    startHangingProcess: (topic, group) => startHangingConsumer('kafka', kafka().brokers[0]!, topic, group),
  });

  it('refuses a message that is larger than the limit, and takes the next', async () => {
    const bus = open({ maxMessageBytes: 100_000 });
    const topic = `large.${randomUUID()}`;
    await expect(bus.publish(topic, [{ key: 'k', value: Buffer.alloc(100_001), headers: {} }])).rejects.toThrow(MessageRefused);
    await expect(bus.publish(topic, [numbered(1)])).resolves.toBeUndefined();
  });

  it('lets only the caller whose message the broker refuses know of it, not those whose messages went along', async () => {
    const topic = `spoilt.${randomUUID()}`;
    await open({ maxMessageBytes: 100_000 }).publish(topic, [numbered(0)]);
    const bus = open();
    const results = await Promise.allSettled([
      bus.publish(topic, [numbered(1, 'a')]),
      bus.publish(topic, [{ key: 'b', value: Buffer.alloc(200_000), headers: {} }]),
      bus.publish(topic, [numbered(2, 'c')]),
    ]);
    expect(results.map((result) => (result.status === 'fulfilled' ? 'stored' : (result.reason as Error).name))).toEqual([
      'stored',
      'MessageRefused',
      'stored',
    ]);
  });

  it('refuses a name that Kafka does not allow', async () => {
    await expect(open().publish('no spaces', [numbered(1)])).rejects.toThrow(MessageRefused);
  });

  it('says that it is unavailable where no broker answers, and consumers go on trying', async () => {
    const [nobody] = await freePorts(1);
    const bus = open({ brokers: [`127.0.0.1:${nobody}`], publishRetries: 1 });
    await expect(bus.publish('t', [numbered(1)])).rejects.toThrow(MessageBusUnavailable);
    const errors: unknown[] = [];
    const consumption = await bus.consume({ topics: ['t'], group: 'g', handler: async () => undefined, onError: (e) => errors.push(e) });
    expect(errors.length).toBeGreaterThan(0);
    await consumption.stop();
  });

  it('survives a handler that takes longer than the session timeout, without a repeat', async () => {
    const bus = open();
    const topic = `slow.${randomUUID()}`;
    const seen: string[] = [];
    await bus.consume({
      topics: [topic],
      group: randomUUID(),
      handler: async (message) => {
        seen.push(message.value.toString());
        if (seen.length === 1) await new Promise((resolve) => setTimeout(resolve, 7_000));
      },
    });
    await bus.publish(topic, [numbered(1), numbered(2)]);
    await until('the second is through', () => seen.length >= 2);
    expect(seen).toEqual(['1', '2']);
  });

  it('loses nothing acknowledged and keeps the order of keys when the broker is killed and started again', async () => {
    const { killAndRestart } = kafka();
    if (!killAndRestart) return skipAloud('the broker of KAFKA_BROKERS is not ours to kill.');
    const topic = `restart.${randomUUID()}`;
    const seen: ReceivedMessage[] = [];
    await open().consume({ topics: [topic], group: randomUUID(), handler: async (message) => void seen.push(message) });
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
    const acknowledged = new Map(keys.map((key) => [key, -1]));
    const enough = new AbortController();
    // As a publisher does: what is not acknowledged is published again before anything later.
    const publishers = keys.map(async (key, k) => {
      const bus = open({ publishRetries: k % 2 === 0 ? 8 : 1 });
      for (let n = 0; !enough.signal.aborted; n++) {
        for (let sent = false; !sent;) {
          sent = await bus.publish(topic, [numbered(n, key)]).then(
            () => true,
            async () => await new Promise<boolean>((resolve) => setTimeout(resolve, 20, false)),
          );
        }
        acknowledged.set(key, n);
      }
    });
    const published = (atLeast: number): boolean => [...acknowledged.values()].every((n) => n >= atLeast);
    await until('every key has messages', () => published(20));
    await killAndRestart(async () => {
      const before = [...acknowledged.values()];
      await until('publishers have noticed', () => new Promise((resolve) => setTimeout(resolve, 500, true)));
      expect([...acknowledged.values()]).toEqual(before);
    });
    const after = Math.max(...acknowledged.values());
    await until('every key has messages after the restart', () => published(after + 20), 60_000);
    enough.abort();
    await Promise.all(publishers);
    await until('all is consumed', () => keys.every((key) => numbersOf(seen, key).includes(acknowledged.get(key)!)), 60_000);
    for (const key of keys) expect(firstTimes(numbersOf(seen, key))).toEqual([...Array(acknowledged.get(key)! + 1).keys()]);
  });

  it('carries events from the log to a consumer once each, in order, with a dead letter for the one that fails', async () => {
    const database = await freshDatabase();
    const pool = new Pool({ connectionString: database.url });
    const log = new MemoryEventLog();
    const area = randomUUID();
    const stop = new AbortController();
    for (let n = 0; n < 40; n++) await log.append(`release-${n % 4}`, Math.floor(n / 4) - 1, [testEvent(n)]);
    const publisher = new EventPublisher({ log, pool, bus: open(), areaOf: () => area, signal: stop.signal }).run();
    await pool.query('create table arrived (stream text, revision integer, at bigserial)');
    const consumer = new IdempotentConsumer({
      bus: open(),
      pool,
      group: randomUUID(),
      topics: [topicOf(area)],
      attempts: 2,
      handle: {
        transactional: async ({ key, headers }, client) => {
          if (key === 'release-2' && headers.ce_streamrevision === '5') throw new Error('poison');
          await client.query('insert into arrived (stream, revision) values ($1, $2)', [key, headers.ce_streamrevision]);
        },
      },
    });
    await consumer.start();
    const copies: ReceivedMessage[] = [];
    await open().consume({
      topics: [deadLetterTopic(topicOf(area))],
      group: randomUUID(),
      handler: async (message) => void copies.push(message),
    });
    await until('all are settled', () => consumer.counts().handled + consumer.counts().buried === 40 && copies.length === 1);
    const { rows } = await pool.query<{ stream: string; revision: number }>('select stream, revision from arrived order by at');
    for (const stream of ['release-0', 'release-1', 'release-2', 'release-3']) {
      const revisions = rows.filter((row) => row.stream === stream).map((row) => row.revision);
      expect(revisions).toEqual([...Array(10).keys()].filter((revision) => stream !== 'release-2' || revision !== 5));
    }
    expect(copies[0]!.headers).toMatchObject({ ce_subject: 'release-2', ce_streamrevision: '5', dlq_reason: 'Error: poison' });
    stop.abort();
    await Promise.all([publisher, consumer.stop()]);
    await pool.end();
    await database.drop();
  });
});
