import { join } from 'node:path';
import { plimsollCodec, type BacktestResult, type GateRule, type PolicyDraft } from '#libs/contracts';
import { derivedId, issue, streamName, type StoredEvent } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { evaluateGates, PolicyBacktest, readJudgedFacts } from '#libs/policy';
import { backtest } from '../../src/governance/backtest/backtest.ts';
import { BacktestRunner } from '../../src/governance/backtest/backtest-runner.ts';
import { RequestBacktest } from '../../src/governance/backtest/request-backtest.ts';
import { backtestPorts } from '../support/backtest-ports.ts';
import { appendDecisions, ENVIRONMENT, FIRST_DECISION, generatedDecisions, plantedIn, SIX_GATES } from '../support/generated-decisions.ts';
import { ownCpuSeconds } from './cpu.ts';
import { startDatabase, withClient } from './database.ts';
import { figure, type BenchOptions, type BenchReport, type Figure } from './report.ts';

const PERIOD = { from: '2026-01-01T00:00:00.000Z', to: '2030-01-01T00:00:00.000Z' };

/** Nothing was decided then. */
const BEFORE = { from: '2025-01-01T00:00:00.000Z', to: '2025-01-02T00:00:00.000Z' };

const DRAFTS: Readonly<Record<string, readonly GateRule[]>> = {
  'six gates, one of them in CEL': SIX_GATES,
  'seven gates, two of them in CEL': [
    ...SIX_GATES,
    { gate: 'expression:own', expression: 'artifacts.count < 9 && "unit" in tests.passed && approvals.count >= 2' },
  ],
};
const draftOf = (gates: readonly GateRule[]): PolicyDraft => ({ gates, rollbackGates: [{ gate: 'rollback-target-ran' }], clauses: [] });

/** A draft policy on generated decisions: each of a release of its own, with artifact, version, plan, report and two approvals. */
export async function backtestBench(folder: string, { quick, progress }: BenchOptions): Promise<BenchReport> {
  const [rounds, decisions, stored] = quick ? [1, 5_000, 1_000] : [3, 100_000, 20_000];
  const figures: Figure[] = [];
  let events = 0;
  for (const [name, gates] of Object.entries(DRAFTS)) {
    const spent: Spent[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`backtest, ${name}, round ${round + 1} of ${rounds}`);
      const draft = draftOf(gates);
      const test = new PolicyBacktest({ policyId: 'bank', draft, ...PERIOD }, { readStream: nothing });
      const following = new PolicyBacktest({ policyId: 'bank', draft, ...BEFORE }, { readStream: nothing });
      spent.push(await sideBySide(test, following, decisions));
      events = test.events;
      mustBeRight(test.result(), decisions);
    }
    const rate = (of: (round: Spent) => number): number[] => spent.map((round) => (decisions / of(round)) * 1000);
    const goal = { atLeast: 5000 };
    figures.push(
      figure(
        `backtest, ${name}`,
        'decisions/s',
        rate((round) => round.wallMs),
        goal,
      ),
      figure(
        `backtest, ${name}, of one core’s time`,
        'decisions/s',
        rate((round) => round.cpuMs),
        goal,
      ),
      figure(
        `backtest, ${name}, beside following the same log and judging nothing`,
        '×',
        spent.map((round) => round.cpuMs / round.followingCpuMs),
      ),
    );
  }
  figures.push(await fromPostgres(folder, stored, rounds, progress));
  figures.push(figure('a live decision with one gate in CEL, in its worker, p50', 'ms', [await evaluationsOf(quick ? 500 : 5000)]));
  return {
    bench: `Policy backtest: a draft on ${decisions.toLocaleString('en-US')} decisions of the past`,
    figures,
    notes: [
      `${decisions} decisions in ${events} events, which are made while the clock stands; every result is checked against what was generated`,
      `from Postgres: ${stored} decisions, from the request to the result, as the product's runner does it: with reading, leases and progress`,
    ],
  };
}

/** What a round took, milliseconds; `cpu` is processor time of the process with its helpers, which neighbours hardly change. */
interface Spent {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly followingCpuMs: number;
}

/** Both are given the same events, chunk by chunk in turns. Making them does not count. */
async function sideBySide(test: PolicyBacktest, following: PolicyBacktest, decisions: number): Promise<Spent> {
  let [wallMs, cpuMs, followingCpuMs] = [0, 0, 0];
  for (const chunk of generatedDecisions(decisions)) {
    const began = performance.now();
    const before = process.cpuUsage();
    for (const event of chunk) await test.add(event);
    cpuMs += ownCpuSeconds(before) * 1000;
    wallMs += performance.now() - began;
    const between = process.cpuUsage();
    for (const event of chunk) await following.add(event);
    followingCpuMs += ownCpuSeconds(between) * 1000;
  }
  return { wallMs, cpuMs, followingCpuMs };
}

const nothing = (): readonly StoredEvent[] => [];

/** Fast and wrong would be of no use. */
function mustBeRight({ decisions, deployments }: BacktestResult, generated: number): void {
  const wanted = plantedIn(generated);
  const { blocked, letThrough } = deployments.accepted;
  const found = { decisions, blocked: blocked.count, failed: letThrough.failed, denied: deployments.denied.blocked };
  if (JSON.stringify(wanted) !== JSON.stringify(found)) throw new Error(`It is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}.`);
}

/** The product's own runner on the embedded Postgres. */
async function fromPostgres(folder: string, decisions: number, rounds: number, progress: BenchOptions['progress']): Promise<Figure> {
  const database = await startDatabase(join(folder, 'backtest'));
  const log = new PostgresEventLog({ url: database.url });
  try {
    progress(`backtest, appending ${decisions} decisions`);
    for (const chunk of generatedDecisions(decisions)) await appendDecisions(log, chunk);
    await withClient(database.url, (client) => client.query('vacuum analyze event_log.events'));
    const ports = backtestPorts(log);
    const runner = new BacktestRunner(ports);
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`backtest, from Postgres, round ${round + 1} of ${rounds}`);
      const id = derivedId('bench-backtest', String(round));
      const actor = { person: 'max', principal: 'test|max', roles: [] };
      const meta = { commandId: id, actor, correlationId: id, causationId: id, now: '2029-01-01T00:00:00.000Z' };
      const asked = { policyId: 'bank', draft: draftOf(SIX_GATES), ...PERIOD };
      await ports.commands.execute(issue(Object.assign(new RequestBacktest(), asked), id, meta));
      const { events } = await log.readStream(streamName('backtest', id));
      const began = performance.now();
      await runner.handle(events, { token: 1n, signal: new AbortController().signal });
      rates.push((decisions / (performance.now() - began)) * 1000);
      const { result } = (await ports.aggregates.load(backtest, id)).state;
      if (!result) throw new Error('The backtest did not complete.');
      mustBeRight(result, decisions);
    }
    return figure('backtest, six gates, from the embedded Postgres', 'decisions/s', rates);
  } finally {
    await log.close();
    await database.stop();
  }
}

/** What the worker adds to a live decision: facts are read from nothing, so that it alone counts. */
async function evaluationsOf(count: number): Promise<number> {
  const times: number[] = [];
  const codec = plimsollCodec();
  const history = [...generatedDecisions(1)].flat();
  const at = FIRST_DECISION;
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    const facts = await readJudgedFacts(
      async (aggregate, id) => {
        const stream = streamName(aggregate.category, id);
        const events = history.filter((e) => e.stream === stream).map((e) => codec.upcast(e));
        const state = events.reduce((s, e) => aggregate.evolve(s, e as never), aggregate.initial);
        const revision = events.length - 1;
        return { id, stream, state, revision, exists: revision >= 0, ref: `${stream}@${revision}`, events };
      },
      { releaseId: 'release-0', environment: ENVIRONMENT, kind: 'deployment', deployer: 'dan' },
      at,
    );
    evaluateGates(facts, { deployer: 'dan', now: at });
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}
