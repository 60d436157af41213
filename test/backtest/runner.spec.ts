import type { BacktestEvent, GateRule } from '#libs/contracts';
import { EventLogUnavailable, type EventLog, type StoredEvent } from '#libs/event-sourcing';
import { BacktestRunner, type BacktestRunnerOptions } from '../../src/governance/backtest/backtest-runner.ts';
import { cancelBacktestCommand, requestBacktestCommand } from '../../src/governance/backtest/request-backtest.ts';
import { backtestPorts } from '../support/backtest-ports.ts';
import { GovernedLog } from '../support/governed-log.ts';

const gates: readonly GateRule[] = [{ gate: 'artifacts-registered' }];
const rollbackGates: readonly GateRule[] = [{ gate: 'rollback-target-ran' }];
const PERIOD = { from: '2026-03-01T00:00:00Z', to: '2026-04-01T00:00:00Z' };
const DECISIONS = 12;

/** An event of a backtest, each type with its own data. */
type Told = BacktestEvent & StoredEvent;

/** A process of ours, as far as backtests go. */
const runner = (world: GovernedLog, log: EventLog = world.log, more: Partial<BacktestRunnerOptions> = {}): BacktestRunner =>
  new BacktestRunner({ ...backtestPorts(log), batch: 10, ...more });

/** The log, with something that happens before a batch of it is read. */
function watched(log: EventLog, before: (batch: number) => Promise<void> | void): EventLog {
  let batches = 0;
  return Object.assign(Object.create(log) as EventLog, {
    readAll: async (options: Parameters<EventLog['readAll']>[0]) => {
      await before(++batches);
      return await log.readAll(options);
    },
  });
}

const lease = (token: bigint, stop = new AbortController()) => ({ token, signal: stop.signal });

describe('the runner of backtests', () => {
  let world: GovernedLog;
  let requested: readonly StoredEvent[];

  const streamOf = async (id = 'b'): Promise<readonly Told[]> => (await world.log.readStream(`backtest-${id}`)).events as readonly Told[];
  const typesOf = async (id = 'b'): Promise<readonly string[]> =>
    (await streamOf(id))
      .map((e) => (e.type === 'BacktestStarted' ? `${e.type} ${e.data.run}` : e.type))
      .filter((t) => t !== 'BacktestProgressed');
  const resultOf = async (id = 'b'): Promise<unknown> => {
    const last = (await streamOf(id)).at(-1);
    return last?.type === 'BacktestCompleted' ? last.data.result : undefined;
  };
  const request = async (id: string): Promise<readonly StoredEvent[]> => {
    const draft = { gates: [...gates, { gate: 'expression:odd', expression: 'release.product.endsWith("1")' }], rollbackGates };
    await world.do(requestBacktestCommand, id, { policyId: 'bank', draft, ...PERIOD }, 'max');
    return await streamOf(id);
  };
  const decide = async (n: number): Promise<void> => {
    await world.start(await world.release(`svc-${n}`, 'production'), 'production');
  };

  beforeEach(async () => {
    world = new GovernedLog();
    await world.publish('bank', { gates, rollbackGates });
    await world.environment('production', 'bank');
    for (let n = 0; n < DECISIONS; n++) await decide(n);
    requested = await request('b');
  });

  it('tells how far it is, and what it found; given the request once more, it does nothing', async () => {
    await runner(world).handle(requested, lease(1n));
    const events = await streamOf();
    expect(await typesOf()).toEqual(['BacktestRequested', 'BacktestStarted 1', 'BacktestCompleted']);
    const progress = events.filter((e) => e.type === 'BacktestProgressed').map((e) => e.data.percent);
    expect(progress.length).toBeGreaterThan(2);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    // svc-1 and svc-11.
    expect(await resultOf()).toMatchObject({
      decisions: DECISIONS,
      deployments: { accepted: { letThrough: { count: 2 }, blocked: { count: DECISIONS - 2, 'under-way': DECISIONS - 2 } } },
    });
    await runner(world).handle(requested, lease(2n));
    expect(await streamOf()).toHaveLength(events.length);
  });

  it('that is stopped begins anew where it is started again, says so, and comes to the same result', async () => {
    const undisturbed = await request('undisturbed');
    await runner(world).handle(undisturbed, lease(1n));
    const stop = new AbortController();
    const stopping = watched(world.log, (batch) => (batch === 3 ? stop.abort() : undefined));
    await expect(runner(world, stopping).handle(requested, lease(1n, stop))).rejects.toThrow('abort');
    expect(await typesOf()).toEqual(['BacktestRequested', 'BacktestStarted 1']);
    // What is decided meanwhile is not in it.
    await decide(21);
    await runner(world).handle(requested, lease(2n));
    expect(await typesOf()).toEqual(['BacktestRequested', 'BacktestStarted 1', 'BacktestStarted 2', 'BacktestCompleted']);
    expect(await resultOf()).toEqual(await resultOf('undisturbed'));
  });

  it('leaves it to the next run where the log is away for a while, and does not call that a failure', async () => {
    const away = watched(world.log, (batch) => {
      if (batch === 2) throw new EventLogUnavailable('The log is away.');
    });
    await expect(runner(world, away).handle(requested, lease(1n))).rejects.toThrow('away');
    await runner(world).handle(requested, lease(2n));
    expect(await typesOf()).toEqual(['BacktestRequested', 'BacktestStarted 1', 'BacktestStarted 2', 'BacktestCompleted']);
  });

  it.each([1, 2, 3, 4, 5])('of a process that has lost its lease says nothing any more, from its batch %i on', async (batch) => {
    let after = 0;
    const overtaken = watched(world.log, async (n) => {
      if (n === batch) await runner(world).handle(requested, lease(2n));
      if (n === batch) after = (await streamOf()).length;
    });
    await runner(world, overtaken).handle(requested, lease(1n));
    const completed = (await streamOf()).filter((e) => e.type === 'BacktestCompleted');
    expect(completed).toMatchObject([{ data: { run: 2 } }]);
    expect(await streamOf()).toHaveLength(after);
  });

  it('stops when it is cancelled, before and while it runs, and reads no further', async () => {
    let last = 0;
    const cancelling = watched(world.log, async (batch) => {
      last = batch;
      if (batch === 3) await world.do(cancelBacktestCommand, 'b', { reason: 'The draft was wrong.' }, 'max');
    });
    await runner(world, cancelling).handle(requested, lease(1n));
    expect(await typesOf()).toEqual(['BacktestRequested', 'BacktestStarted 1', 'BacktestCancelled']);
    expect(last).toBeLessThanOrEqual(4);
    const early = await request('early');
    await world.do(cancelBacktestCommand, 'early', { reason: 'The draft was wrong.' }, 'max');
    await runner(world).handle(early, lease(2n));
    expect(await typesOf('early')).toEqual(['BacktestRequested', 'BacktestCancelled']);
  });

  it('says why it could not be done, and goes on with the next', async () => {
    const next = await request('next');
    await runner(world, world.log, { maxDecisions: DECISIONS - 1 }).handle(requested, lease(1n));
    expect((await streamOf()).at(-1)).toMatchObject({
      type: 'BacktestFailed',
      data: { run: 1, reason: `More than ${DECISIONS - 1} decisions lie in the period: name a shorter one.` },
    });
    await runner(world, world.log, { maxDecisions: DECISIONS }).handle(next, lease(1n));
    expect(await typesOf('next')).toEqual(['BacktestRequested', 'BacktestStarted 1', 'BacktestCompleted']);
  });
});
