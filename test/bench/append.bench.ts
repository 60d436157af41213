import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import { Client, Pool } from 'pg';
import { NO_STREAM } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { cpuSeconds, ownCpuSeconds } from './cpu.ts';
import { startDatabase, withClient } from './database.ts';
import { eventOf } from './events.ts';
import { inTurns, loadFor, type Load } from './load.ts';
import { figure, type BenchOptions, type BenchReport, type Figure } from './report.ts';
import { percentile } from './statistics.ts';

const EVENT_BYTES = 1024;
/** Events of a stream before its caller begins a new one: aggregates are short. */
const STREAM_LENGTH = 10;

/** A way to append: to a caller's stream, at the revision that it has (`NO_STREAM` where it begins). */
interface Store {
  append(caller: number, stream: string, revision: number): Promise<void>;
  close(): Promise<void>;
}

interface Contestant {
  readonly name: string;
  open(url: string, callers: number): Promise<Store>;
}

const plimsoll: Contestant = {
  name: 'Plimsoll',
  open: async (url) => {
    const log = new PostgresEventLog({ url });
    await log.head();
    return {
      append: async (_caller, stream, revision) => void (await log.append(stream, revision, [eventOf('BenchHappened', EVENT_BYTES)])),
      close: () => log.close(),
    };
  },
};

/** The least that any store could do: one prepared INSERT, one connection a caller, no order between them and no expected revision but the unique index. */
const rawInserts: Contestant = {
  name: 'raw INSERTs',
  open: async (url, callers) => {
    await withClient(url, (client) => client.query(RAW_TABLE));
    const clients = await Promise.all(
      Array.from({ length: callers }, async () => {
        const client = new Client({ connectionString: url });
        await client.connect();
        return client;
      }),
    );
    return {
      append: async (caller, stream, revision) => {
        const { id, type, data, metadata } = eventOf('BenchHappened', EVENT_BYTES);
        await clients[caller]!.query({
          name: 'raw',
          text: 'insert into raw_events (stream, revision, id, type, data, metadata) values ($1, $2, $3, $4, $5, $6) returning position',
          values: [stream, revision + 1, id, type, JSON.stringify(data), JSON.stringify(metadata)],
          rowMode: 'array',
        });
      },
      close: async () => void (await Promise.all(clients.map((client) => client.end()))),
    };
  },
};

const emmett: Contestant = {
  name: 'emmett',
  open: async (url, callers) => {
    const pool = new Pool({ connectionString: url, max: callers });
    // A pool says it has ended before its connections have: those hear the server stop.
    pool.on('error', () => undefined);
    const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } });
    await store.schema.migrate();
    return {
      append: async (_caller, stream, revision) => {
        const { type, data, metadata } = eventOf('BenchHappened', EVENT_BYTES);
        const event = { type, data: data as Record<string, unknown>, metadata: { ...metadata } };
        const expectedStreamVersion = revision === NO_STREAM ? 'STREAM_DOES_NOT_EXIST' : BigInt(revision + 1);
        await store.appendToStream(stream, [event], { expectedStreamVersion });
      },
      close: async () => {
        await store.close();
        if (!pool.ended) await pool.end();
      },
    };
  },
};

const RAW_TABLE = `
  create table if not exists raw_events (
    position bigint generated always as identity primary key,
    stream text collate "C" not null,
    revision int not null check (revision >= 0),
    id uuid not null,
    type text not null,
    data text not null,
    metadata text not null,
    created timestamptz not null default now(),
    unique (stream, revision)
  )`;

/** Durable appends of events of 1 KB, one an append, beside the least that any store could do and beside another event store. */
export async function appendBench(folder: string, { quick, progress }: BenchOptions): Promise<BenchReport> {
  const [rounds, forMs, warmMs] = quick ? [2, 700, 300] : [9, 1500, 1000];
  const contestants = [plimsoll, rawInserts, emmett];
  const database = await startDatabase(join(folder, 'append'));
  const figures: Figure[] = [];
  try {
    for (const callers of [1, 8, 32]) {
      progress(`append, ${callers} callers`);
      const open: { readonly name: string; readonly store: Store; readonly once: (caller: number) => Promise<void> }[] = [];
      for (const { name, open: begin } of contestants) {
        const store = await begin(database.url, callers);
        open.push({ name, store, once: appendingTo(store) });
      }
      for (const { once } of open) await loadFor(callers, warmMs, once);
      const results = await inTurns(rounds, open, ({ once }) => costOf(database.pid, () => loadFor(callers, forMs, once)));
      figures.push(...figuresOf(callers, new Map([...results].map(([{ name }, loads]) => [name, loads]))));
      for (const { store } of open) await store.close();
    }
  } finally {
    await database.stop();
  }
  return {
    bench: 'Append: events of 1 KB, one an append, durable',
    figures,
    notes: [
      'the callers, all in one process, share the machine with the database',
      'raw INSERTs: the same table, one connection a caller; nothing checks an expected revision, and positions become visible out of order',
      `emmett: @event-driven-io/emmett-postgresql 0.42.0, a pool of one connection a caller`,
      'ratios are of events a second, taken within each round',
      'processor time is that of this process and the database together: it says what an append costs also where others use the machine',
    ],
  };
}

interface Costly extends Load {
  /** Processor time of this process and the database's, microseconds an event; undefined where the system does not tell. */
  readonly cpuMicros: number | undefined;
}

async function costOf(server: number, run: () => Promise<Load>): Promise<Costly> {
  const serverBefore = cpuSeconds(server);
  const ownBefore = process.cpuUsage();
  const load = await run();
  const own = ownCpuSeconds(ownBefore);
  const serverAfter = cpuSeconds(server);
  if (serverBefore === undefined || serverAfter === undefined) return { ...load, cpuMicros: undefined };
  return { ...load, cpuMicros: ((own + serverAfter - serverBefore) * 1e6) / load.latencies.length };
}

/** Each caller fills one stream after the other, always at the exact revision. */
function appendingTo(store: Store): (caller: number) => Promise<void> {
  const streams = new Map<number, { name: string; revision: number }>();
  return async (caller) => {
    let stream = streams.get(caller);
    if (!stream || stream.revision === STREAM_LENGTH - 1) stream = { name: `bench-${randomUUID()}`, revision: NO_STREAM };
    streams.set(caller, stream);
    await store.append(caller, stream.name, stream.revision);
    stream.revision++;
  };
}

function figuresOf(callers: number, loads: ReadonlyMap<string, readonly Costly[]>): Figure[] {
  const at = `at ${callers} ${callers === 1 ? 'caller' : 'callers'}`;
  const own = loads.get(plimsoll.name)!;
  const ratio = (other: string): number[] => loads.get(other)!.map((load, round) => own[round]!.perSecond / load.perSecond);
  const costFigure = (other: string): Figure[] => {
    const ratios = loads.get(other)!.flatMap(({ cpuMicros }, round) => {
      const ours = own[round]!.cpuMicros;
      return cpuMicros === undefined || ours === undefined ? [] : [cpuMicros / ours];
    });
    return ratios.length > 0 ? [figure(`processor time of ${other} beside Plimsoll's, ${at}`, '×', ratios)] : [];
  };
  const goals = callers === 32 ? [{ atLeast: 2 }, { atLeast: 8 }] : [undefined, undefined];
  return [
    ...[...loads].flatMap(([name, rounds]) => {
      const cpu = rounds.flatMap(({ cpuMicros }) => (cpuMicros === undefined ? [] : [cpuMicros]));
      return [
        figure(
          `${name}, ${at}`,
          'events/s',
          rounds.map((load) => load.perSecond),
        ),
        ...[50, 99].map((p) =>
          figure(
            `${name}, ${at}, p${p}`,
            'ms',
            rounds.map((load) => percentile(load.latencies, p)),
          ),
        ),
        ...(cpu.length > 0 ? [figure(`${name}, ${at}, processor time`, 'µs an event', cpu)] : []),
      ];
    }),
    figure(`Plimsoll beside raw INSERTs, ${at}`, '×', ratio(rawInserts.name), goals[0]),
    figure(`Plimsoll beside emmett, ${at}`, '×', ratio(emmett.name), goals[1]),
    ...costFigure(rawInserts.name),
    ...costFigure(emmett.name),
  ];
}
