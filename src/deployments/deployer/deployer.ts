import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { CommandBus } from '@nestjs/cqrs';
import type { RecordStore } from '#libs/archive';
import type { KeptRecord } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import type { Drivers, StepOutcome } from '#libs/deployers';
import { derivedId, issue, RefusedError, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { stepLogRecordId } from '#libs/retention';
import { isTransient, pause, repeatedly } from '#libs/subscriptions';
import { deployment, type Deployment } from '../deployment/deployment.ts';
import { LeaseStep, RenewStepLease, ReportStep } from '../deployment/run-step.ts';
import { schedule, type ReadyStep } from '../deployment/schedule.ts';

/** After so many tries whose outcome nobody knows, a step counts as failed. */
const MOST_ATTEMPTS = 5;
const ACTOR = { person: 'system:deployer', principal: 'plimsoll|system:deployer', roles: [] };

export interface DeployerOptions {
  readonly commands: CommandBus;
  readonly aggregates: Aggregates;
  readonly drivers: Drivers;
  readonly leaseSeconds: number;
  /** Where logs are kept whole. */
  readonly records?: RecordStore;
  readonly clock: () => Date;
  /** Waits between two tries of a command; real time unless told. */
  readonly pause?: typeof pause;
  readonly onError: (error: unknown) => void;
}

/**
 * Runs ready steps through drivers. Any number of deployers may work side by side: the deployment's own stream gives each step to one of
 * them, and takes the report of the newest lease only. A deployer that dies leaves its lease to run out; the next one takes the same
 * step under the same idempotency key, and only the report of its newer lease counts.
 */
export class Deployer {
  /** One process of one machine, this time that it runs. */
  readonly holder = `${hostname()}/${process.pid}/${randomUUID()}`;
  private readonly underWay = new Set<Promise<void>>();

  constructor(private readonly options: DeployerOptions) {}

  /**
   * Looks for ready steps until `signal` says stop, then waits for the steps under way, which are given up. Never rejects.
   *
   * @param open ids of deployments that may have something to do
   */
  async run(open: () => Promise<readonly string[]>, tickMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const deploymentId of await open()) await this.advance(deploymentId, signal).catch(this.options.onError);
      } catch (error) {
        this.options.onError(error);
      }
      await pause(tickMs, signal);
    }
    await this.settled();
  }

  /** Leases whatever is ready in a deployment and begins it; resolves when everything is begun, not when it is done. */
  async advance(deploymentId: string, signal: AbortSignal): Promise<void> {
    const { state } = await this.options.aggregates.load(deployment, deploymentId);
    for (const ready of schedule(state, this.now()).ready) {
      if (signal.aborted) return;
      const fencingToken = await this.lease(deploymentId, ready, signal);
      if (fencingToken === undefined) continue;
      const running = this.take(deploymentId, state, ready, fencingToken, signal).catch(this.options.onError);
      this.underWay.add(running);
      void running.finally(() => this.underWay.delete(running));
    }
  }

  /** Resolves when no step of this deployer is under way. */
  async settled(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  /** The fencing token, or undefined where another deployer was quicker. */
  private async lease(deploymentId: string, ready: ReadyStep, signal: AbortSignal): Promise<number | undefined> {
    const command = Object.assign(new LeaseStep(), {
      step: ready.step,
      compensating: ready.compensating,
      holder: this.holder,
      leaseSeconds: this.options.leaseSeconds,
    });
    const leased = await this.send(command, deploymentId, randomUUID(), signal);
    return (leased?.events[0]?.data as { fencingToken: number } | undefined)?.fencingToken;
  }

  private async take(
    deploymentId: string,
    { round, siteToken }: Pick<Deployment, 'round' | 'siteToken'>,
    ready: ReadyStep,
    fencingToken: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { step, compensating, attempt, action } = ready;
    const lost = new AbortController();
    const renewal = setInterval(
      () => void this.renew(deploymentId, step, fencingToken, lost, signal).catch(this.options.onError),
      (this.options.leaseSeconds * 1000) / 3,
    );
    let outcome: StepOutcome;
    try {
      outcome = await this.options.drivers.run(
        action.driver,
        {
          deploymentId,
          step,
          attempt,
          // A resumed deployment takes its failed steps anew; within a round it is the same step, whoever takes it.
          idempotencyKey: derivedId('step', deploymentId, String(round), step, compensating ? 'compensate' : 'run'),
          // Steps that run side by side must not fence each other off: a lease's own token is for its report.
          fencingToken: siteToken,
          action: action.action,
          input: action.input,
        },
        AbortSignal.any([signal, lost.signal]),
      );
    } finally {
      clearInterval(renewal);
    }
    const { summary, logDigest, durationMs, output } = outcome;
    const { records } = this.options;
    // What nobody knows is not reported: the lease runs out, and the step is taken again under the same key.
    if (outcome.outcome === 'unknown' && (attempt < MOST_ATTEMPTS || signal.aborted || lost.signal.aborted)) return;
    const report = Object.assign(new ReportStep(), {
      step,
      fencingToken,
      outcome: outcome.outcome === 'succeeded' ? 'succeeded' : 'failed',
      summary,
      logDigest,
      durationMs: Math.round(durationMs),
      ...(output === undefined ? {} : { output }),
      ...(records && outcome.log ? await this.keep(records, stepLogRecordId(deploymentId, step, fencingToken), outcome.log) : {}),
    } as const);
    await this.send(report, deploymentId, derivedId('step-report', deploymentId, step, String(fencingToken)), signal);
    await this.advance(deploymentId, signal);
  }

  /** A log that can't be kept keeps no step from being reported: its digest and its end are on record all the same. */
  private async keep(records: RecordStore, recordId: string, log: string): Promise<{ readonly kept?: KeptRecord }> {
    try {
      const { sha256, bytes } = await records.put(recordId, Buffer.from(log));
      return { kept: { recordId, sha256, bytes } };
    } catch (error) {
      this.options.onError(error);
      return {};
    }
  }

  private async renew(deploymentId: string, step: string, fencingToken: number, lost: AbortController, signal: AbortSignal): Promise<void> {
    const command = Object.assign(new RenewStepLease(), { step, fencingToken, leaseSeconds: this.options.leaseSeconds });
    if (!(await this.send(command, deploymentId, randomUUID(), signal))) lost.abort();
  }

  /**
   * Undefined where the deployment refuses: somebody else was quicker or has taken over. A crowd at its stream, or a log that does not
   * answer, is no refusal: the command is sent again under its id.
   */
  private async send(command: object, deploymentId: string, commandId: string, signal: AbortSignal): Promise<Transacted | undefined> {
    const once = async (): Promise<Transacted> => {
      const meta: CommandMeta = { commandId, actor: ACTOR, correlationId: deploymentId, causationId: this.holder, now: this.now() };
      return await this.options.commands.execute(issue(command, deploymentId, meta));
    };
    try {
      return await repeatedly(once, signal, this.options.pause);
    } catch (error) {
      if (error instanceof RefusedError && !isTransient(error)) return undefined;
      throw error;
    }
  }

  private now(): string {
    return this.options.clock().toISOString();
  }
}
