import { Pool } from 'pg';
import type { BacktestEvent, BacktestResult } from '#libs/contracts';
import { derivedId, issue, type StoredEvent } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { metaOf } from '#libs/event-sourcing/testing';
import { bootName, runSubscription } from '#libs/subscriptions';
import { BACKTEST_SUBSCRIPTION, BacktestRunner } from '../../src/governance/backtest/backtest-runner.ts';
import { CancelBacktest, RequestBacktest } from '../../src/governance/backtest/request-backtest.ts';
import { backtestPorts } from '../support/backtest-ports.ts';
import { freshDatabase, type FreshDatabase } from '../support/database.ts';
import { appendDecisions, generatedDecisions, plantedIn, SIX_GATES } from '../support/generated-decisions.ts';
import { eventually } from '../support/running-app.ts';

type Told = BacktestEvent & StoredEvent;
const DECISIONS = 600;
const EVER = { from: '2020-01-01T00:00:00Z', to: '2120-01-01T00:00:00Z' };

/** Two processes on one Postgres, with nothing in them but the runner, under the leases of its subscription. */
describe('backtests in two processes', () => {
  let database: FreshDatabase;
  let log: PostgresEventLog;
  let pool: Pool;
  let id: string;
  let serial = 0;
  const running = new Set<() => Promise<void>>();

  /** Reads in small batches and looks at the database before each: there is time to disturb it. */
  const start = (name: string): (() => Promise<void>) => {
    const stop = new AbortController();
    const own = new Pool({ connectionString: database.url, max: 4, application_name: bootName(name) });
    own.on('error', () => undefined);
    const runner = new BacktestRunner({ ...backtestPorts(log), batch: 50 });
    const handle = { external: runner.handle.bind(runner) };
    const ended = runSubscription({ name: BACKTEST_SUBSCRIPTION, log, pool: own, handle, signal: stop.signal, pollMs: 20 });
    const end = async (): Promise<void> => {
      running.delete(end);
      stop.abort();
      await ended;
      await own.end();
    };
    running.add(end);
    return end;
  };
  const streamOf = async (): Promise<readonly Told[]> => (await log.readStream(`backtest-${id}`)).events as readonly Told[];
  const there = (type: BacktestEvent['type']): Promise<true> =>
    eventually(type, async () => ((await streamOf()).some((e) => e.type === type) ? true : undefined), 60_000);
  const runsOf = async (): Promise<readonly number[]> =>
    (await streamOf()).flatMap((e) => (e.type === 'BacktestStarted' ? [e.data.run] : []));
  const found = ({ decisions, deployments: { accepted, denied } }: BacktestResult) => ({
    decisions,
    blocked: accepted.blocked.count,
    failed: accepted.letThrough.failed,
    denied: denied.blocked,
  });
  const resultOf = async (): Promise<unknown> => {
    const last = (await streamOf()).filter((e) => e.type === 'BacktestCompleted');
    expect(last).toHaveLength(1);
    return last[0]?.type === 'BacktestCompleted' && found(last[0].data.result);
  };

  beforeAll(async () => {
    database = await freshDatabase();
    log = new PostgresEventLog({ url: database.url });
    pool = new Pool({ connectionString: database.url, max: 2 });
    pool.on('error', () => undefined);
    for (const events of generatedDecisions(DECISIONS)) await appendDecisions(log, events);
  }, 60_000);
  beforeEach(async () => {
    id = derivedId('two-processes', String(serial++));
    const draft = { gates: SIX_GATES, rollbackGates: [{ gate: 'rollback-target-ran' }] };
    const command = Object.assign(new RequestBacktest(), { policyId: 'bank', draft, ...EVER });
    await backtestPorts(log).commands.execute(issue(command, id, metaOf({ commandId: id })));
  });
  afterEach(async () => {
    for (const end of [...running]) await end();
  });
  afterAll(async () => {
    await pool.end();
    await log.close();
    await database.drop();
  });

  it('are run by one of them', async () => {
    start('first');
    start('second');
    await there('BacktestCompleted');
    expect(await runsOf()).toEqual([1]);
    expect(await resultOf()).toEqual(plantedIn(DECISIONS));
  }, 90_000);

  it('go to the other one where the first stops: another run, on record, with the whole result', async () => {
    const stop = start('first');
    await there('BacktestProgressed');
    start('second');
    await stop();
    await there('BacktestCompleted');
    expect(await runsOf()).toEqual([1, 2]);
    expect(await resultOf()).toEqual(plantedIn(DECISIONS));
  }, 90_000);

  it('go to the other one where the first loses its lease and does not know: it is not heard', async () => {
    start('first');
    await there('BacktestStarted');
    await pool.query('update subscription set holder = $2, lease_until = clock_timestamp() where name = $1', [
      BACKTEST_SUBSCRIPTION,
      'nobody',
    ]);
    start('second');
    await there('BacktestCompleted');
    const events = await streamOf();
    const last = Math.max(...(await runsOf()));
    expect(last).toBeGreaterThan(1);
    expect(events.at(-1)).toMatchObject({ type: 'BacktestCompleted', data: { run: last } });
    // Nothing of an older run comes after a newer one has begun.
    const order = events.flatMap((e) => ('run' in e.data ? [e.data.run] : []));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(await resultOf()).toEqual(plantedIn(DECISIONS));
  }, 90_000);

  it('end where they are cancelled', async () => {
    start('first');
    await there('BacktestStarted');
    const command = Object.assign(new CancelBacktest(), { reason: 'The draft was wrong.' });
    await backtestPorts(log).commands.execute(issue(command, id, metaOf({ commandId: derivedId('cancel', id) })));
    // The subscription goes on to the end of the log: nothing comes any more.
    const head = await log.head();
    await eventually('the subscription at the end', async () => {
      const { rows } = await pool.query<{ position: string }>('select position from subscription where name = $1', [BACKTEST_SUBSCRIPTION]);
      return BigInt(rows[0]?.position ?? -1) >= head ? true : undefined;
    });
    expect((await streamOf()).at(-1)?.type).toBe('BacktestCancelled');
  }, 90_000);
});
