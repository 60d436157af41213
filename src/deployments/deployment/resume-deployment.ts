import { IsString, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type DeploymentEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { deployment, type Deployment } from './deployment.ts';

export class ResumeDeployment {
  @IsString() @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

/** Failed steps, and the ones that compensation has undone, are tried again; what holds is left alone. The gates are checked anew before anything runs. */
export function resumeDeployment(command: Issued<ResumeDeployment>, state: Deployment): Decision<DeploymentEvent> {
  const { releaseId, environment } = state;
  if (!releaseId || !environment) return refuse('not-found', 'deployment-unknown', `There is no deployment ${command.target}.`);
  if (state.status === 'started' || state.status === 'running') return [];
  if (state.status === 'succeeded')
    return refuse('conflict', 'deployment-succeeded', 'This deployment has succeeded: there is nothing to resume.');
  const undone = Object.entries(state.compensations).flatMap(([id, c]) => (c.status === 'succeeded' ? [id] : []));
  const failed = Object.entries(state.steps).flatMap(([id, s]) => (s.status === 'failed' ? [id] : []));
  return [
    {
      type: 'DeploymentResumed',
      data: {
        deploymentId: command.target,
        releaseId,
        environment,
        steps: [...new Set([...failed, ...undone])].sort(),
        reason: command.reason,
        round: state.round + 1,
      },
    },
  ];
}

export const resumeDeploymentCommand = defineCommand({
  type: ResumeDeployment,
  personal: ['reason'],
  aggregate: deployment,
  decide: resumeDeployment,
  governed: (_command, state) => ({ ...(state.releaseId ? { releaseId: state.releaseId } : {}) }),
});
