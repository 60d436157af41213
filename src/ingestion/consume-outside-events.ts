import { once } from 'node:events';
import type { Pool } from 'pg';
import { derivedId, type CommandMeta } from '#libs/event-sourcing';
import { IdempotentConsumer, Unprocessable, WITHHELD_HEADER, type MessageBus, type ReceivedMessage } from '#libs/messaging';
import { INGESTION } from './carry-out.ts';
import type { Delivery } from './envelope/envelope.ts';
import type { Intake } from './intake.ts';

/** Where outside events come in over the message bus; malformed ones go on to `plimsoll.ingest.v1.dlq`. */
export const INGEST_TOPIC = 'plimsoll.ingest.v1';

/** Takes outside events from the message bus until `signal` says stop. Any number of workers share the messages. */
export async function consumeOutsideEvents(options: {
  readonly bus: MessageBus;
  readonly pool: Pool;
  readonly intake: Intake;
  readonly clock: () => Date;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
}): Promise<void> {
  const { bus, pool, intake, clock, signal, onError } = options;
  const consumer = new IdempotentConsumer({
    bus,
    pool,
    group: 'ingestion',
    topics: [INGEST_TOPIC],
    // Whether an id that comes again says the same, only the receipt can tell: by the bus, a message is its place.
    identify: placeOf,
    onError: (error) => !(error instanceof Unprocessable) && onError(error),
    handle: {
      external: async (message) => {
        if (message.headers[WITHHELD_HEADER] !== undefined)
          throw new Unprocessable('What the message said was withheld, since it held a secret: it must be sent again without.', {
            withhold: true,
          });
        const receivedFrom = `${message.topic}/${message.partition}/${message.offset}`;
        const meta = metaOf(message, clock().toISOString());
        const taken = await intake.take(deliveryOf(message), { channel: 'kafka', receivedFrom, meta });
        const rejected = taken.filter((one) => !one.accepted);
        if (rejected.length === 0) return;
        const why = rejected.map((one) => `${one.code}: ${one.reason}`).join(' ');
        throw new Unprocessable(why, { withhold: rejected.some((one) => one.redacted) });
      },
    },
  });
  await consumer.start();
  if (!signal.aborted) await once(signal, 'abort');
  await consumer.stop();
}

/** The Kafka binding of CloudEvents: attributes are headers with the prefix `ce_`. */
function deliveryOf({ headers, value }: ReceivedMessage): Delivery {
  const lower = Object.entries(headers).map(([name, text]) => [name.toLowerCase(), text] as const);
  const attributes = lower.filter(([name]) => name.startsWith('ce_')).map(([name, text]) => [name.slice('ce_'.length), text] as const);
  return {
    contentType: lower.find(([name]) => name === 'content-type')?.[1] ?? '',
    attributes: Object.fromEntries(attributes),
    body: value,
  };
}

/** Who writes to the topic, the bus does not say: the command is ingestion's own. */
function metaOf(message: ReceivedMessage, now: string): CommandMeta {
  const commandId = placeOf(message);
  return {
    commandId,
    correlationId: commandId,
    causationId: `bus:${message.topic}/${message.partition}/${message.offset}`,
    actor: INGESTION,
    now,
  };
}

function placeOf({ topic, partition, offset }: ReceivedMessage): string {
  return derivedId('message', topic, String(partition), String(offset));
}
