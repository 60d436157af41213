import type { CommandBus } from '@nestjs/cqrs';
import { plimsollCodec, type PlannedStep } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import type { Drivers, StepOutcome, StepRun } from '#libs/deployers';
import {
  load,
  NO_STREAM,
  transact,
  WrongExpectedRevision,
  type AnyCommandDefinition,
  type EventLog,
  type Issued,
  type StoredEvent,
} from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { testEvent } from '#libs/event-sourcing/testing';
import type { deployment } from '../deployment/deployment.ts';
import { leaseStepCommand, renewStepLeaseCommand, reportStepCommand } from '../deployment/run-step.ts';
import { Deployer } from './deployer.ts';

const definitions: readonly AnyCommandDefinition[] = [leaseStepCommand, renewStepLeaseCommand, reportStepCommand];
const of = { deploymentId: 'd1', releaseId: 'r1', environment: 'production' };
const step = (id: string, ...dependsOn: string[]): PlannedStep => ({
  id,
  driver: 'test',
  action: id,
  input: {},
  dependsOn: dependsOn.map((s) => ({ step: s, onFailure: 'halt' })),
});
const done = (outcome: StepOutcome['outcome'] = 'succeeded'): StepOutcome => ({
  outcome,
  summary: outcome,
  logDigest: '0'.repeat(64),
  logTail: '',
  durationMs: 1,
});

/**
 * A deployment that is confirmed, a log, and deployers on it with a driver of the test's own and a clock that it may turn.
 *
 * @param contended how often somebody else is quicker with an append, by the type of event
 */
async function world(
  steps: readonly PlannedStep[],
  run: (run: StepRun, signal: AbortSignal) => Promise<StepOutcome>,
  { contended = {}, leaseSeconds = 15 }: { contended?: Record<string, number>; leaseSeconds?: number } = {},
) {
  const log = new MemoryEventLog();
  const codec = plimsollCodec();
  await log.append('deployment-d1', NO_STREAM, [
    testEvent(0, {
      type: 'DeploymentStarted',
      data: { ...of, round: 1, artifacts: [], steps, planHash: 'p', deployer: 'dan', receipt: {} },
    }),
    testEvent(1, { type: 'DeploymentConfirmed', data: { ...of, receipt: {}, fencingBase: 7000 } }),
  ]);
  let now = Date.parse('2026-03-02T10:00:00.000Z');
  const taken: StepRun[] = [];
  const paused: number[] = [];
  const crowded = Object.create(log, {
    append: {
      value: async (...[stream, expected, events]: Parameters<EventLog['append']>) => {
        const type = events[0]?.type ?? '';
        const left = contended[type] ?? 0;
        if (left === 0) return await log.append(stream, expected, events);
        contended[type] = left - 1;
        throw new WrongExpectedRevision(stream, expected, expected + 1);
      },
    },
  }) as EventLog;
  const commands = {
    execute: (command: Issued<object>) =>
      transact(
        { log: crowded, codec },
        definitions.find((d) => command instanceof d.type)!,
        command,
      ),
  } as unknown as CommandBus;
  const aggregates = { load: (aggregate: typeof deployment, id: string) => load(log, codec, aggregate, id) } as unknown as Aggregates;
  const drivers: Drivers = {
    names: ['test'],
    run: (_driver, stepRun, signal) => {
      taken.push(stepRun);
      return run(stepRun, signal);
    },
  };
  const errors: unknown[] = [];
  const deployer = (): Deployer =>
    new Deployer({
      commands,
      aggregates,
      drivers,
      leaseSeconds,
      clock: () => new Date(now),
      pause: async (ms) => void paused.push(ms),
      onError: (e) => errors.push(e),
    });
  const events = async (...types: string[]): Promise<readonly StoredEvent[]> =>
    (await log.readStream('deployment-d1')).events.filter((e) => types.includes(e.type));
  return { deployer, events, taken, paused, errors, later: (seconds: number) => (now += seconds * 1000) };
}

const running = (): AbortSignal => new AbortController().signal;

describe('a deployer', () => {
  it('takes every step of a graph once, in order, to the end', async () => {
    const { deployer, events, taken, errors } = await world([step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')], async () =>
      done(),
    );
    const one = deployer();
    await one.advance('d1', running());
    await one.settled();
    expect(taken.map((t) => t.step)).toEqual(['a', 'b', 'c', 'd']);
    expect(await events('DeploymentSucceeded')).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  it('gives drivers one fencing token for a whole round: steps side by side do not fence each other off', async () => {
    const { deployer, taken } = await world([step('a'), step('b'), step('c', 'a', 'b')], async () => done());
    const one = deployer();
    await one.advance('d1', running());
    await one.settled();
    expect(taken.map((t) => t.fencingToken)).toEqual([7000, 7000, 7000]);
  });

  it('shares a deployment with another one without doing a thing twice', async () => {
    const steps = Array.from({ length: 12 }, (_, i) => step(`s${i}`));
    const { deployer, events, taken } = await world(steps, async () => done());
    const both = [deployer(), deployer()];
    for (let i = 0; i < 20; i++) {
      await Promise.all(both.map((d) => d.advance('d1', running())));
      await Promise.all(both.map((d) => d.settled()));
    }
    expect(taken.map((t) => t.step).sort()).toEqual(steps.map((s) => s.id).sort());
    expect(await events('StepSucceeded')).toHaveLength(12);
    expect(await events('DeploymentSucceeded')).toHaveLength(1);
  });

  it('is replaced when it dies: the same step under the same key; its late report changes nothing', async () => {
    let late: (outcome: StepOutcome) => void = () => undefined;
    const { deployer, events, taken, later } = await world([step('a')], () =>
      taken.length === 1 ? new Promise<StepOutcome>((resolve) => (late = resolve)) : Promise.resolve(done()),
    );
    const first = deployer();
    await first.advance('d1', running());
    const second = deployer();
    await second.advance('d1', running());
    expect(taken).toHaveLength(1);
    later(15);
    await second.advance('d1', running());
    await second.settled();
    expect(taken[1]?.idempotencyKey).toBe(taken[0]?.idempotencyKey);
    expect((await events('StepLeased')).map((e) => (e.data as { fencingToken: number }).fencingToken)).toEqual([7001, 7002]);
    late(done('failed'));
    await first.settled();
    expect(await events('StepSucceeded', 'StepFailed')).toHaveLength(1);
    expect(await events('DeploymentSucceeded')).toHaveLength(1);
  });

  it('does not take what nobody knows for success or failure: the step is taken again when its lease has run out, at most five times', async () => {
    const { deployer, events, taken, later } = await world([step('a')], async () => done('unknown'));
    const one = deployer();
    for (let i = 0; i < 8; i++) {
      await one.advance('d1', running());
      await one.settled();
      later(15);
    }
    expect(taken).toHaveLength(5);
    expect(new Set(taken.map((t) => t.idempotencyKey)).size).toBe(1);
    expect(await events('DeploymentFailed')).toHaveLength(1);
  });

  it('reports a step all the same that others were quicker to append to every time', async () => {
    const { deployer, events, taken, paused, errors } = await world([step('a')], async () => done(), {
      contended: { StepLeased: 5, StepSucceeded: 9 },
    });
    const one = deployer();
    await one.advance('d1', running());
    await one.settled();
    expect(taken).toHaveLength(1);
    expect(await events('StepSucceeded')).toHaveLength(1);
    expect(await events('DeploymentSucceeded')).toHaveLength(1);
    // Four decisions each: the lease was sent twice, the report three times.
    expect(paused).toHaveLength(3);
    expect(errors).toEqual([]);
  });

  it('sends a report so many times and no more, and says what kept it', async () => {
    const { deployer, events, taken, paused, errors, later } = await world([step('a')], async () => done(), {
      contended: { StepSucceeded: 24 },
    });
    const one = deployer();
    await one.advance('d1', running());
    await one.settled();
    expect(await events('StepSucceeded')).toHaveLength(0);
    expect(paused).toHaveLength(5);
    expect(errors).toMatchObject([{ refusal: { type: 'too-much-contention' } }]);
    later(15);
    await one.advance('d1', running());
    await one.settled();
    expect(await events('StepSucceeded')).toHaveLength(1);
    expect(taken[1]?.idempotencyKey).toBe(taken[0]?.idempotencyKey);
  });

  /** A step that takes until its lease was renewed, unless it is told to stop. */
  const untilRenewed =
    (events: () => Promise<readonly StoredEvent[]>) =>
    async (_run: StepRun, signal: AbortSignal): Promise<StepOutcome> => {
      for (const deadline = Date.now() + 5000; Date.now() < deadline && !signal.aborted; await new Promise((r) => setTimeout(r, 5)))
        if ((await events()).length > 0) return done();
      return done('unknown');
    };

  it('goes on with a step whose lease could not be renewed at once in a crowd', async () => {
    const { deployer, events, errors } = await world(
      [step('a')],
      (run, signal) => untilRenewed(() => events('StepLeaseRenewed'))(run, signal),
      {
        contended: { StepLeaseRenewed: 6 },
        leaseSeconds: 1,
      },
    );
    const one = deployer();
    await one.advance('d1', running());
    await one.settled();
    expect(await events('StepLeaseRenewed')).not.toEqual([]);
    expect(await events('StepSucceeded')).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  it('gives up a step whose lease somebody else has taken', async () => {
    const { deployer, events, taken, later } = await world(
      [step('a')],
      (run, signal) => (taken.length === 1 ? untilRenewed(async () => [])(run, signal) : Promise.resolve(done())),
      { leaseSeconds: 1 },
    );
    const first = deployer();
    await first.advance('d1', running());
    later(1);
    const second = deployer();
    await second.advance('d1', running());
    await Promise.all([first.settled(), second.settled()]);
    expect((await events('StepSucceeded')).map((e) => (e.data as { fencingToken: number }).fencingToken)).toEqual([7002]);
  });

  it('gives up its steps when it is told to stop, and reports nothing of them', async () => {
    const { deployer, events } = await world(
      [step('a')],
      (_run, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(done('unknown')))),
    );
    const stop = new AbortController();
    const one = deployer();
    const ran = one.run(async () => ['d1'], 10, stop.signal);
    for (const deadline = Date.now() + 5000; (await events('StepLeased')).length === 0 && Date.now() < deadline;)
      await new Promise((r) => setTimeout(r, 5));
    stop.abort();
    await ran;
    expect(await events('StepLeased')).toHaveLength(1);
    expect(await events('StepSucceeded', 'StepFailed')).toHaveLength(0);
  });
});
