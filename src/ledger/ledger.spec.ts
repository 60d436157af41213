import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Pool } from 'pg';
import { BEFORE_ALL, derivedId, type NewEvent, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { testEvent } from '#libs/event-sourcing/testing';
import {
  eventLeafHash,
  formatSigner,
  LogKeys,
  openCheckpoint,
  parseSigner,
  rootOfLeaves,
  soundSuccessions,
  successionIn,
  verifyConsistency,
  verifyInclusion,
  type Hash,
} from '#libs/ledger';
import { MemoryMessageBus } from '#libs/messaging/memory';
import { runSubscription, SubscriptionRegistry } from '#libs/subscriptions';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import { WitnessPrograms, type RunningWitness } from '../../test/support/witness-program.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import { CHECKPOINT_TOPIC, CheckpointSigner, type Alarm, type CheckpointSignerOptions } from './checkpoint-signer.ts';
import { ledgerStatus } from './ledger-status.ts';
import { LEDGER_SUBSCRIPTION, recordLeaves } from './record-leaves.ts';
import { WitnessSender, type WitnessTarget } from './witness-sender.ts';
import { consistencyProofOf, inclusionProofOf, rootAt, treeHead } from '#libs/ledger/postgres';

const NOW = '2026-03-02T10:00:00.000Z';
const later = (seconds: number): string => new Date(Date.parse(NOW) + seconds * 1000).toISOString();
const signer = parseSigner(formatSigner('log.example/one', 'ed25519', Buffer.alloc(32, 1)));

let database: FreshDatabase;
let pool: Pool;
let folder: string;
let files: CheckpointFile[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url });
  pool.on('error', () => undefined);
});
beforeEach(async () => {
  await forget();
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-ledger-'));
});
afterEach(async () => {
  await Promise.all(files.map((file) => file.close()));
  files = [];
  await rm(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** As after the database was lost, or made new. */
async function forget(): Promise<void> {
  await pool.query('truncate ledger_leaf, ledger_node, ledger_tree, ledger_checkpoint, ledger_signer, ledger_stray, subscription');
}

/** Events in many streams, always the same for the same numbers and salt. */
async function appendTo(log: MemoryEventLog, from: number, to: number, salt = 0): Promise<MemoryEventLog> {
  for (let n = from; n < to; n++) {
    const stream = `thing-${n % 7}`;
    const event = testEvent(n);
    const id = derivedId('ledger-spec', String(n), String(salt));
    const metadata = { ...event.metadata, commandId: id, recordedAt: NOW };
    await log.append(stream, (await log.readStream(stream)).revision, [{ ...event, id, metadata }]);
  }
  return log;
}
const logOf = (count: number, salt = 0): Promise<MemoryEventLog> => appendTo(new MemoryEventLog(), 0, count, salt);
const eventsOf = (log: MemoryEventLog): Promise<readonly StoredEvent[]> => log.readAll({ after: BEFORE_ALL, maxCount: 100_000 });
const leavesOf = async (log: MemoryEventLog): Promise<Hash[]> => (await eventsOf(log)).map(eventLeafHash);

/** Runs the subscription until it has come to the end of the log; says whether it has. */
async function follow(log: MemoryEventLog, batchSize = 100): Promise<string | undefined> {
  const stop = new AbortController();
  const registry = new SubscriptionRegistry();
  let failure: string | undefined;
  const running = runSubscription({
    name: LEDGER_SUBSCRIPTION,
    log,
    pool,
    registry,
    batchSize,
    pollMs: 10,
    signal: stop.signal,
    handle: recordLeaves(log),
    onError: (error) => (failure = (error as Error).message),
  });
  const reached = await registry.waitForPosition(pool, LEDGER_SUBSCRIPTION, await log.head(), 10_000);
  stop.abort();
  await running;
  return reached ? undefined : failure;
}

async function openFile(): Promise<CheckpointFile> {
  const file = await CheckpointFile.open(join(folder, 'checkpoints.ndjson'));
  files.push(file);
  return file;
}

async function signing(log: MemoryEventLog, options: Partial<CheckpointSignerOptions> = {}) {
  const alarms: Alarm[] = [];
  const bus = new MemoryMessageBus();
  const checkpoints = new CheckpointSigner({
    pool,
    log,
    bus,
    signer,
    file: options.file ?? (await openFile()),
    everyEvents: 50,
    everySeconds: 10,
    now: () => later(3),
    onAlarm: (alarm) => alarms.push(alarm),
    ...options,
  });
  return { checkpoints, alarms, bus };
}

const signedSizes = async (): Promise<number[]> =>
  (await pool.query<{ size: string }>('select size from ledger_checkpoint order by size')).rows.map(({ size }) => Number(size));

describe('the ledger', () => {
  it('makes every event the next leaf, in the order of the log', async () => {
    const log = await logOf(700);
    await follow(log);
    const leaves = await leavesOf(log);
    const head = await treeHead(pool);
    expect(head).toEqual({ size: 700, root: rootOfLeaves(leaves), position: await log.head() });
    const { rows } = await pool.query<{ sequence: string; event_id: string; hash: Buffer }>('select * from ledger_leaf order by sequence');
    expect(rows.map(({ sequence }) => Number(sequence))).toEqual(leaves.map((_, n) => n));
    expect(rows.map(({ hash }) => hash.toString('hex'))).toEqual(leaves.map((leaf) => leaf.toString('hex')));
    expect(rows.map(({ event_id }) => event_id)).toEqual((await eventsOf(log)).map(({ id }) => id));
  });

  it('has the same roots when it is built again from the log, in other portions', async () => {
    const log = await logOf(600);
    await follow(log, 1000);
    const sizes = [1, 2, 255, 256, 257, 511, 513, 600];
    const roots = await Promise.all(sizes.map((size) => rootAt(pool, size)));
    expect(new Set(roots.map(String)).size).toBe(sizes.length);
    await forget();
    await follow(log, 37);
    expect(await Promise.all(sizes.map((size) => rootAt(pool, size)))).toEqual(roots);
  });

  it('does nothing when the same events come again', async () => {
    const log = await logOf(20);
    await follow(log);
    const before = await treeHead(pool);
    await pool.query('truncate subscription');
    await follow(log);
    expect(await treeHead(pool)).toEqual(before);
    expect((await pool.query('select 1 from ledger_leaf')).rowCount).toBe(20);
  });

  it('proves any leaf in any tree, and any tree in any larger one, from what is stored', async () => {
    const log = await logOf(1500);
    await follow(log, 1000);
    const leaves = await leavesOf(log);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1500 }), fc.nat(), fc.nat(), async (size, a, b) => {
        const [index, first] = [a % size, 1 + (b % size)];
        const root = rootOfLeaves(leaves.slice(0, size));
        expect(verifyInclusion(leaves[index]!, index, size, await inclusionProofOf(pool, index, size), root)).toBe(true);
        const firstRoot = rootOfLeaves(leaves.slice(0, first));
        expect(verifyConsistency(first, size, firstRoot, root, await consistencyProofOf(pool, first, size))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('stops at a log that was put back and has grown again', async () => {
    await follow(await logOf(40));
    const regrown = await appendTo(await logOf(30), 30, 60, 1);
    expect(await follow(regrown)).toMatch(/in the event log is (not what|gone)/);
    expect(await treeHead(pool)).toMatchObject({ size: 40 });
  });
});

describe('a checkpoint', () => {
  it('is signed after so many events, or when the oldest is so old, and not before', async () => {
    const log = await logOf(49);
    await follow(log);
    let seconds = 3;
    const { checkpoints } = await signing(log, { now: () => later(seconds) });
    await checkpoints.tick();
    expect(await signedSizes()).toEqual([]);
    await appendTo(log, 49, 50);
    await follow(log);
    await checkpoints.tick();
    expect(await signedSizes()).toEqual([50]);
    await appendTo(log, 50, 51);
    await follow(log);
    await checkpoints.tick();
    expect(await ledgerStatus(pool, log, later(5))).toMatchObject({
      unanchoredEvents: 1,
      unanchoredSeconds: 5,
      largestUnanchoredEvents: 50,
    });
    seconds = 10;
    await checkpoints.tick();
    // And twice is once.
    await checkpoints.tick();
    expect(await signedSizes()).toEqual([50, 51]);
    expect(await ledgerStatus(pool, log, later(99))).toMatchObject({
      unanchoredEvents: 0,
      unanchoredSeconds: 0,
      largestUnanchoredSeconds: 10,
    });
  });

  it('is of the tree, and its file and the bus have what the database has', async () => {
    const log = await logOf(60);
    await follow(log);
    const { checkpoints, bus } = await signing(log);
    const heard: string[] = [];
    const reader = await bus.consume({
      topics: [CHECKPOINT_TOPIC],
      group: 'spec',
      handler: async ({ value }) => void heard.push(String(value)),
    });
    await checkpoints.tick();
    await checkpoints.tick();
    await reader.stop();
    const { rows } = await pool.query<{ note: string }>('select note from ledger_checkpoint');
    expect(openCheckpoint(rows[0]!.note, signer.verifier)).toMatchObject({ size: 60, root: rootOfLeaves(await leavesOf(log)) });
    expect(heard).toEqual([rows[0]!.note]);
    const lines = (await readFile(join(folder, 'checkpoints.ndjson'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { note: string }).note)).toEqual([rows[0]!.note]);
  });

  it('is stored before anybody hears of it, and is published when the bus is there again', async () => {
    const log = await logOf(60);
    await follow(log);
    const file = await openFile();
    const away = new MemoryMessageBus();
    away.publish = async () => {
      expect(await signedSizes()).toEqual([60]);
      expect(file.last).toMatchObject({ size: 60 });
      throw new Error('away');
    };
    const first = await signing(log, { bus: away, file });
    await expect(first.checkpoints.tick()).rejects.toThrow('away');
    const second = await signing(log, { file });
    const published = jest.spyOn(second.bus, 'publish');
    await second.checkpoints.tick();
    await second.checkpoints.tick();
    expect(published).toHaveBeenCalledTimes(1);
    expect(await signedSizes()).toEqual([60]);
  });

  it('is found in a file whose last line a crash has cut', async () => {
    const log = await logOf(60);
    await follow(log);
    await (await signing(log)).checkpoints.tick();
    await appendFile(join(folder, 'checkpoints.ndjson'), '{"signedAt": "2026-');
    const file = await openFile();
    expect(file.last).toMatchObject({ size: 60 });
    await appendTo(log, 60, 120);
    await follow(log);
    await (await signing(log, { file })).checkpoints.tick();
    expect((await openFile()).last).toMatchObject({ size: 120 });
  });
});

describe('the key', () => {
  const next = parseSigner(formatSigner('log.example/one', 'ed25519', Buffer.alloc(32, 9)));
  const notes = async (): Promise<string[]> =>
    (await pool.query<{ note: string }>('select note from ledger_checkpoint order by size')).rows.map(({ note }) => note);

  it('names its successor where both are given, and from then on that one signs alone', async () => {
    const log = await logOf(60);
    await follow(log);
    const file = await openFile();
    await (await signing(log, { file })).checkpoints.tick('now');

    // Nothing is new: the succession waits for a leaf, so that it is of a size of its own; then it waits for nothing.
    const { checkpoints, alarms } = await signing(log, { signer: next, predecessor: signer, file });
    await checkpoints.tick('now');
    expect(await signedSizes()).toEqual([60]);
    for (const size of [61, 62]) {
      await appendTo(log, size - 1, size);
      await follow(log);
      await checkpoints.tick(size === 61 ? 'due' : 'now');
    }
    const [before, succession, after] = (await notes()) as [string, string, string];
    expect(successionIn(succession)).toMatchObject({ size: 61, from: { text: signer.verifier.text }, to: { text: next.verifier.text } });
    expect(alarms).toEqual([]);
    expect(openCheckpoint(after, next.verifier).size).toBe(62);
    expect(() => openCheckpoint(after, signer.verifier)).toThrow('No key');
    expect(file.last?.size).toBe(62);
    for (const trusted of [signer, next]) {
      const keys = new LogKeys(trusted.verifier, soundSuccessions([before, succession, after]));
      expect([before, succession, after].map((note) => keys.open(note).size)).toEqual([60, 61, 62]);
    }

    const { checkpoints: old, alarms: refused } = await signing(await appendTo(log, 62, 63), { file });
    await follow(log);
    await old.tick('now');
    expect(refused.map(({ code }) => code)).toEqual(['another-key']);
    expect(await signedSizes()).toEqual([60, 61, 62]);
  });

  it('is not succeeded by one that does not have it, nor by one for another log', async () => {
    const log = await logOf(60);
    await follow(log);
    await (await signing(log)).checkpoints.tick('now');
    await appendTo(log, 60, 70);
    await follow(log);
    const stranger = parseSigner(formatSigner('log.example/one', 'ed25519', Buffer.alloc(32, 8)));
    for (const options of [{ signer: next }, { signer: next, predecessor: stranger }]) {
      const { checkpoints, alarms } = await signing(log, options);
      await checkpoints.tick('now');
      expect(alarms.map(({ code }) => code)).toEqual(['another-key']);
    }
    expect(await signedSizes()).toEqual([60]);
  });
});

describe('before a process signs for the first time, a witness', () => {
  const programs = new WitnessPrograms();
  let witness: WitnessTarget;
  let running: RunningWitness;
  const startWitness = async (): Promise<void> => {
    running = await programs.start(join(folder, 'witness'), signer.verifier);
    witness = { url: new URL(running.url), verifier: running.verifier };
  };
  beforeEach(async () => {
    await mkdir(join(folder, 'witness'));
    await startWitness();
  });
  afterEach(() => programs.killAll());

  const anotherFolder = async (): Promise<CheckpointFile> => {
    const file = await CheckpointFile.open(join(folder, `other-${files.length}`, 'checkpoints.ndjson'));
    files.push(file);
    return file;
  };
  /** A publisher of its own: with its own data folder, and the one key. */
  const publisher = async (log: MemoryEventLog, options: Partial<CheckpointSignerOptions> = {}) =>
    await signing(log, { file: await anotherFolder(), witnesses: [witness], ...options });
  const cosign = async (): Promise<readonly string[]> => {
    const problems: string[] = [];
    const sender = new WitnessSender({
      pool,
      witnesses: [witness],
      now: () => later(3),
      onProblem: (_w, problem) => problems.push(problem),
    });
    await sender.tick();
    return problems;
  };
  /** 60 events signed and witnessed, then 90. */
  async function witnessed(): Promise<MemoryEventLog> {
    const log = await logOf(60);
    await follow(log);
    const { checkpoints, alarms } = await publisher(log);
    for (const size of [60, 90]) {
      await appendTo(log, Number(await log.head()) + 1, size);
      await follow(log);
      await checkpoints.tick('now');
      expect(await cosign()).toEqual([]);
    }
    expect([alarms, await signedSizes()]).toEqual([[], [60, 90]]);
    return log;
  }
  /** The database as a backup has it: 60 events, signed; and 30 others after them. */
  async function putBack(): Promise<MemoryEventLog> {
    const { rows } = await pool.query<{ note: string; root: Buffer }>('select note, root from ledger_checkpoint where size = 60');
    await forget();
    await pool.query('truncate ledger_cosignature');
    await pool.query('insert into ledger_signer (verifier) values ($1)', [signer.verifier.text]);
    await pool.query(
      `insert into ledger_checkpoint (size, root, note, signed_at, window_events, window_seconds, published_at) values (60, $1, $2, $3, 60, 0, $3)`,
      [rows[0]!.root, rows[0]!.note, NOW],
    );
    const log = await appendTo(await logOf(60), 60, 90, 1);
    await follow(log);
    return log;
  }

  it('keeps a second publisher, with the same key and a database that was put back, from signing another history', async () => {
    await witnessed();
    const other = await putBack();
    const { checkpoints, alarms } = await publisher(other);
    await checkpoints.tick('now');
    await checkpoints.tick('now');
    expect(alarms).toMatchObject([{ code: 'behind-witness', detail: expect.stringContaining('signed 90 leaves') }]);
    expect(await signedSizes()).toEqual([60]);
    expect((await ledgerStatus(pool, other, later(5))).alarm?.code).toBe('behind-witness');

    // Without the witness there was no way to know.
    const { checkpoints: alone } = await publisher(other, { witnesses: [] });
    await alone.tick('now');
    expect(await signedSizes()).toEqual([60, 90]);
    expect(await cosign()).toEqual(['fork']);
  });

  it('keeps one from signing whose database and folder are new, and the key is the old one', async () => {
    await witnessed();
    await forget();
    const log = await logOf(120, 2);
    await follow(log);
    const { checkpoints, alarms } = await publisher(log);
    await checkpoints.tick('now');
    expect(alarms.map(({ code }) => code)).toEqual(['behind-witness']);
    expect(await signedSizes()).toEqual([]);
  });

  it('lets a second publisher of the same database go on, and one that it is behind of itself', async () => {
    const log = await witnessed();
    const sizes = [90];
    for (const size of [120, 150]) {
      await appendTo(log, Number(await log.head()) + 1, size);
      await follow(log);
      // The second time the witness has not seen the last one.
      const { checkpoints, alarms } = await publisher(log);
      await checkpoints.tick('now');
      sizes.push(size);
      expect([alarms, await signedSizes()]).toEqual([[], [60, ...sizes]]);
    }
    expect(await cosign()).toEqual([]);
  });

  it('is waited for where it is away, and one that answers is enough', async () => {
    const log = await logOf(60);
    await follow(log);
    running.process.kill('SIGKILL');
    let now = later(3);
    const { checkpoints, alarms } = await publisher(log, { now: () => now });
    await checkpoints.tick('now');
    expect(alarms.map(({ code }) => code)).toEqual(['witness-unheard']);
    expect(await signedSizes()).toEqual([]);
    const away = witness;
    await startWitness();
    const { checkpoints: heard, alarms: none } = await publisher(log, { witnesses: [away, witness] });
    await heard.tick('now');
    expect([none, await signedSizes()]).toEqual([[], [60]]);
    now = later(10);
    expect((await ledgerStatus(pool, log, now)).alarm).toBeUndefined();
  });
});

describe('nothing is signed, and the reason is said,', () => {
  /** 60 events, signed; and then whatever `meanwhile` does. What comes of the next checkpoint. */
  async function refusalAfter(meanwhile: () => Promise<MemoryEventLog>, options: Partial<CheckpointSignerOptions> = {}): Promise<string[]> {
    const log = await logOf(60);
    await follow(log);
    await (await signing(log)).checkpoints.tick('now');
    expect(await signedSizes()).toEqual([60]);
    const after = await meanwhile();
    const { checkpoints, alarms } = await signing(after, options);
    await checkpoints.tick('now');
    await checkpoints.tick('now');
    const { alarm } = await ledgerStatus(pool, after, later(5));
    expect(alarm?.code).toBe(alarms[0]?.code === 'another-key' ? undefined : alarms[0]?.code);
    return alarms.map(({ code }) => code);
  }

  it('but where all is well there is no reason', async () => {
    const grown = async () => {
      const log = await logOf(90);
      await follow(log);
      return log;
    };
    expect(await refusalAfter(grown)).toEqual([]);
    expect(await signedSizes()).toEqual([60, 90]);
  });

  it('never for an event that claims no time or one to come: it is signed, on record, and no window is without end', async () => {
    const log = await logOf(60);
    await follow(log);
    let now = later(3);
    const { checkpoints, alarms } = await signing(log, { now: () => now });
    await checkpoints.tick('now');
    const around = async (metadata: unknown): Promise<void> => {
      await log.append(`evil-${await log.head()}`, -1, [{ ...testEvent(1), metadata } as NewEvent]);
      await follow(log);
      await checkpoints.tick();
      // Not due by its own clock yet, and then it is, whatever the event says.
      expect((await signedSizes()).at(-1)).toBe(Number(await log.head()));
      now = new Date(Date.parse(now) + 10_000).toISOString();
      await checkpoints.tick();
      expect((await signedSizes()).at(-1)).toBe(Number(await log.head()) + 1);
    };
    for (const metadata of [{}, null, [], 'text', { ...testEvent(1).metadata, recordedAt: '2999-01-01T00:00:00.000Z' }])
      await around(metadata);
    // As a version before this one may have left it.
    await pool.query(`update ledger_checkpoint set window_seconds = 'nan' where size = 61`);
    const status = await ledgerStatus(pool, log, now);
    expect(alarms).toEqual([]);
    expect(status).toMatchObject({ size: 65, signedSize: 65, unanchoredSeconds: 0, largestUnanchoredSeconds: 10, strays: 4 });
    expect(status.lastStray).toMatchObject({ sequence: 63, type: 'TestHappened', why: 'Its metadata is not an object.' });
  });

  it('when the database was rolled back and only the file remembers', async () => {
    const rolledBack = async () => {
      await forget();
      const log = await logOf(30);
      await follow(log);
      return log;
    };
    expect(await refusalAfter(rolledBack)).toEqual(['behind-signed']);
  });

  it('until a ledger that is built again has come so far', async () => {
    let log = await logOf(60);
    await follow(log);
    await (await signing(log)).checkpoints.tick('now');
    await forget();
    const { checkpoints, alarms } = await signing(log);
    await checkpoints.tick('now');
    expect(alarms).toMatchObject([{ code: 'behind-signed' }]);
    log = await appendTo(log, 60, 70);
    await follow(log);
    await checkpoints.tick('now');
    expect(await signedSizes()).toEqual([70]);
    expect((await ledgerStatus(pool, log, later(5))).alarm).toBeUndefined();
  });

  it('when another process signed it, and only this one has a file left that knows', async () => {
    const log = await logOf(60);
    await follow(log);
    const fileAt = async (name: string): Promise<CheckpointFile> => {
      const file = await CheckpointFile.open(join(folder, name, 'checkpoints.ndjson'));
      files.push(file);
      return file;
    };
    const [first, second] = [await fileAt('one'), await fileAt('two')];
    await (await signing(log, { file: first })).checkpoints.tick('now');
    const { checkpoints, alarms } = await signing(log, { file: second });
    await checkpoints.tick();
    expect([alarms, second.last?.size]).toEqual([[], 60]);
    await forget();
    const other = await appendTo(await logOf(50), 50, 80, 1);
    await follow(other);
    const after = await signing(other, { file: second });
    await after.checkpoints.tick('now');
    expect(after.alarms).toMatchObject([{ code: 'differs-from-signed' }]);
    expect(await signedSizes()).toEqual([]);
  });

  it('when the database was rolled back and has grown again: a fork', async () => {
    const forked = async () => {
      await forget();
      const log = await appendTo(await logOf(30), 30, 80, 1);
      await follow(log);
      return log;
    };
    expect(await refusalAfter(forked)).toEqual(['differs-from-signed']);
    expect(await signedSizes()).toEqual([]);
  });

  it('when the log has lost events', async () => {
    expect(await refusalAfter(() => logOf(50))).toEqual(['log-behind-ledger']);
  });

  it('when an event of the log was changed after it became a leaf', async () => {
    const changed = async () => {
      await follow(await logOf(70));
      return await appendTo(await logOf(69), 69, 70, 1);
    };
    expect(await refusalAfter(changed)).toEqual(['log-differs-from-ledger']);
  });

  it.each([
    ['a leaf is gone', 'delete from ledger_leaf where sequence = 7', 'ledger-damaged'],
    ['a leaf was edited', `update ledger_leaf set hash = decode(repeat('ab', 32), 'hex') where sequence = 7`, 'differs-from-signed'],
    ['the root was edited', `update ledger_tree set root = decode(repeat('ab', 32), 'hex')`, 'differs-from-signed'],
    ['the last checkpoint was edited', `update ledger_checkpoint set root = decode(repeat('ab', 32), 'hex')`, 'differs-from-signed'],
  ])('when %s', async (_what, sql, code) => {
    const damaged = async () => {
      const log = await logOf(60);
      await pool.query(sql);
      if (sql.includes('ledger_leaf')) {
        await appendTo(log, 60, 90);
        await follow(log);
      }
      return log;
    };
    expect(await refusalAfter(damaged)).toEqual([code]);
  });

  it('when the key is another', async () => {
    const other = parseSigner(formatSigner('log.example/one', 'ed25519', Buffer.alloc(32, 2)));
    const grown = async () => {
      const log = await logOf(90);
      await follow(log);
      return log;
    };
    expect(await refusalAfter(grown, { signer: other })).toEqual(['another-key']);
    expect(await signedSizes()).toEqual([60]);
  });
});
