import { setImmediate as breathe } from 'node:timers/promises';
import type { CommandBus } from '@nestjs/cqrs';
import type { BacktestEvent } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { BEFORE_ALL, derivedId, issue, type CommandMeta, type EventCodec, type EventLog, type StoredEvent } from '#libs/event-sourcing';
import { MAX_DECISIONS, PolicyBacktest } from '#libs/policy';
import { isTransient, repeatedly, type BatchContext } from '#libs/subscriptions';
import { backtest } from './backtest.ts';
import { ReportBacktest } from './report-backtest.ts';
import { StartBacktest } from './start-backtest.ts';

type Requested = StoredEvent<Extract<BacktestEvent, { type: 'BacktestRequested' }>>;

export interface BacktestRunnerOptions {
  readonly commands: CommandBus;
  readonly aggregates: Aggregates;
  readonly log: EventLog;
  readonly codec: EventCodec;
  readonly clock: () => Date;
  /** Events that are read at once; between them it looks whether it was cancelled. 2,000 unless told. */
  readonly batch?: number;
  /** Most decisions of one backtest; `MAX_DECISIONS` unless told. */
  readonly maxDecisions?: number;
}

/** The subscription whose lease keeps runners of all processes apart. */
export const BACKTEST_SUBSCRIPTION = 'runner:backtests';
const ACTOR = { person: 'system:backtest', principal: 'plimsoll|system:backtest', roles: [] };
const PROGRESS_STEP_PERCENT = 5;
/** How long others wait for their turn, milliseconds. */
const SLICE_MS = 10;

/**
 * Runs the backtests that were requested, one after the other, from the log itself. The lease of the subscription that calls it keeps it
 * alone, and its fencing token is in every run: a process that has lost its lease is not heard any more. The subscription goes on only
 * when a backtest has ended: what is interrupted begins anew as another run, which says so, and ends with the same result.
 */
export class BacktestRunner {
  constructor(private readonly options: BacktestRunnerOptions) {}

  async handle(events: readonly StoredEvent[], context: Pick<BatchContext, 'token' | 'signal'>): Promise<void> {
    for (const event of events) {
      if (event.type === 'BacktestRequested') await this.run(event as Requested, context);
    }
  }

  private async run(requested: Requested, { token, signal }: Pick<BatchContext, 'token' | 'signal'>): Promise<void> {
    const { log, codec, batch = 2000, maxDecisions = MAX_DECISIONS } = this.options;
    const run = await this.start(requested, token, signal);
    if (!run) return;
    const { upTo } = run;
    const readStream = async (stream: string): Promise<readonly StoredEvent[]> => (await log.readStream(stream)).events;
    const test = new PolicyBacktest(requested.data, { codec, readStream, maxDecisions });
    const read = async (after: bigint): Promise<readonly StoredEvent[]> =>
      after < upTo ? (await log.readAll({ after, maxCount: batch })).filter((event) => event.position <= upTo) : [];
    let told = 0;
    let events = await read(BEFORE_ALL);
    while (events.length > 0) {
      // Whoever holds the lease next begins anew; whoever has cancelled it does not want to wait.
      signal.throwIfAborted();
      if (!(await this.goesOn(requested, run.number))) return;
      const after = events.at(-1)?.position ?? upTo;
      const next = read(after);
      // It is awaited below, unless what is at hand ends the run: then nobody is interested in it.
      next.catch(() => undefined);
      try {
        await judge(test, events, signal);
      } catch (error) {
        if (signal.aborted || isTransient(error)) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        return await this.report(requested, run.number, signal, 'failed', { failed: reason.slice(0, 2000) });
      }
      const percent = Math.floor(Number((after * 100n) / (upTo || 1n)));
      if (percent >= told + PROGRESS_STEP_PERCENT && after < upTo) {
        told = percent;
        await this.report(requested, run.number, signal, `${percent}`, { events: test.events, decisions: test.decisions, percent });
      }
      events = await next;
    }
    signal.throwIfAborted();
    await this.report(requested, run.number, signal, 'completed', { result: test.result() });
  }

  /** Undefined where it has ended, or somebody with a newer lease runs it. */
  private async start(
    requested: Requested,
    token: bigint,
    signal: AbortSignal,
  ): Promise<{ readonly number: number; readonly upTo: bigint } | undefined> {
    const { aggregates, commands, log } = this.options;
    const { backtestId } = requested.data;
    const { status } = (await aggregates.load(backtest, backtestId)).state;
    if (status !== 'requested' && status !== 'running') return undefined;
    const command = Object.assign(new StartBacktest(), { upTo: String(await log.head()), token: String(token) });
    await repeatedly(
      () => commands.execute(issue(command, backtestId, this.meta(requested, 'start', command.token, command.upTo))),
      signal,
    );
    const { state } = await aggregates.load(backtest, backtestId);
    return state.status === 'running' && state.token === command.token && state.upTo !== undefined
      ? { number: state.run, upTo: BigInt(state.upTo) }
      : undefined;
  }

  private async goesOn({ data }: Requested, run: number): Promise<boolean> {
    const { state } = await this.options.aggregates.load(backtest, data.backtestId);
    return state.status === 'running' && state.run === run;
  }

  /** Sent again where it met a crowd: a run that is interrupted begins anew. */
  private async report(
    requested: Requested,
    run: number,
    signal: AbortSignal,
    what: string,
    report: ReportBacktest['report'],
  ): Promise<void> {
    const command = Object.assign(new ReportBacktest(), { run, report });
    const { backtestId } = requested.data;
    await repeatedly(() => this.options.commands.execute(issue(command, backtestId, this.meta(requested, String(run), what))), signal);
  }

  private meta({ id, data }: Requested, ...what: readonly string[]): CommandMeta {
    return {
      commandId: derivedId('backtest', id, ...what),
      actor: ACTOR,
      correlationId: data.backtestId,
      causationId: id,
      now: this.options.clock().toISOString(),
    };
  }
}

/** It is long work: everything else in this process gets its turn between decisions. */
async function judge(test: PolicyBacktest, events: readonly StoredEvent[], signal: AbortSignal): Promise<void> {
  let began = performance.now();
  for (const event of events) {
    await test.add(event);
    if (performance.now() - began < SLICE_MS) continue;
    await breathe();
    signal.throwIfAborted();
    began = performance.now();
  }
}
