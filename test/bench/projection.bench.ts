import { join } from 'node:path';
import { Pool } from 'pg';
import { BEFORE_ALL, EventCodec, type EventLog } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { rebuildView, runView, VIEW_BATCH, viewSubscription } from '#libs/read-models';
import { SubscriptionRegistry } from '#libs/subscriptions';
import { startDatabase, withClient } from './database.ts';
import { eventOf } from './events.ts';
import { figure, type BenchOptions, type BenchReport } from './report.ts';
import { ordersView } from './views.ts';

const EVENT_BYTES = 300;
const EVENTS_OF_AN_ORDER = 10;
/** Orders that are under way at the same time: their events are mixed in the log. */
const ORDERS_AT_ONCE = 1000;
const READING = 'reading all events';

interface Ports {
  readonly log: EventLog;
  readonly codec: EventCodec;
  readonly pool: Pool;
}

/** How fast a view comes from nothing to the end of a long log, beside reading that log and doing nothing. */
export async function projectionBench(folder: string, { quick, progress }: BenchOptions): Promise<BenchReport> {
  const [rounds, orders] = quick ? [2, 4000] : [5, 25_000];
  const database = await startDatabase(join(folder, 'projection'));
  const log = new PostgresEventLog({ url: database.url });
  const pool = new Pool({ connectionString: database.url, max: 4 });
  // A pool says it has ended before its connections have: those hear the server stop.
  pool.on('error', () => undefined);
  const ports: Ports = { log, codec: new EventCodec({ OrderChanged: { version: 1, upcasters: {} } }), pool };
  try {
    progress(`projection, appending ${orders * EVENTS_OF_AN_ORDER} events`);
    await appendOrders(log, orders);
    await withClient(database.url, (client) => client.query('vacuum analyze event_log.events'));
    const head = await log.head();
    const count = orders * EVENTS_OF_AN_ORDER;

    const ways: Readonly<Record<string, (round: number) => Promise<void>>> = {
      [READING]: () => readEverything(log),
      'a new view, from nothing': (round) => catchUp(ports, `bench-orders-${round}`, head),
      'the view rebuilt beside itself': (round) => rebuild(ports, `bench-orders-${round}`),
    };
    progress('projection, measuring');
    await readEverything(log);
    await catchUp(ports, 'bench-orders-warm', head);
    // The view of a round must be there before it is rebuilt: forwards, always.
    const speeds = new Map<string, number[]>();
    for (let round = 0; round < rounds; round++) {
      for (const [way, run] of Object.entries(ways)) {
        const began = performance.now();
        await run(round);
        speeds.set(way, [...(speeds.get(way) ?? []), count / ((performance.now() - began) / 1000)]);
        if (way !== READING) await mustBeComplete(pool, `bench-orders-${round}`, orders);
      }
    }
    const [reading, fresh, rebuilt] = [...speeds.values()] as [number[], number[], number[]];
    return {
      bench: `Catch-up of a view: ${count.toLocaleString('en-US')} events of ${EVENT_BYTES} bytes, ${orders.toLocaleString('en-US')} rows`,
      figures: [
        figure(READING, 'events/s', reading),
        figure('a new view, from nothing', 'events/s', fresh, { atLeast: 30_000 }),
        figure('the view rebuilt beside itself', 'events/s', rebuilt, { atLeast: 30_000 }),
        figure(
          'a new view beside reading alone',
          '×',
          fresh.map((speed, round) => speed / reading[round]!),
        ),
      ],
      notes: [
        `batches of ${VIEW_BATCH}, each in one transaction with its checkpoint; and every row is checked afterwards`,
        `each event touches one row; events of ${ORDERS_AT_ONCE} orders are mixed`,
      ],
    };
  } finally {
    await pool.end();
    await log.close();
    await database.stop();
  }
}

async function appendOrders(log: EventLog, orders: number): Promise<void> {
  for (let first = 0; first < orders; first += ORDERS_AT_ONCE) {
    const together = Array.from({ length: Math.min(ORDERS_AT_ONCE, orders - first) }, (_, i) => `order-${first + i}`);
    for (let n = 0; n < EVENTS_OF_AN_ORDER; n++) {
      await Promise.all(
        together.map((order) => log.append(order, n - 1, [eventOf('OrderChanged', EVENT_BYTES, { order, status: `status ${n}` })])),
      );
    }
  }
}

async function readEverything(log: EventLog): Promise<void> {
  let after = BEFORE_ALL;
  for (;;) {
    const last = (await log.readAll({ after, maxCount: VIEW_BATCH })).at(-1);
    if (!last) return;
    after = last.position;
  }
}

async function catchUp(ports: Ports, name: string, head: bigint): Promise<void> {
  const view = ordersView(name);
  const stop = new AbortController();
  const registry = new SubscriptionRegistry();
  let failed: unknown;
  const running = runView({ ...ports, view, registry, signal: stop.signal, onError: (error) => (failed = error) });
  const reached = await registry.waitForPosition(ports.pool, viewSubscription(view), head, 120_000);
  stop.abort();
  await running;
  if (!reached) throw new Error(`The view did not catch up in two minutes: ${String(failed)}`);
}

async function rebuild(ports: Ports, name: string): Promise<void> {
  const { swapped } = await rebuildView({ ...ports, view: ordersView(name), signal: new AbortController().signal });
  if (!swapped) throw new Error(`The view ${name} was not rebuilt.`);
}

/** Fast and wrong would be of no use. */
async function mustBeComplete(pool: Pool, name: string, orders: number): Promise<void> {
  const { rows } = await pool.query<{ right: string }>(
    `select count(*) filter (where changes = $1 and status = $2) as right from ${ordersView(name).table}`,
    [EVENTS_OF_AN_ORDER, `status ${EVENTS_OF_AN_ORDER - 1}`],
  );
  if (Number(rows[0]?.right) !== orders) throw new Error(`The view ${name} has ${rows[0]?.right} right rows of ${orders}.`);
}
