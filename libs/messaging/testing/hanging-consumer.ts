import { Pool } from 'pg';
import { KafkaMessageBus } from '#libs/messaging/kafka';
import { PostgresMessageBus } from '#libs/messaging/postgres';

/** A process to be killed: consumes, says `holding` at its first message, and never finishes it. */
const [kind, address, topic, group] = process.argv.slice(2) as ['kafka' | 'postgres', string, string, string];
const bus =
  kind === 'kafka'
    ? new KafkaMessageBus({ brokers: [address], sessionTimeoutMs: 6_000, heartbeatMs: 200 })
    : new PostgresMessageBus({ pool: new Pool({ connectionString: address }), leaseMs: 2_000 });

void bus.consume({
  topics: [topic],
  group,
  handler: async () => {
    process.stdout.write('holding\n');
    await new Promise(() => undefined);
  },
});
