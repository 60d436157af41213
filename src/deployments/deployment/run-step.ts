import { IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import type { DeploymentEvent, KeptRecord } from '#libs/contracts';
import { defineCommand, own, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { evaluateGates, letsPass, readJudgedFacts, type GateFacts } from '#libs/policy';
import { deployment, type Deployment } from './deployment.ts';
import { schedule } from './schedule.ts';

export class LeaseStep {
  @IsString() @MaxLength(63) step: string;
  @IsBoolean() compensating: boolean;
  /** Who will run it: one process of one deployer. */
  @IsString() @MaxLength(200) holder: string;
  @IsInt() @Min(1) @Max(3600) leaseSeconds: number;
}

export class RenewStepLease {
  @IsString() @MaxLength(63) step: string;
  @IsInt() @Min(1) fencingToken: number;
  @IsInt() @Min(1) @Max(3600) leaseSeconds: number;
}

export class ReportStep {
  @IsString() @MaxLength(63) step: string;
  @IsInt() @Min(1) fencingToken: number;
  @IsIn(['succeeded', 'failed']) outcome: 'succeeded' | 'failed';
  @IsString() @MaxLength(4096) summary: string;
  @Matches(/^[0-9a-f]{64}$/, { message: 'logDigest must be a SHA-256 in hex' }) logDigest: string;
  @IsInt() @Min(0) durationMs: number;
  @IsOptional() output?: unknown;
  /** The log, where it was kept whole. */
  @IsOptional() @IsObject() kept?: KeptRecord;
}

export interface LeaseFacts {
  /** There until the first step of a round is leased. */
  readonly beforeFirst?: GateFacts;
}

/**
 * Gives a ready step to one deployer, with a fencing token higher than any before it. A lease that ran out is given on.
 *
 * The first step asks the calendars once more. The confirmation has read them before it was appended; a freeze may have come between. What
 * is read here was read after, so that every freeze which the log has before the confirmation is seen, and none of its steps runs.
 */
export function leaseStep(command: Issued<LeaseStep>, state: Deployment, { beforeFirst }: LeaseFacts = {}): Decision<DeploymentEvent> {
  const { step, compensating, holder, leaseSeconds, meta, target } = command;
  const { releaseId = '', environment = '' } = state;
  const ready = schedule(state, meta.now).ready.find((r) => r.step === step && r.compensating === compensating);
  if (!ready) return refuse('conflict', 'step-not-ready', `Step ${step} can't be leased: it is done, under way or waits for others.`);
  if (beforeFirst && !state.underWay) {
    const { deployer = '', deployedBefore, rollbackOf, round, changeClass: startedAs } = state;
    // The receipt says of every gate how it is now; what was decided on is the calendars.
    const request = { deployer, deployedBefore, now: meta.now, startedAs };
    const receipt = evaluateGates(beforeFirst, request, rollbackOf ? 'rollback' : 'deployment');
    const frozen = receipt.gates.find((g) => g.gate === 'not-frozen' && !letsPass(g));
    if (frozen) {
      const reason = ['Frozen before its first step.', frozen.detail, frozen.unblockedBy].filter(Boolean).join(' ');
      return [{ type: 'DeploymentHalted', data: { deploymentId: target, releaseId, environment, round, reason, receipt } }];
    }
  }
  return [
    {
      type: 'StepLeased',
      data: {
        deploymentId: target,
        releaseId,
        environment,
        step,
        attempt: ready.attempt,
        holder,
        fencingToken: state.fencingToken + 1,
        leasedUntil: later(meta.now, leaseSeconds),
        compensating,
      },
    },
  ];
}

export function renewStepLease(command: Issued<RenewStepLease>, state: Deployment): Decision<DeploymentEvent> {
  const { step, fencingToken, leaseSeconds, meta, target } = command;
  const { releaseId = '', environment = '' } = state;
  const held = heldBy(state, step, fencingToken);
  if (!held) return fencedOff(step, fencingToken);
  return [
    {
      type: 'StepLeaseRenewed',
      data: { deploymentId: target, releaseId, environment, step, fencingToken, leasedUntil: later(meta.now, leaseSeconds) },
    },
  ];
}

/** Only the newest lease may report; the last report also ends the deployment. */
export function reportStep(command: Issued<ReportStep>, state: Deployment): Decision<DeploymentEvent> {
  const { step, fencingToken, outcome, summary, logDigest, durationMs, output, kept, meta, target } = command;
  const { releaseId = '', environment = '' } = state;
  const of = { deploymentId: target, releaseId, environment };
  const settled = [own(state.steps, step), own(state.compensations, step)].find(
    (s) => s?.fencingToken === fencingToken && s.status !== 'leased',
  );
  if (settled?.status === outcome) return [];
  const held = heldBy(state, step, fencingToken);
  if (!held) return fencedOff(step, fencingToken);

  const reported: DeploymentEvent = {
    type: outcome === 'succeeded' ? 'StepSucceeded' : 'StepFailed',
    data: {
      ...of,
      step,
      attempt: held.attempt,
      fencingToken,
      compensating: held.compensating,
      summary,
      logDigest,
      durationMs,
      ...(output === undefined ? {} : { output }),
      ...(kept === undefined ? {} : { kept }),
    },
  };
  const after = deployment.evolve(state, reported);
  const { end } = schedule(after, meta.now);
  if (!end) return [reported];
  const { round, rollbackOf, artifacts, smoke } = state;
  const ended: DeploymentEvent =
    end.outcome === 'succeeded'
      ? {
          type: 'DeploymentSucceeded',
          data: { ...of, round, artifacts, ...(rollbackOf ? { rollbackOf } : {}), ...(smoke ? { smoke } : {}) },
        }
      : {
          type: 'DeploymentFailed',
          data: { ...of, round, failedSteps: end.failedSteps, compensated: end.compensated, ...(rollbackOf ? { rollbackOf } : {}) },
        };
  return [reported, ended];
}

function heldBy(state: Deployment, step: string, fencingToken: number): { attempt: number; compensating: boolean } | undefined {
  const compensation = own(state.compensations, step);
  if (compensation?.status === 'leased' && compensation.fencingToken === fencingToken)
    return { attempt: compensation.attempt, compensating: true };
  const forward = own(state.steps, step);
  if (forward?.status === 'leased' && forward.fencingToken === fencingToken) return { attempt: forward.attempt, compensating: false };
  return undefined;
}

function fencedOff(step: string, fencingToken: number): ReturnType<typeof refuse> {
  return refuse('conflict', 'fenced-off', `Lease ${fencingToken} of step ${step} is not the newest one: somebody else has taken over.`);
}

function later(now: string, seconds: number): string {
  return new Date(Date.parse(now) + seconds * 1000).toISOString();
}

export const leaseStepCommand = defineCommand({
  type: LeaseStep,
  aggregate: deployment,
  decide: leaseStep,
  facts: async (read, { meta }, { releaseId, environment, deployer, rollbackOf, bypassId, underWay }): Promise<LeaseFacts> => {
    if (!releaseId || !environment || !deployer || underWay) return {};
    const kind = rollbackOf ? 'rollback' : 'deployment';
    const subject = { releaseId, environment, kind, deployer, ...(bypassId ? { bypassId } : {}) } as const;
    return { beforeFirst: await readJudgedFacts(read, subject, meta.now) };
  },
});
export const renewStepLeaseCommand = defineCommand({ type: RenewStepLease, aggregate: deployment, decide: renewStepLease });
export const reportStepCommand = defineCommand({ type: ReportStep, aggregate: deployment, decide: reportStep });
