import type { CommandBus } from '@nestjs/cqrs';
import type { SmokeCheckResult, SmokeRunEvent, SmokeSuite } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { derivedId, issue, RefusedError, type CommandMeta, type StoredEvent } from '#libs/event-sourcing';
import { runSmoke } from '#libs/evidence';
import { isTransient } from '#libs/subscriptions';
import { ReportSmokeRun } from './run-smoke.ts';
import { smokeRun } from './smoke-run.ts';

type Started = Extract<SmokeRunEvent, { type: 'SmokeRunStarted' }>;

export interface SmokeRunnerOptions {
  readonly commands: CommandBus;
  readonly aggregates: Aggregates;
  readonly clock: () => Date;
  /** Host names and addresses that may be asked. */
  readonly hosts: readonly string[];
}

const ACTOR = { person: 'system:smoke-runner', principal: 'plimsoll|system:smoke-runner', roles: [] };
/** Longest run of one suite, milliseconds; what was not asked by then is inconclusive. */
const LONGEST_MS = 60_000;

/** What was planned as a suite, before plans were checked for it, may be none: its run fails and says so, and the runs after it go on. */
const NO_SUITE: SmokeCheckResult = {
  name: 'suite',
  outcome: 'inconclusive',
  detail: 'What was planned as the smoke suite is none: it has no baseUrl and no list of checks. Plan the release anew, with a suite.',
  durationMs: 0,
};

function isSuite(suite: Partial<SmokeSuite> | undefined): suite is SmokeSuite {
  return typeof suite?.baseUrl === 'string' && Array.isArray(suite.checks) && suite.checks.every(isCheck);
}

function isCheck(check: Partial<SmokeSuite['checks'][number]> | null): boolean {
  return typeof check?.name === 'string' && typeof check.path === 'string';
}

/** Runs the suites that have been started, over HTTP, and reports what was seen. Run again after a crash, it reports once. */
export class SmokeRunner {
  constructor(private readonly options: SmokeRunnerOptions) {}

  /** Handles a batch of the log: the suites in it are run side by side. */
  async handle(events: readonly StoredEvent[]): Promise<void> {
    await Promise.all(events.filter((e) => e.type === 'SmokeRunStarted').map((e) => this.run(e as StoredEvent<Started>)));
  }

  private async run({ id, data }: StoredEvent<Started>): Promise<void> {
    const { smokeRunId, deploymentId, suite } = data;
    const { status, deadline = '' } = (await this.options.aggregates.load(smokeRun, smokeRunId)).state;
    const left = Date.parse(deadline) - this.options.clock().getTime();
    if (status !== 'running' || left <= 0) return;
    const { checks, observedDigest } = isSuite(suite)
      ? await runSmoke(suite.baseUrl, suite.checks, {
          allow: ({ hostname }) => this.options.hosts.includes(hostname.replace(/^\[|\]$/g, '')),
          deadlineMs: Math.min(LONGEST_MS, left),
        })
      : { checks: [NO_SUITE], observedDigest: undefined };
    const report = Object.assign(new ReportSmokeRun(), { checks, ...(observedDigest ? { observedDigest } : {}) });
    const meta: CommandMeta = {
      commandId: derivedId('smoke-report', id),
      actor: ACTOR,
      correlationId: deploymentId,
      causationId: id,
      now: this.options.clock().toISOString(),
    };
    try {
      await this.options.commands.execute(issue(report, smokeRunId, meta));
    } catch (error) {
      // Too late, or reported before with other timings: the run has its outcome already.
      if (!(error instanceof RefusedError) || isTransient(error)) throw error;
    }
  }
}
