import { join } from 'node:path';
import type { Client } from 'pg';
import { computeReport, writeReport } from '#libs/compliance';
import { plimsollCodec } from '#libs/contracts';
import { BEFORE_ALL, type EventLog, type StoredEvent } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { complianceYear } from '../support/compliance-year.ts';
import { ownCpuSeconds } from './cpu.ts';
import { startDatabase, withClient } from './database.ts';
import { figure, type BenchOptions, type BenchReport } from './report.ts';

const BATCH = 1000;

/** How long a compliance report of a year takes, from the log in Postgres to its last byte, beside reading that log and doing nothing. */
export async function complianceBench(folder: string, { quick, progress }: BenchOptions): Promise<BenchReport> {
  const [rounds, changes, each] = quick ? [2, 4000, 1] : [5, 20_000, 7];
  const database = await startDatabase(join(folder, 'compliance'));
  const log = new PostgresEventLog({ url: database.url });
  try {
    progress(`compliance, storing a year of ${changes} changes`);
    const year = complianceYear({ seed: 1, changes, each });
    const events = await withClient(database.url, async (client) => {
      let stored = 0;
      for (const batch of year.batches()) stored += await store(client, batch);
      await client.query('vacuum analyze event_log.events');
      return stored;
    });

    progress('compliance, measuring');
    const query = { from: year.from, to: year.to, seed: 'bench', sample: 25 };
    const reading: number[] = [];
    const [reports, cpu, longest]: [number[], number[], number[]] = [[], [], []];
    let bytes = 0;
    const digests = new Set<string>();
    await readEverything(log);
    for (let round = 0; round < rounds; round++) {
      const beganReading = performance.now();
      await readEverything(log);
      reading.push((performance.now() - beganReading) / 1000);

      const busy = watchTurns();
      const cpuBefore = process.cpuUsage();
      const began = performance.now();
      const report = await computeReport(everything(log), query, { codec: plimsollCodec(), pause: turn });
      const written = await writeReport(report, turn);
      reports.push((performance.now() - began) / 1000);
      cpu.push(ownCpuSeconds(cpuBefore));
      longest.push(busy.stop());
      // Fast and wrong would be of no use.
      if (report.summary.changes !== year.population()) throw new Error(`The report has ${report.summary.changes} changes.`);
      digests.add(written.digest);
      bytes = written.bytes;
    }
    if (digests.size !== 1) throw new Error('The same log gave different reports.');
    const told = (n: number): string => n.toLocaleString('en-US');
    return {
      bench: `Compliance report of a year: ${told(year.population())} changes, ${told(events)} events`,
      figures: [
        figure('reading all events', 's', reading),
        figure('the report, to its last byte', 's', reports, { below: 10 }),
        figure('… of which processor time', 's', cpu),
        figure(
          'the report beside reading alone',
          '×',
          reports.map((seconds, round) => seconds / reading[round]!),
        ),
        figure('longest turn without a look at others', 'ms', longest),
      ],
      notes: [
        `canonical JSON of ${(bytes / 1e6).toFixed(1)} MB, hashed; ${Math.round(process.memoryUsage().rss / 1e6)} MB resident at the end, with the generator's own`,
        `${year.planted.length} planted exceptions; libs/compliance/planted.spec.ts shows that it finds exactly those`,
      ],
    };
  } finally {
    await log.close();
    await database.stop();
  }
}

/** Straight into the table, in the order of the story: many writers at once would mix it. */
async function store(client: Client, events: readonly StoredEvent[]): Promise<number> {
  await client.query(
    `insert into event_log.events (position, stream, revision, id, type, data, metadata)
     select * from unnest($1::bigint[], $2::text[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::text[])`,
    [
      events.map((e) => String(e.position)),
      events.map((e) => e.stream),
      events.map((e) => e.revision),
      events.map((e) => e.id),
      events.map((e) => e.type),
      events.map((e) => JSON.stringify(e.data)),
      events.map((e) => JSON.stringify(e.metadata)),
    ],
  );
  return events.length;
}

async function readEverything(log: EventLog): Promise<void> {
  for await (const _batch of everything(log));
}

/** As the server reads: the next batch is on its way while one is being looked at. */
async function* everything(log: EventLog): AsyncIterable<readonly StoredEvent[]> {
  for (let next = log.readAll({ after: BEFORE_ALL, maxCount: BATCH }); ;) {
    const batch = await next;
    const last = batch.at(-1);
    if (!last) return;
    next = log.readAll({ after: last.position, maxCount: BATCH });
    yield batch;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The longest time in which nobody else had a turn, in milliseconds. */
function watchTurns(): { stop(): number } {
  let longest = 0;
  let last = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  return {
    stop: () => {
      clearInterval(watch);
      return longest;
    },
  };
}
