import { messageBusContract } from '#libs/messaging/testing';
import { startKafka, type RunningKafka } from '../../../test/support/kafka/index.ts';
import { KafkaMessageBus } from './kafka-message-bus.ts';

jest.setTimeout(120_000);

let kafka: RunningKafka | undefined;

beforeAll(async () => {
  kafka = await startKafka();
}, 600_000);
afterAll(async () => {
  await kafka?.stop();
});

describe('the message bus on Apache Kafka', () => {
  messageBusContract({ open: () => new KafkaMessageBus({ brokers: kafka!.brokers, sessionTimeoutMs: 6_000, heartbeatMs: 200 }) });
});
