import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import {
  EventCodec,
  EventLogUnavailable,
  WrongExpectedRevision,
  type DomainEvent,
  type NewEvent,
  type StoredEvent,
} from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { testEvent } from '#libs/event-sourcing/testing';
import { resumeSubscription, storedPosition, SubscriptionRegistry, TransientError } from '#libs/subscriptions';
import { eventually } from '#libs/subscriptions/testing';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import {
  cancelTimer,
  defineProcess,
  foldProcess,
  note,
  processOf,
  processStream,
  processSubscription,
  runProcess,
  runTimers,
  send,
  setTimer,
  TIMERS,
  type OutgoingCommand,
  type ProcessHostOptions,
  type SendOutcome,
  type TimerHostOptions,
} from './index.ts';

type BedEvent =
  | DomainEvent<'BedDug', { readonly bed: string; readonly dryAt: string }>
  | DomainEvent<'BedWatered', { readonly bed: string; readonly dryAt: string }>
  | DomainEvent<'BedPaved', { readonly bed: string }>;

interface Watering {
  readonly waterings: number;
  readonly alarms: number;
  readonly refusals: readonly string[];
}

/** Waters a bed when it is dug, and sounds an alarm where nobody waters it before it is dry. */
const watering = defineProcess<Watering, BedEvent>({
  name: 'watering',
  instance: {
    BedDug: (e) => e.data.bed,
    BedWatered: (e) => e.data.bed,
    BedPaved: (e) => (e.data.bed === 'none' ? undefined : e.data.bed.split('+')),
  },
  initial: { waterings: 0, alarms: 0, refusals: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'BedWatered':
        return { ...state, waterings: state.waterings + 1 };
      case 'ProcessTimerElapsed':
        return { ...state, alarms: state.alarms + 1 };
      case 'ProcessCommandRefused':
        return { ...state, refusals: [...state.refusals, event.data.refusal] };
      default:
        return state;
    }
  },
  react: (state, event) => {
    switch (event.type) {
      case 'BedDug':
        return [
          send('WaterBed', event.data.bed, { litres: 10 }),
          send('PutUpFence', event.data.bed, {}),
          setTimer('dry', event.data.dryAt),
        ];
      case 'BedWatered':
        return [setTimer('dry', event.data.dryAt, { afterWaterings: state.waterings })];
      case 'BedPaved':
        return [cancelTimer('dry')];
      case 'ProcessTimerElapsed':
        return [send('SoundAlarm', 'alarm', { count: state.alarms })];
      case 'ProcessCommandRefused':
        return [note(`${event.data.command} was refused`)];
    }
  },
});

let database: FreshDatabase;
let pool: Pool;
let log: MemoryEventLog;
let registry: SubscriptionRegistry;
let hosts: { stop: () => Promise<void> }[] = [];
let now: string;
let sent: OutgoingCommand[];
const codec = new EventCodec({});
const NAME = processSubscription(watering);

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url, max: 20 });
  pool.on('error', () => undefined);
});
beforeEach(async () => {
  await pool.query('truncate subscription, timer');
  log = new MemoryEventLog();
  registry = new SubscriptionRegistry();
  now = '2026-03-02T10:00:00.000Z';
  sent = [];
});
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  hosts = [];
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

type Answer = (command: OutgoingCommand) => SendOutcome;
const accept: Answer = () => ({ outcome: 'accepted' });

function hosted(run: (signal: AbortSignal) => Promise<void>) {
  const abort = new AbortController();
  const running = run(abort.signal);
  const host = {
    stop: async () => {
      abort.abort();
      await running;
    },
  };
  hosts.push(host);
  return host;
}

const startProcess = (answer: Answer = accept, overrides: Partial<ProcessHostOptions<Watering>> = {}) =>
  hosted((signal) =>
    runProcess({
      process: watering,
      sender: {
        send: async (command) => {
          sent.push(command);
          return answer(command);
        },
      },
      ...{ log, pool, codec, registry, signal, pollMs: 10, clock: () => now },
      ...overrides,
    }),
  );

const startTimers = (overrides: Partial<TimerHostOptions> = {}) =>
  hosted((signal) => runTimers({ log, pool, codec, registry, signal, pollMs: 10, tickMs: 10, clock: () => now, ...overrides }));

const IN_AN_HOUR = '2026-03-02T11:00:00.000Z';
const IN_TWO_HOURS = '2026-03-02T12:00:00.000Z';
const dug = (bed = 'b1'): NewEvent => testEvent(0, { type: 'BedDug', data: { bed, dryAt: IN_AN_HOUR } });
const watered = (bed = 'b1'): NewEvent => testEvent(0, { type: 'BedWatered', data: { bed, dryAt: IN_TWO_HOURS } });
const paved = (bed = 'b1'): NewEvent => testEvent(0, { type: 'BedPaved', data: { bed } });

async function append(...events: NewEvent[]): Promise<bigint> {
  const { revision } = await log.readStream('garden-1');
  return (await log.append('garden-1', revision, events)).position;
}

const own = async (bed = 'b1'): Promise<readonly StoredEvent[]> => (await log.readStream(processStream('watering', bed))).events;
const types = async (bed = 'b1'): Promise<string[]> => (await own(bed)).map((e) => e.type);
const handledAll = () => eventually(async () => (await storedPosition(pool, NAME)) === (await log.head()));
const timersCaughtUp = () => eventually(async () => (await storedPosition(pool, TIMERS)) === (await log.head()));
const timers = async () => (await pool.query<Record<string, unknown>>('select process, instance, timer_id, due_at, data from timer')).rows;
const commands = (): string[] => sent.map((command) => command.command);
const TAKEN_AND_ISSUED = ['ProcessInputTaken', 'ProcessCommandIssued', 'ProcessCommandIssued', 'ProcessTimerSet'];

describe('a process', () => {
  it('takes an event and decides on commands and timers, all in one append to its own stream', async () => {
    let appends = 0;
    const counting = Object.create(log, {
      append: {
        value: (...args: Parameters<MemoryEventLog['append']>) => {
          appends++;
          return log.append(...args);
        },
      },
    }) as MemoryEventLog;
    startProcess(accept, { log: counting });
    await append(dug());
    await handledAll();
    expect(await types()).toEqual(TAKEN_AND_ISSUED);
    expect(appends).toBe(1);
    const input = (await log.readStream('garden-1')).events[0]!;
    expect((await own()).map((e) => e.data)).toEqual([
      {
        eventId: input.id,
        type: 'BedDug',
        stream: 'garden-1',
        revision: 0,
        recordedAt: input.metadata.recordedAt,
        schemaVersion: 1,
        data: input.data,
      },
      { commandId: expect.any(String), inputId: input.id, command: 'WaterBed', target: 'b1', payload: { litres: 10 } },
      { commandId: expect.any(String), inputId: input.id, command: 'PutUpFence', target: 'b1', payload: {} },
      { timerId: 'dry', dueAt: IN_AN_HOUR, data: null },
    ]);
    expect((await own())[0]?.metadata).toMatchObject({
      actor: 'process:watering',
      causationId: input.id,
      correlationId: input.metadata.correlationId,
      recordedAt: now,
    });
  });

  it('sends the commands in order, in its own name, with what they follow from', async () => {
    startProcess();
    await append(dug());
    await handledAll();
    const issued = (await own()).filter((e) => e.type === 'ProcessCommandIssued').map((e) => (e.data as { commandId: string }).commandId);
    const input = (await log.readStream('garden-1')).events[0]!;
    expect(sent).toEqual([
      expect.objectContaining({
        command: 'WaterBed',
        target: 'b1',
        payload: { litres: 10 },
        commandId: issued[0],
        causationId: input.id,
        correlationId: 'correlation',
        actor: { person: 'process:watering', principal: 'plimsoll|process:watering', roles: ['process'] },
      }),
      expect.objectContaining({ command: 'PutUpFence', commandId: issued[1] }),
    ]);
  });

  it('has a stream of its own for every instance, and leaves alone what is none of its business', async () => {
    startProcess();
    await append(dug('b1'), dug('b2'), paved('none'), testEvent(0, { type: 'SomethingElse' }));
    await handledAll();
    expect([await types('b1'), await types('b2'), await types('none')]).toEqual([TAKEN_AND_ISSUED, TAKEN_AND_ISSUED, []]);
    expect(processOf(processStream('watering', 'b-1'))).toEqual({ process: 'watering', instance: 'b-1' });
    expect(processOf('bed-1')).toBeUndefined();
  });

  it('takes an event in every instance that it is for, once in each, though its checkpoint is put back', async () => {
    const first = startProcess();
    await append(dug('b1'), dug('b2'), paved('b1+b2+b1'));
    await handledAll();
    await first.stop();
    await pool.query('update subscription set position = -1 where name = $1', [NAME]);
    startProcess();
    await handledAll();
    for (const bed of ['b1', 'b2']) expect(await types(bed)).toEqual([...TAKEN_AND_ISSUED, 'ProcessInputTaken', 'ProcessTimerCancelled']);
  });

  it('has the state that its own stream comes to', async () => {
    startProcess(({ command }) =>
      command === 'PutUpFence' ? { outcome: 'refused', type: 'no-wood', detail: 'There is no wood.' } : { outcome: 'accepted' },
    );
    await append(dug(), watered(), watered());
    await eventually(async () => (await types()).includes('ProcessNoted'));
    await handledAll();
    expect(foldProcess(watering, codec, await own())).toEqual({ waterings: 2, alarms: 0, refusals: ['no-wood'] });
    expect((await own()).filter((e) => e.type === 'ProcessTimerSet').at(-1)?.data).toMatchObject({ data: { afterWaterings: 2 } });
  });

  it('reads its stream once and follows it from there, also past what its timers append to it', async () => {
    const read = jest.spyOn(log, 'readStream');
    startProcess();
    await append(dug());
    await handledAll();
    for (let n = 0; n < 5; n++) {
      await append(watered());
      await handledAll();
    }
    const ofOwn = () => read.mock.calls.filter(([stream]) => stream === processStream('watering', 'b1'));
    expect(ofOwn()).toHaveLength(1);

    now = IN_TWO_HOURS;
    startTimers();
    await eventually(() => commands().includes('SoundAlarm'));
    await append(paved());
    await handledAll();
    expect((await types()).filter((type) => type === 'ProcessInputTaken')).toHaveLength(8);
    expect(foldProcess(watering, codec, await own())).toMatchObject({ waterings: 5, alarms: 1 });
    expect(sent.find(({ command }) => command === 'SoundAlarm')?.payload).toEqual({ count: 1 });
    expect(
      ofOwn()
        .slice(1)
        .filter(([, options]) => options?.fromRevision !== undefined).length,
    ).toBeGreaterThan(0);
    read.mockRestore();
  });

  it('lifts inputs that it took in an old version, like any old event', async () => {
    startProcess();
    await append(watered());
    await handledAll();
    const lifting = new EventCodec({ BedWatered: { version: 2, upcasters: { 1: (data) => ({ ...(data as object), rain: true }) } } });
    const seen: DomainEvent[] = [];
    foldProcess({ ...watering, evolve: (state: Watering, e) => (seen.push(e), state) }, lifting, await own());
    expect(seen[0]).toMatchObject({ type: 'BedWatered', data: { bed: 'b1', rain: true } });
  });

  it('records a refusal as an event, once, and may react to it', async () => {
    startProcess(({ command }) =>
      command === 'WaterBed' ? { outcome: 'refused', type: 'hose-ban', detail: 'There is a hose ban.' } : { outcome: 'accepted' },
    );
    await append(dug());
    await eventually(async () => (await types()).includes('ProcessNoted'));
    await handledAll();
    expect(await types()).toEqual([...TAKEN_AND_ISSUED, 'ProcessCommandRefused', 'ProcessInputTaken', 'ProcessNoted']);
    expect((await own())[4]?.data).toMatchObject({
      command: 'WaterBed',
      target: 'b1',
      refusal: 'hose-ban',
      detail: 'There is a hose ban.',
      reasons: [],
    });
    expect((await own())[6]?.data).toMatchObject({ note: 'WaterBed was refused' });
    expect(commands()).toEqual(['WaterBed', 'PutUpFence']);
  });

  it('stops at an input for which it can not decide, and goes on with it when it is resumed', async () => {
    let broken = true;
    const fragile = {
      ...watering,
      react: (...args: Parameters<typeof watering.react>) => {
        if (broken && args[1].type === 'BedWatered') throw new TypeError('react is broken');
        return watering.react(...args);
      },
    };
    startProcess(accept, { process: fragile });
    await append(dug(), watered(), paved());
    await eventually(() => registry.get(NAME)?.state === 'failed');
    expect(registry.get(NAME)?.failure).toMatchObject({ message: 'react is broken', type: 'BedWatered', revision: 1 });
    expect(await types()).toEqual(TAKEN_AND_ISSUED);
    broken = false;
    await resumeSubscription(pool, NAME);
    await handledAll();
    expect((await types()).slice(4)).toEqual(['ProcessInputTaken', 'ProcessTimerSet', 'ProcessInputTaken', 'ProcessTimerCancelled']);
  });

  it('is refused a timer at something that is not a time', async () => {
    startProcess();
    await append(testEvent(0, { type: 'BedDug', data: { bed: 'b1', dryAt: 'tomorrow' } }));
    await eventually(() => registry.get(NAME)?.failure?.message === 'Invalid time value');
    expect(await own()).toEqual([]);
  });
});

describe('a process that is killed', () => {
  /** Runs a process whose world breaks once at a point, and checks that in the end everything was done once. */
  async function breakOnce(at: 'before-append' | 'after-append' | 'after-send' | 'after-refusal'): Promise<void> {
    let broken = false;
    const breakAt = (point: typeof at): void => {
      if (broken || point !== at) return;
      broken = true;
      throw new TransientError(`killed ${point}`);
    };
    const dying = Object.create(log, {
      append: {
        value: async (...args: Parameters<MemoryEventLog['append']>) => {
          const refusal = args[2][0]?.type === 'ProcessCommandRefused';
          if (refusal) breakAt('after-refusal');
          else breakAt('before-append');
          const appended = await log.append(...args);
          if (!refusal) breakAt('after-append');
          return appended;
        },
      },
    }) as MemoryEventLog;
    startProcess(
      ({ command }) => {
        if (command === 'PutUpFence') return { outcome: 'refused', type: 'no-wood', detail: 'There is no wood.' };
        // The command was carried out, and the answer never arrived.
        breakAt('after-send');
        return { outcome: 'accepted' };
      },
      { log: dying },
    );
    await append(dug(), watered());
    await eventually(async () => (await types()).includes('ProcessNoted'));
    await handledAll();
    expect(broken).toBe(true);
    const all = await types();
    expect(all.filter((type) => type === 'ProcessInputTaken')).toHaveLength(3);
    expect(all.filter((type) => type === 'ProcessCommandIssued')).toHaveLength(2);
    expect(all.filter((type) => type === 'ProcessCommandRefused')).toHaveLength(1);
    const ids = new Map<string, Set<string>>();
    for (const { command, commandId } of sent) ids.set(command, (ids.get(command) ?? new Set()).add(commandId));
    expect([...ids].map(([command, set]) => [command, set.size])).toEqual([
      ['WaterBed', 1],
      ['PutUpFence', 1],
    ]);
  }

  it('before it has appended decides again', () => breakOnce('before-append'));
  it('after it has appended sends what it had decided', () => breakOnce('after-append'));
  it('after it has sent sends the same command again, under the same id', () => breakOnce('after-send'));
  it('before it has recorded a refusal asks again, and records one refusal', () => breakOnce('after-refusal'));

  it('finds its commands again in another worker, also when the receiver was away', async () => {
    const first = startProcess(() => {
      throw new EventLogUnavailable('The receiver is away.');
    });
    await append(dug());
    await eventually(() => sent.length > 0);
    await first.stop();
    const id = sent[0]!.commandId;
    sent = [];
    startProcess();
    await handledAll();
    expect(commands()).toEqual(['WaterBed', 'PutUpFence']);
    expect(sent[0]!.commandId).toBe(id);
    expect(await types()).toEqual(TAKEN_AND_ISSUED);
  });

  it('takes an event once, though its checkpoint is put back', async () => {
    const first = startProcess();
    await append(dug(), watered());
    await handledAll();
    await first.stop();
    const before = await types();
    const ids = new Set(sent.map((command) => command.commandId));
    await pool.query('update subscription set position = -1 where name = $1', [NAME]);
    startProcess();
    await handledAll();
    expect(await types()).toEqual(before);
    expect(new Set(sent.map((command) => command.commandId))).toEqual(ids);
  });
});

describe('two hosts of one process', () => {
  it('come to the same as one, even while both believe that they have the lease', async () => {
    await append(dug('b1'), watered('b1'), dug('b2'), watered('b2'), paved('b1'));
    // Two names for the subscription: two leases, so nothing but the exact revision keeps them apart.
    const other = { ...watering };
    const rival = hosted((signal) =>
      runProcess({
        process: other,
        sender: {
          send: async (command) => {
            sent.push(command);
            return { outcome: 'accepted' };
          },
        },
        ...{ log, codec, signal, pollMs: 10, clock: () => now },
        pool: rivalPool,
      }),
    );
    startProcess();
    await handledAll();
    await eventually(async () => (await storedPosition(rivalPool, NAME)) === (await log.head()));
    await rival.stop();
    for (const bed of ['b1', 'b2']) {
      const all = await own(bed);
      const inputs = all.filter((e) => e.type === 'ProcessInputTaken').map((e) => (e.data as { eventId: string }).eventId);
      expect(new Set(inputs).size).toBe(inputs.length);
      expect(inputs).toHaveLength(bed === 'b1' ? 3 : 2);
    }
    expect(new Set(sent.map((command) => command.commandId)).size).toBe(4);
  });

  let rivalDatabase: FreshDatabase;
  let rivalPool: Pool;
  beforeAll(async () => {
    rivalDatabase = await freshDatabase();
    rivalPool = new Pool({ connectionString: rivalDatabase.url });
    rivalPool.on('error', () => undefined);
  });
  afterAll(async () => {
    await rivalPool.end();
    await rivalDatabase.drop();
  });

  it('share the work by the lease: one runs, the other takes over', async () => {
    const first = startProcess(accept, { registry: new SubscriptionRegistry() });
    await append(dug());
    await handledAll();
    startProcess();
    await first.stop();
    await append(watered());
    await handledAll();
    expect(await types()).toEqual([...TAKEN_AND_ISSUED, 'ProcessInputTaken', 'ProcessTimerSet']);
  });
});

describe('a timer', () => {
  it('rings when its time has come and not before, and the process hears it', async () => {
    startProcess();
    startTimers();
    await append(dug());
    await handledAll();
    await timersCaughtUp();
    expect(await timers()).toEqual([{ process: 'watering', instance: 'b1', timer_id: 'dry', due_at: new Date(IN_AN_HOUR), data: null }]);
    now = '2026-03-02T10:59:59.999Z';
    // Two more ticks at least: the loop has looked.
    await eventually(ticked());
    expect(await types()).toEqual(TAKEN_AND_ISSUED);
    now = IN_AN_HOUR;
    await eventually(() => commands().includes('SoundAlarm'));
    await timersCaughtUp();
    expect(await types()).toEqual([...TAKEN_AND_ISSUED, 'ProcessTimerElapsed', 'ProcessInputTaken', 'ProcessCommandIssued']);
    expect((await own())[4]?.data).toEqual({ timerId: 'dry', dueAt: IN_AN_HOUR, elapsedAt: IN_AN_HOUR, data: null });
    expect(await timers()).toEqual([]);
  });

  it('rings late after a standstill, and is not lost', async () => {
    const first = startProcess();
    await append(dug());
    await handledAll();
    await first.stop();
    now = '2026-03-05T00:00:00.000Z';
    startProcess();
    startTimers();
    await eventually(() => commands().includes('SoundAlarm'));
    expect((await own())[4]?.data).toMatchObject({ dueAt: IN_AN_HOUR, elapsedAt: now });
  });

  it('that is set anew rings at its new time only, with its new data', async () => {
    startProcess();
    startTimers();
    await append(dug(), watered());
    await handledAll();
    await timersCaughtUp();
    now = IN_AN_HOUR;
    await eventually(ticked());
    expect(commands()).not.toContain('SoundAlarm');
    now = IN_TWO_HOURS;
    await eventually(() => commands().includes('SoundAlarm'));
    expect((await own()).filter((e) => e.type === 'ProcessTimerElapsed').map((e) => e.data)).toEqual([
      { timerId: 'dry', dueAt: IN_TWO_HOURS, elapsedAt: IN_TWO_HOURS, data: { afterWaterings: 1 } },
    ]);
  });

  it('that is cancelled does not ring', async () => {
    startProcess();
    startTimers();
    await append(dug(), paved());
    await handledAll();
    await timersCaughtUp();
    expect(await timers()).toEqual([]);
    now = IN_TWO_HOURS;
    await eventually(ticked());
    expect(await types()).not.toContain('ProcessTimerElapsed');
  });

  it('does not ring from a row that is behind its stream', async () => {
    startProcess();
    await append(dug(), watered());
    await handledAll();
    await pool.query(`insert into subscription (name, position) values ('timers', 1000)`);
    await pool.query(`insert into timer (process, instance, timer_id, due_at) values ('watering', 'b1', 'dry', $1)`, [IN_AN_HOUR]);
    now = IN_AN_HOUR;
    startTimers();
    await eventually(async () => (await timers()).length === 0);
    expect(await types()).not.toContain('ProcessTimerElapsed');
  });

  it('that its stream does not know of (yet) stays in the table and says so, and however many there are, no other waits for them', async () => {
    startProcess();
    await append(dug());
    await handledAll();
    await pool.query(`insert into timer select 'watering', 'unknown' || n, 'dry', '2000-01-01' from generate_series(1, 150) n`);
    const errors: string[] = [];
    now = IN_AN_HOUR;
    startTimers({ onError: (error) => errors.push((error as Error).message) });
    await eventually(() => commands().includes('SoundAlarm'));
    await timersCaughtUp();
    expect(await timers()).toHaveLength(150);
    expect(errors).toContain('Timer dry of watering_process-unknown1 is due, but its stream does not know of it.');
    expect(await own('unknown1')).toEqual([]);
  });

  it('that elapsed is not heard when the process cancels it before it can take it', async () => {
    const first = startProcess();
    await append(dug());
    await handledAll();
    await first.stop();
    // The bed is paved, and the timer elapses, while no process runs: the paving comes first.
    await append(paved());
    now = IN_AN_HOUR;
    startTimers();
    await eventually(async () => (await types()).includes('ProcessTimerElapsed'));
    startProcess();
    await handledAll();
    expect((await types()).slice(4)).toEqual(['ProcessTimerElapsed', 'ProcessInputTaken', 'ProcessTimerCancelled']);
    expect(commands()).not.toContain('SoundAlarm');
  });

  it('rings once, however many workers look for it and however often one dies between the event and the row', async () => {
    startProcess();
    await append(...Array.from({ length: 30 }, (_, i) => dug(`b${i}`)));
    await handledAll();
    let deaths = 5;
    const dying = Object.create(log, {
      append: {
        value: async (...args: Parameters<MemoryEventLog['append']>) => {
          const appended = await log.append(...args);
          if (args[2][0]?.type === 'ProcessTimerElapsed' && deaths-- > 0) throw new EventLogUnavailable('killed');
          return appended;
        },
      },
    }) as MemoryEventLog;
    now = IN_AN_HOUR;
    for (let worker = 0; worker < 3; worker++) startTimers({ log: dying, registry: new SubscriptionRegistry() });
    await eventually(() => commands().filter((command) => command === 'SoundAlarm').length === 30);
    await eventually(async () => (await timers()).length === 0);
    for (let i = 0; i < 30; i++) expect((await types(`b${i}`)).filter((type) => type === 'ProcessTimerElapsed')).toHaveLength(1);
  });

  it('and an input at the same moment both get into the stream, one after the other', async () => {
    startProcess();
    await append(dug());
    await handledAll();
    let conflicts = 0;
    const contended = Object.create(log, {
      append: {
        value: async (...args: Parameters<MemoryEventLog['append']>) => {
          if (args[2][0]?.type === 'ProcessTimerElapsed' && conflicts++ === 0) {
            await append(watered('b2'));
            throw new WrongExpectedRevision(args[0], args[1], args[1] + 1);
          }
          return log.append(...args);
        },
      },
    }) as MemoryEventLog;
    now = IN_AN_HOUR;
    startTimers({ log: contended });
    await eventually(() => commands().includes('SoundAlarm'));
    expect(conflicts).toBe(2);
    expect((await types()).filter((type) => type === 'ProcessTimerElapsed')).toHaveLength(1);
  });

  /** True once the loop has rung a probe that was due all along, in the same transaction as everything else that was due. */
  function ticked(): () => Promise<boolean> {
    const stream = processStream('probe', randomUUID());
    const asked = log.append(stream, -1, [
      testEvent(0, { type: 'ProcessTimerSet', data: { timerId: 'probe', dueAt: '2000-01-01T00:00:00.000Z', data: null } }),
    ]);
    return async () => {
      await asked;
      const rows = await pool.query(`select from timer where process = 'probe'`);
      return (await log.readStream(stream)).revision === 1 && rows.rowCount === 0;
    };
  }
});
