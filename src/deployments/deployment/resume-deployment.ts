import { IsString, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type DeploymentEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { bypassRefusal, evaluateGates, gatesRefusal, readJudgedFacts, type GateFacts } from '#libs/policy';
import { changedSince } from './changed-since.ts';
import { deployedBefore, deployment, type Deployment } from './deployment.ts';

export class ResumeDeployment {
  @IsString() @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

export interface ResumeFacts {
  /** Absent where there is nothing to resume. */
  readonly gates?: GateFacts;
}

/**
 * Failed steps, and the ones that compensation has undone, are tried again; what holds is left alone. Whoever resumes deploys: every gate has to
 * let that person pass now, under the bypass that it was started with where there was one; and once more before anything runs.
 */
export function resumeDeployment(command: Issued<ResumeDeployment>, state: Deployment, { gates }: ResumeFacts): Decision<DeploymentEvent> {
  const { releaseId, environment } = state;
  const { meta, target, reason } = command;
  if (!releaseId || !environment || !gates) return refuse('not-found', 'deployment-unknown', `There is no deployment ${target}.`);
  if (state.status === 'started' || state.status === 'running') return [];
  if (state.status === 'succeeded')
    return refuse('conflict', 'deployment-succeeded', 'This deployment has succeeded: there is nothing to resume.');
  const changed = changedSince(state, gates);
  if (changed) {
    return refuse('conflict', 'release-changed', `${changed} What failed can not be resumed as something else.`, [
      { code: 'release-changed', detail: changed, evidence: [gates.refs.release], unblockedBy: 'Start a new deployment of the release.' },
    ]);
  }
  const bypassed = bypassRefusal(gates, meta.now);
  if (bypassed) return bypassed;
  const deployer = meta.actor.person;
  const receipt = evaluateGates(
    gates,
    { deployer, deployedBefore: deployedBefore(state, deployer), now: meta.now },
    state.rollbackOf ? 'rollback' : 'deployment',
  );
  if (receipt.verdict === 'fail') return gatesRefusal(receipt, gates);
  const undone = Object.entries(state.compensations).flatMap(([id, c]) => (c.status === 'succeeded' ? [id] : []));
  const failed = Object.entries(state.steps).flatMap(([id, s]) => (s.status === 'failed' ? [id] : []));
  return [
    {
      type: 'DeploymentResumed',
      data: {
        deploymentId: target,
        releaseId,
        environment,
        steps: [...new Set([...failed, ...undone])].sort(),
        reason,
        round: state.round + 1,
        deployer,
        ...(state.bypassId ? { bypassId: state.bypassId } : {}),
        receipt,
      },
    },
  ];
}

export const resumeDeploymentCommand = defineCommand({
  type: ResumeDeployment,
  personal: ['reason'],
  aggregate: deployment,
  decide: resumeDeployment,
  facts: async (read, { meta }, { releaseId, environment, rollbackOf, bypassId }): Promise<ResumeFacts> => {
    if (!releaseId || !environment) return {};
    const kind = rollbackOf ? 'rollback' : 'deployment';
    const subject = { releaseId, environment, kind, deployer: meta.actor.person, ...(bypassId ? { bypassId } : {}) } as const;
    return { gates: await readJudgedFacts(read, subject, meta.now) };
  },
  governed: ({ target }, { releaseId, environment, bypassId }) => ({
    deploymentId: target,
    ...(releaseId ? { releaseId } : {}),
    ...(environment ? { environment } : {}),
    ...(bypassId ? { bypassId } : {}),
  }),
});
