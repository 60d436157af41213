import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { issued, metaOf } from '#libs/event-sourcing/testing';
import type { Aggregate } from './aggregate.ts';
import { unknownEvent } from './aggregate.ts';
import { EventCodec } from './codec.ts';
import { refuse, RefusedError, TooMuchContention, type Decision } from './decision.ts';
import { denialStream } from './denial.ts';
import type { DomainEvent, NewEvent } from './event.ts';
import {
  AppendOutcomeUnknown,
  EventLogUnavailable,
  EventsMissing,
  WrongExpectedRevision,
  type Appended,
  type EventLog,
} from './event-log.ts';
import { eventId } from './ids.ts';
import { defineCommand, hashCommand, MAX_DECISIONS, transact } from './transact.ts';

type JarEvent = DomainEvent<'JarFilled', { readonly beans: number }> | DomainEvent<'JarSealed', Record<string, never>>;

interface Jar {
  readonly beans: number;
  readonly sealed: boolean;
}

/** A made-up aggregate: a jar that takes beans until it is sealed. */
const jar: Aggregate<Jar, JarEvent> = {
  category: 'jar',
  initial: { beans: 0, sealed: false },
  evolve: (state, event) => {
    switch (event.type) {
      case 'JarFilled':
        return { ...state, beans: state.beans + event.data.beans };
      case 'JarSealed':
        return { ...state, sealed: true };
      default:
        return unknownEvent(event);
    }
  },
};

class FillJar {
  beans: number;
}
class SealJar {
  note: string;
}

const decided: number[] = [];
const fillJar = defineCommand({
  type: FillJar,
  aggregate: jar,
  decide: (command, state): Decision<JarEvent> => {
    decided.push(state.beans);
    if (state.sealed) return refuse('conflict', 'jar-sealed', 'The jar is sealed.', [{ code: 'sealed', detail: 'It was sealed.' }]);
    return [{ type: 'JarFilled', data: { beans: command.beans } }];
  },
  governed: (command) => ({ jar: command.target }),
});
const sealJar = defineCommand({
  type: SealJar,
  aggregate: jar,
  decide: (_command, state): Decision<JarEvent> => (state.sealed ? [] : [{ type: 'JarSealed', data: {} }]),
});
const pourJar = defineCommand({
  type: FillJar,
  aggregate: jar,
  decide: (): Decision<JarEvent> => refuse('conflict', 'never', 'Nobody pours.'),
});

const codec = new EventCodec({ JarFilled: { version: 1, upcasters: {} }, JarSealed: { version: 2, upcasters: { 1: (d) => d } } });
const fill = (beans: number, commandId = 'fill-1', expectedRevision?: number) =>
  issued(FillJar, { beans }, 'j1', { commandId, ...(expectedRevision === undefined ? {} : { expectedRevision }) });
const seal = (commandId = 'seal-1') => issued(SealJar, { note: 'enough' }, 'j1', { commandId });

async function refusalOf(work: Promise<unknown>): Promise<RefusedError> {
  const error: unknown = await work.then(
    () => new Error('It was not refused.'),
    (e: unknown) => e,
  );
  if (!(error instanceof RefusedError)) throw error;
  return error;
}

type Append = EventLog['append'];

/** A log whose appends another hand may get hold of first. */
function withAppend(log: MemoryEventLog, append: (original: Append, ...args: Parameters<Append>) => Promise<Appended>): EventLog {
  const original: Append = (...args) => log.append(...args);
  return Object.assign(Object.create(log) as MemoryEventLog, { append: (...args: Parameters<Append>) => append(original, ...args) });
}

let log: MemoryEventLog;
beforeEach(() => {
  log = new MemoryEventLog();
  decided.length = 0;
});
const all = () => log.readAll({ after: -1n, maxCount: 100 });
const typesIn = async (stream: string) => (await log.readStream(stream)).events.map((e) => e.type);

describe('carrying out a command', () => {
  it('stores its events with derived ids, the actor of the token and the time of the server', async () => {
    const command = fill(3);
    const done = await transact({ log, codec }, fillJar, command);
    expect(done).toMatchObject({ id: 'j1', stream: 'jar-j1', revision: 0, position: 0n, repeated: false });
    const [stored] = await all();
    expect(stored).toMatchObject({
      id: eventId('fill-1', 'jar-j1', 0),
      data: { beans: 3 },
      metadata: {
        actor: 'person-dora',
        principal: 'test|dora',
        commandId: 'fill-1',
        commandHash: hashCommand('FillJar', command),
        recordedAt: metaOf().now,
        schemaVersion: 1,
      },
    });
  });

  it('writes the schema version of today', async () => {
    await transact({ log, codec }, sealJar, seal());
    expect((await all())[0]?.metadata.schemaVersion).toBe(2);
  });
});

describe('a command that is repeated', () => {
  it('finds its own events and stores nothing new, even where the rule would now refuse it', async () => {
    const first = await transact({ log, codec }, fillJar, fill(3));
    await transact({ log, codec }, sealJar, seal());
    const again = await transact({ log, codec }, fillJar, fill(3));
    expect(again).toMatchObject({ repeated: true, revision: first.revision, position: first.position });
    expect(again.events.map((e) => e.id)).toEqual(first.events.map((e) => e.id));
    expect(await typesIn('jar-j1')).toEqual(['JarFilled', 'JarSealed']);
  });

  it('is found again before If-Match is looked at, so that a retry of an accepted change is not called stale', async () => {
    await transact({ log, codec }, fillJar, fill(1, 'fill-1', -1));
    expect((await transact({ log, codec }, fillJar, fill(1, 'fill-1', -1))).repeated).toBe(true);
  });

  it('is refused where the same id comes with another body', async () => {
    await transact({ log, codec }, fillJar, fill(3));
    const { refusal } = await refusalOf(transact({ log, codec }, fillJar, fill(4)));
    expect(refusal).toMatchObject({ kind: 'meaning', type: 'idempotency-key-reused' });
    expect(await typesIn('jar-j1')).toEqual(['JarFilled']);
  });

  it('is the same command whatever the order of its fields', () => {
    const there = issued(
      class Two {
        a: number;
        b: number;
      },
      { a: 1, b: 2 },
      'x',
    );
    const back = issued(
      class Two {
        a: number;
        b: number;
      },
      { b: 2, a: 1 },
      'x',
    );
    expect(hashCommand('Two', there)).toBe(hashCommand('Two', back));
    expect(hashCommand('Two', there)).not.toBe(hashCommand('Three', there));
  });

  it('yields no event where it is so already, and says where the stream is', async () => {
    await transact({ log, codec }, sealJar, seal('seal-1'));
    const again = await transact({ log, codec }, sealJar, seal('seal-2'));
    expect(again).toMatchObject({ repeated: true, revision: 0, position: 0n, events: [] });
    expect(await typesIn('jar-j1')).toEqual(['JarSealed']);
  });
});

describe('If-Match', () => {
  it('lets a command through that has seen the last revision', async () => {
    await transact({ log, codec }, fillJar, fill(1, 'fill-1'));
    expect((await transact({ log, codec }, fillJar, fill(2, 'fill-2', 0))).revision).toBe(1);
  });

  it('refuses a command that has seen an older one as a failed precondition, before its rule is asked', async () => {
    await transact({ log, codec }, fillJar, fill(1, 'fill-1'));
    await transact({ log, codec }, fillJar, fill(2, 'fill-2'));
    decided.length = 0;
    const { refusal } = await refusalOf(transact({ log, codec }, fillJar, fill(3, 'fill-3', 0)));
    expect(refusal).toMatchObject({ kind: 'precondition', type: 'stale-revision' });
    expect(refusal.detail).toContain('jar-j1 is at revision 1, not at 0');
    expect(decided).toEqual([]);
  });

  it('does not decide again after losing a race: what was seen is gone', async () => {
    const racing = withAppend(log, async (_append, stream, expected) => {
      throw new WrongExpectedRevision(stream, expected, expected + 1);
    });
    const { refusal } = await refusalOf(transact({ log: racing, codec }, fillJar, fill(1, 'fill-1', -1)));
    expect(refusal.type).toBe('stale-revision');
    expect(decided).toEqual([0]);
  });
});

describe('a conflict with somebody else', () => {
  /** Before each of the first `times` appends, another command gets in. */
  function contended(times: number): EventLog {
    let left = times;
    return withAppend(log, async (append, stream, expected, events) => {
      if (left-- > 0) await transact({ log, codec }, fillJar, fill(10, `rival-${left}`));
      return await append(stream, expected, events);
    });
  }

  it('has the command decided again on what is there now', async () => {
    const done = await transact({ log: contended(MAX_DECISIONS - 1), codec }, sealJar, seal());
    expect(done.revision).toBe(MAX_DECISIONS - 1);
    expect(await typesIn('jar-j1')).toEqual([...Array.from({ length: MAX_DECISIONS - 1 }, () => 'JarFilled'), 'JarSealed']);
  });

  it('shows the rule the newest state every time', async () => {
    await transact({ log: contended(2), codec }, fillJar, fill(1));
    // Rivals decide in between; the command itself saw 0, 10 and 20 beans.
    expect(decided).toEqual([0, 0, 10, 10, 20]);
  });

  it('shows it to one that reads ahead, too', async () => {
    await transact({ log: contended(2), codec }, { ...fillJar, topic: () => 'filling' }, fill(1));
    expect(decided).toEqual([0, 0, 10, 10, 20]);
  });

  it('ends in a refusal that says so where it never ends, and stores nothing', async () => {
    const error = await refusalOf(transact({ log: contended(100), codec }, sealJar, seal()));
    expect(error).toBeInstanceOf(TooMuchContention);
    const { refusal } = error;
    expect(refusal).toMatchObject({ kind: 'conflict', type: 'too-much-contention' });
    expect(refusal.detail).toContain(`changed ${MAX_DECISIONS} times`);
    expect(await typesIn('jar-j1')).not.toContain('JarSealed');
  });

  it('turns into a refusal where the rule now refuses', async () => {
    const sealedFirst = withAppend(log, async (append, stream, expected, events) => {
      if (stream === 'jar-j1') await transact({ log, codec }, sealJar, seal());
      return await append(stream, expected, events);
    });
    const { refusal } = await refusalOf(transact({ log: sealedFirst, codec }, fillJar, fill(1)));
    expect(refusal.type).toBe('jar-sealed');
  });

  it('gives its events ids of their own where its command id was used before in another stream', async () => {
    await transact({ log, codec }, fillJar, fill(3));
    await transact({ log, codec }, fillJar, issued(FillJar, { beans: 3 }, 'j2', { commandId: 'fill-1' }));
    const stored = await all();
    expect(stored.map(({ stream }) => stream)).toEqual(['jar-j1', 'jar-j2']);
    expect(new Set(stored.map(({ id }) => id)).size).toBe(2);
  });

  it('is no conflict with itself: two of the same at once are carried out once', async () => {
    const both = await Promise.all([transact({ log, codec }, fillJar, fill(3)), transact({ log, codec }, fillJar, fill(3))]);
    expect(await typesIn('jar-j1')).toEqual(['JarFilled']);
    expect(both.map((b) => b.revision)).toEqual([0, 0]);
  });
});

describe('a refusal', () => {
  it('of a governed command is on record exactly once, however often it is asked', async () => {
    await transact({ log, codec }, sealJar, seal());
    const first = await refusalOf(transact({ log, codec }, fillJar, fill(5)));
    const second = await refusalOf(transact({ log, codec }, fillJar, fill(5)));
    expect([first.refusal.type, second.refusal.type]).toEqual(['jar-sealed', 'jar-sealed']);
    expect(first.denialPosition).toBe(1n);
    const denied = (await all()).filter((e) => e.type === 'CommandDenied');
    expect(denied).toHaveLength(1);
    expect(denied[0]).toMatchObject({
      stream: denialStream('fill-1'),
      data: {
        command: 'FillJar',
        stream: 'jar-j1',
        about: { jar: 'j1' },
        asked: { beans: 5 },
        refusal: 'jar-sealed',
        kind: 'conflict',
        detail: 'The jar is sealed.',
        reasons: [{ code: 'sealed', detail: 'It was sealed.' }],
      },
      metadata: { actor: 'person-dora', commandId: 'fill-1' },
    });
  });

  it('is on record also where its command id was used before, for another denied command', async () => {
    await transact({ log, codec }, sealJar, seal());
    const first = await refusalOf(transact({ log, codec }, fillJar, fill(5)));
    const other = await refusalOf(transact({ log, codec }, fillJar, fill(6)));
    const again = await refusalOf(transact({ log, codec }, fillJar, fill(6)));
    expect([first, other, again].map(({ denialPosition }) => denialPosition)).toEqual([1n, 2n, 2n]);
    const denied = (await all()).filter((e) => e.type === 'CommandDenied');
    expect(denied.map(({ data }) => (data as { asked: object }).asked)).toEqual([{ beans: 5 }, { beans: 6 }]);
    expect(new Set(denied.map(({ id }) => id)).size).toBe(2);
  });

  it('is another fact than the acceptance that follows where the same command is asked again and nothing speaks against it any more', async () => {
    const notYet = { ...fillJar, decide: (): Decision<JarEvent> => refuse('conflict', 'not-yet', 'Not yet.') };
    await refusalOf(transact({ log, codec }, notYet, fill(5)));
    await transact({ log, codec }, fillJar, fill(5));
    const stored = await all();
    expect(stored.map((e) => e.type)).toEqual(['CommandDenied', 'JarFilled']);
    expect(new Set(stored.map((e) => e.id)).size).toBe(2);
  });

  it('of a command that is not governed leaves nothing', async () => {
    const refused = await refusalOf(transact({ log, codec }, pourJar, fill(1)));
    expect(refused.refusal.type).toBe('never');
    expect(refused.denialPosition).toBeUndefined();
    expect(await all()).toEqual([]);
  });
});

describe('an append without an answer', () => {
  /** Loses the first `times` answers; `stored` says whether the append got through before its answer was lost. */
  function silent(times: number, stored: boolean): { log: EventLog; appends: NewEvent[][] } {
    const appends: NewEvent[][] = [];
    const wrapped = withAppend(log, async (append, stream, expected, events) => {
      appends.push([...events]);
      if (appends.length > times) return await append(stream, expected, events);
      if (stored) await append(stream, expected, events);
      throw new AppendOutcomeUnknown(stream);
    });
    return { log: wrapped, appends };
  }

  it.each([true, false])('is repeated once as it was, and found or stored (stored before: %s)', async (stored) => {
    const { log: quiet, appends } = silent(1, stored);
    const done = await transact({ log: quiet, codec }, fillJar, fill(3));
    expect(done).toMatchObject({ revision: 0, repeated: false });
    expect(appends).toHaveLength(2);
    expect(appends[1]).toEqual(appends[0]);
    expect(await typesIn('jar-j1')).toEqual(['JarFilled']);
    expect(decided).toEqual([0]);
  });

  it('is called unknown where the repeat has no answer either, and the same command finds out later', async () => {
    const { log: quiet } = silent(2, true);
    await expect(transact({ log: quiet, codec }, fillJar, fill(3))).rejects.toThrow(AppendOutcomeUnknown);
    expect(await transact({ log, codec }, fillJar, fill(3))).toMatchObject({ repeated: true, revision: 0 });
    expect(await typesIn('jar-j1')).toEqual(['JarFilled']);
  });

  it('of a denial is repeated too, and the denial is on record once', async () => {
    await transact({ log, codec }, sealJar, seal());
    const { log: quiet } = silent(1, true);
    expect((await refusalOf(transact({ log: quiet, codec }, fillJar, fill(5)))).denialPosition).toBe(1n);
    expect(await typesIn(denialStream('fill-1'))).toEqual(['CommandDenied']);
  });
});

describe('a log that fails', () => {
  it('is not mistaken for a refusal or a success', async () => {
    const broken = withAppend(log, async () => {
      throw new EventLogUnavailable('gone');
    });
    await expect(transact({ log: broken, codec }, fillJar, fill(1))).rejects.toThrow(EventLogUnavailable);
    expect(await all()).toEqual([]);
  });

  it('that can not take a denial does not hide that: the caller hears of the failure, not of a refusal without record', async () => {
    await transact({ log, codec }, sealJar, seal());
    const broken = withAppend(log, async () => {
      throw new EventLogUnavailable('gone');
    });
    await expect(transact({ log: broken, codec }, fillJar, fill(1))).rejects.toThrow(EventLogUnavailable);
  });
});

describe('a stream of which somebody has taken events away', () => {
  /** What a store gives whose stream was truncated by its metadata, or lost rows. */
  const without = (gone: (revision: number) => boolean): EventLog => ({
    ...withAppend(log, (append, ...args) => append(...args)),
    readStream: async (stream, options) => {
      const slice = await log.readStream(stream, options);
      return { ...slice, events: slice.events.filter(({ revision }) => !gone(revision)) };
    },
  });

  it.each([
    ['its beginning', (revision: number) => revision < 2, 'revision 0 to 1'],
    ['its middle', (revision: number) => revision === 1, 'revision 1 to 1'],
  ])('is not decided on: %s', async (_what, gone, named) => {
    await transact({ log, codec }, fillJar, fill(1, 'fill-1'));
    await transact({ log, codec }, fillJar, fill(2, 'fill-2'));
    await transact({ log, codec }, sealJar, seal());
    const before = (await all()).length;
    const work = transact({ log: without(gone), codec }, fillJar, fill(3, 'fill-3'));
    await expect(work).rejects.toThrow(EventsMissing);
    await expect(work).rejects.toThrow(named);
    expect(await all()).toHaveLength(before);
    // As it was, it is decided on: sealed is sealed.
    expect((await refusalOf(transact({ log, codec }, fillJar, fill(3, 'fill-3')))).refusal.type).toBe('jar-sealed');
  });
});

describe('a secret in what is asked', () => {
  const token = `ghp_${'aB3dE5gH7j'.repeat(4).slice(0, 36)}`;
  class LabelJar {
    label: string;
  }
  const labelJar = defineCommand({
    type: LabelJar,
    aggregate: jar,
    decide: (command): Decision<JarEvent> => [{ type: 'JarFilled', data: Object.assign({ beans: 1 }, { label: command.label }) }],
    governed: (command) => ({ jar: command.target, label: command.label }),
  });
  const label = (text: string, person = 'person-dora') => issued(LabelJar, { label: text }, 'j1', { person });

  it('is refused before the rule sees it, and the denial names field and kind alone; without it, the same is stored', async () => {
    const refused = await refusalOf(transact({ log, codec }, labelJar, label(`use ${token}`)));
    expect(refused.refusal).toMatchObject({
      kind: 'meaning',
      type: 'secret-in-payload',
      reasons: [{ code: 'secret-in-payload', detail: 'label: github-token' }],
    });
    const [denial] = await all();
    expect(denial).toMatchObject({ type: 'CommandDenied', data: { asked: { label: 'use [secret removed: github-token]' } } });
    expect(
      JSON.stringify([refused.refusal, (await log.readAll({ after: -1n, maxCount: 9 })).map((e) => [e.data, e.metadata])]),
    ).not.toContain(token);
    await transact({ log, codec }, labelJar, label('use it'));
    expect(await typesIn('jar-j1')).toEqual(['JarFilled']);
  });

  it('is replaced where a program of ours reports it: nobody could send it again', async () => {
    await transact({ log, codec }, labelJar, label(`use ${token}`, 'system:deployer'));
    expect((await log.readStream('jar-j1')).events.map((e) => e.data)).toEqual([{ beans: 1, label: 'use [secret removed: github-token]' }]);
  });
});

describe('text that a person writes', () => {
  type Label = DomainEvent<'JarLabelled', { readonly label: string; readonly by: string }>;
  class LabelJar {
    label: string;
    whose?: string;
  }
  const labels: Aggregate<readonly string[], Label> = {
    category: 'label',
    initial: [],
    evolve: (state, { data }) => [...state, data.label],
  };
  const seen: string[] = [];
  const labelJar = defineCommand({
    type: LabelJar,
    aggregate: labels,
    personal: ['label'],
    about: ({ whose }) => (whose ? [whose] : []),
    decide: ({ label, meta }, state): Decision<Label> => {
      seen.push(label);
      if (state.length > 1) return refuse('conflict', 'jar-full', `There is no room for ${label}.`);
      return state.includes(label) ? [] : [{ type: 'JarLabelled', data: { label, by: meta.actor.person } }];
    },
    governed: () => ({}),
  });
  /** Made-up: what a sealer promises, without its secrecy. */
  const sealer = {
    seal: async (text: string, subjects: readonly string[]) =>
      `{plimsoll-sealed:1:${subjects.join('+')}:${Buffer.from(text).toString('hex')}}`,
  };
  const label = (text: string, commandId = 'label-1', person = 'person-dora', whose?: string) =>
    issued(LabelJar, { label: text, ...(whose ? { whose } : {}) }, 'l1', { commandId, person });
  const stored = async () => JSON.stringify((await log.readAll({ after: -1n, maxCount: 100 })).map((e) => [e.data, e.metadata]));
  const ports = () => ({ log, codec, sealer });
  beforeEach(() => seen.splice(0));

  it('is sealed before the rule sees it, and in all that is stored: the event, the denial with what was asked, and both hashes', async () => {
    await transact(ports(), labelJar, label('Beans of Dora'));
    await transact(ports(), labelJar, label('Peas of Dora', 'label-2', 'person-eve', 'person-dora'));
    const refused = await refusalOf(transact(ports(), labelJar, label('Rice of Dora', 'label-3')));
    expect(seen.every((text) => text.startsWith('{plimsoll-sealed:'))).toBe(true);
    expect(seen[1]).toContain(':person-eve+person-dora:');
    expect(JSON.stringify(refused.refusal)).not.toContain('Dora');
    expect(await stored()).not.toContain('of Dora');
    const hashes = (await log.readAll({ after: -1n, maxCount: 9 })).map((e) => e.metadata.commandHash);
    const plain = ['label-1', 'label-2', 'label-3'].map((id, n) =>
      hashCommand('LabelJar', label(['Beans of Dora', 'Peas of Dora', 'Rice of Dora'][n]!, id)),
    );
    for (const hash of plain) expect(hashes).not.toContain(hash);
  });

  it('is the same command when it comes again, and the same text is nothing new', async () => {
    const first = await transact(ports(), labelJar, label('Beans'));
    expect(await transact(ports(), labelJar, label('Beans'))).toMatchObject({ repeated: true, revision: first.revision });
    expect(await transact(ports(), labelJar, label('Beans', 'label-2'))).toMatchObject({ repeated: true, events: [] });
    expect((await refusalOf(transact(ports(), labelJar, label('Peas')))).refusal.type).toBe('idempotency-key-reused');
  });

  it('of before it was sealed is found again by its own hash', async () => {
    await transact({ log, codec }, labelJar, label('Beans'));
    expect(await transact(ports(), labelJar, label('Beans'))).toMatchObject({ repeated: true });
    expect((await refusalOf(transact(ports(), labelJar, label('Peas')))).refusal.type).toBe('idempotency-key-reused');
  });

  it('is copied as it is by a process, and is no other’s to send', async () => {
    const copied = await sealer.seal('Beans', ['person-dora']);
    await transact(ports(), labelJar, label(copied, 'label-1', 'process:labelling'));
    expect((await log.readStream('label-l1')).events.map((e) => e.data)).toEqual([{ label: copied, by: 'process:labelling' }]);
    expect((await refusalOf(transact(ports(), labelJar, label(copied, 'label-2', 'person-eve')))).refusal.type).toBe('sealed-text');
    // What it passed for is not on record either, where somebody could have it opened.
    const [denial] = (await log.readStream(denialStream('label-2'))).events;
    expect(JSON.stringify(denial?.data)).not.toContain(copied);
    await transact(ports(), labelJar, label(copied, 'label-3', 'system:smoke-runner'));
    expect(((await log.readStream('label-l1')).events.at(-1)?.data as { label: string }).label).toMatch(/^\{not-sealed:/);
  });
});
