import { join } from 'node:path';
import { Pool } from 'pg';
import { BEFORE_ALL, type EventLog } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { eventLeafHash, verifyInclusion } from '#libs/ledger';
import { runSubscription, SubscriptionRegistry } from '#libs/subscriptions';
import { LEDGER_BATCH, LEDGER_SUBSCRIPTION, recordLeaves } from '../../src/ledger/record-leaves.ts';
import { inclusionProofOf, leafBy, rootAt, treeHead } from '#libs/ledger/postgres';
import { startDatabase, withClient } from './database.ts';
import { eventOf } from './events.ts';
import { figure, type BenchOptions, type BenchReport } from './report.ts';
import { percentile } from './statistics.ts';

const EVENT_BYTES = 1024;
const EVENTS_OF_A_STREAM = 10;
const STREAMS_AT_ONCE = 1000;
const PROOFS = 200;

/** How fast events become leaves, from nothing to the end of a long log, beside reading that log and doing nothing; and what a proof takes. */
export async function ledgerBench(folder: string, { quick, progress }: BenchOptions): Promise<BenchReport> {
  const [rounds, streams] = quick ? [2, 3000] : [5, 20_000];
  const database = await startDatabase(join(folder, 'ledger'));
  const log = new PostgresEventLog({ url: database.url });
  const pool = new Pool({ connectionString: database.url, max: 4 });
  // A pool says it has ended before its connections have: those hear the server stop.
  pool.on('error', () => undefined);
  const count = streams * EVENTS_OF_A_STREAM;
  try {
    progress(`ledger, appending ${count} events`);
    await append(log, streams);
    await withClient(database.url, (client) => client.query('vacuum analyze event_log.events'));
    const head = await log.head();

    progress('ledger, measuring');
    await readEverything(log);
    const reading: number[] = [];
    const leaves: number[] = [];
    const roots = new Set<string>();
    const proofs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      reading.push(await perSecond(count, () => readEverything(log)));
      await pool.query('truncate ledger_leaf, ledger_node, ledger_tree, subscription');
      leaves.push(await perSecond(count, () => catchUp(pool, log, head)));
      const tree = await treeHead(pool);
      if (tree?.size !== count) throw new Error(`The ledger has ${tree?.size} leaves of ${count}.`);
      roots.add(tree.root.toString('base64'));
      proofs.push(await medianProof(pool, log, count));
    }
    // Fast and wrong would be of no use.
    if (roots.size !== 1) throw new Error('The ledger came to several roots for one log.');
    return {
      bench: `Ledger: ${count.toLocaleString('en-US')} events of 1 KB become leaves`,
      figures: [
        figure('reading all events', 'events/s', reading),
        figure('leaves, from nothing', 'events/s', leaves, { atLeast: 10_000 }),
        figure(
          'leaves beside reading alone',
          '×',
          leaves.map((speed, round) => speed / reading[round]!),
        ),
        figure(`an inclusion proof in a tree of ${count.toLocaleString('en-US')}, p50`, 'ms', proofs),
      ],
      notes: [
        `batches of ${LEDGER_BATCH}: canonical JSON, leaf, frontier, and the sequence map, in one transaction with the checkpoint; one process`,
        `every round comes to the same root; ${PROOFS} proofs a round, each verified`,
      ],
    };
  } finally {
    await pool.end();
    await log.close();
    await database.stop();
  }
}

async function append(log: EventLog, streams: number): Promise<void> {
  for (let first = 0; first < streams; first += STREAMS_AT_ONCE) {
    const together = Array.from({ length: Math.min(STREAMS_AT_ONCE, streams - first) }, (_, i) => `bench-${first + i}`);
    for (let n = 0; n < EVENTS_OF_A_STREAM; n++) {
      await Promise.all(together.map((stream) => log.append(stream, n - 1, [eventOf('BenchHappened', EVENT_BYTES, { stream, n })])));
    }
  }
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return count / ((performance.now() - began) / 1000);
}

async function readEverything(log: EventLog): Promise<void> {
  let after = BEFORE_ALL;
  for (;;) {
    const last = (await log.readAll({ after, maxCount: LEDGER_BATCH })).at(-1);
    if (!last) return;
    after = last.position;
  }
}

async function catchUp(pool: Pool, log: EventLog, head: bigint): Promise<void> {
  const stop = new AbortController();
  const registry = new SubscriptionRegistry();
  let failed: unknown;
  const running = runSubscription({
    name: LEDGER_SUBSCRIPTION,
    log,
    pool,
    registry,
    batchSize: LEDGER_BATCH,
    signal: stop.signal,
    handle: recordLeaves(log),
    onError: (error) => (failed = error),
  });
  const reached = await registry.waitForPosition(pool, LEDGER_SUBSCRIPTION, head, 120_000);
  stop.abort();
  await running;
  if (!reached) throw new Error(`The ledger did not catch up in two minutes: ${String(failed)}`);
}

/** Milliseconds. @throws Error a proof is wrong */
async function medianProof(pool: Pool, log: EventLog, size: number): Promise<number> {
  const root = await rootAt(pool, size);
  const took: number[] = [];
  for (let n = 0; n < PROOFS; n++) {
    const sequence = Math.floor((n * size) / PROOFS);
    const began = performance.now();
    const proof = await inclusionProofOf(pool, sequence, size);
    took.push(performance.now() - began);
    const leaf = await leafBy(pool, { sequence });
    const [event] = (await log.readStream(leaf!.stream, { fromRevision: leaf!.revision, maxCount: 1 })).events;
    if (!verifyInclusion(eventLeafHash(event!), sequence, size, proof, root)) throw new Error(`The proof of leaf ${sequence} is wrong.`);
  }
  return percentile(took, 50);
}
