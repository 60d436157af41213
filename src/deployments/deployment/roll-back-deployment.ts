import { IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type DeploymentEvent, type EnvironmentEvent } from '#libs/contracts';
import { defineCommand, refuse, type Aggregate, type Decision, type Issued, type ReadAggregate } from '#libs/event-sourcing';
import { evaluateGates, gatesRefusal, readJudgedFacts, type GateFacts } from '#libs/policy';
import { deployment, type Deployment } from './deployment.ts';

export class RollBackDeployment {
  /** The deployment to withdraw. */
  @IsUUID() deploymentId: string;
  @IsString() @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

export interface RollbackFacts {
  readonly withdrawn: Deployment;
  /** The release that ran before; absent where there is none. */
  readonly targetReleaseId?: string;
  readonly gates?: GateFacts;
}

/** A rollback is a new deployment of the release that ran before, with gates of its own (principle 9). */
export function rollBackDeployment(
  command: Issued<RollBackDeployment>,
  state: Deployment,
  facts: RollbackFacts,
): Decision<DeploymentEvent> {
  if (state.status !== 'none') return [];
  const { withdrawn, targetReleaseId, gates } = facts;
  const { deploymentId, reason, meta, target } = command;
  if (!withdrawn.releaseId || !withdrawn.environment)
    return refuse('not-found', 'deployment-unknown', `There is no deployment ${deploymentId}.`);
  if (withdrawn.status === 'started' || withdrawn.status === 'running') {
    return refuse(
      'conflict',
      'deployment-under-way',
      `Deployment ${deploymentId} is still under way: it can be rolled back when it has ended.`,
    );
  }
  if (!targetReleaseId || !gates) {
    return refuse(
      'conflict',
      'no-rollback-target',
      `No other release ran in ${withdrawn.environment} before: there is nothing to go back to.`,
      [
        {
          code: 'no-rollback-target',
          detail: 'A rollback needs a release that ran there with success.',
          unblockedBy: 'Fix forward with a new release.',
        },
      ],
    );
  }
  const deployer = meta.actor.person;
  const receipt = evaluateGates(gates, { deployer, now: meta.now }, 'rollback');
  if (receipt.verdict === 'fail' || !gates.plan) return gatesRefusal(receipt, gates);
  return [
    {
      type: 'DeploymentStarted',
      data: {
        deploymentId: target,
        releaseId: targetReleaseId,
        environment: withdrawn.environment,
        round: 1,
        artifacts: gates.artifacts,
        steps: gates.plan.steps,
        planHash: gates.plan.planHash,
        ...(gates.plan.smoke ? { smoke: gates.plan.smoke } : {}),
        deployer,
        rollbackOf: { deploymentId, releaseId: withdrawn.releaseId, reason },
        receipt,
      },
    },
  ];
}

/** Releases that ran in an environment with success, in order, without repeats. */
const releasesThatRan: Aggregate<readonly string[], EnvironmentEvent> = {
  category: 'environment',
  initial: [],
  evolve: (ran, { type, data }) =>
    type === 'EnvironmentFreed' && data.outcome === 'succeeded' ? [...ran.filter((id) => id !== data.releaseId), data.releaseId] : ran,
};

async function rollbackFacts(read: ReadAggregate, command: Issued<RollBackDeployment>): Promise<RollbackFacts> {
  const withdrawn = (await read(deployment, command.deploymentId)).state;
  if (!withdrawn.environment) return { withdrawn };
  const ran = (await read(releasesThatRan, withdrawn.environment)).state;
  const targetReleaseId = ran.filter((id) => id !== withdrawn.releaseId).at(-1);
  if (!targetReleaseId) return { withdrawn };
  const { actor, now } = command.meta;
  const subject = { releaseId: targetReleaseId, environment: withdrawn.environment, kind: 'rollback', deployer: actor.person } as const;
  return { withdrawn, targetReleaseId, gates: await readJudgedFacts(read, subject, now) };
}

export const rollBackDeploymentCommand = defineCommand({
  type: RollBackDeployment,
  personal: ['reason'],
  aggregate: deployment,
  decide: rollBackDeployment,
  facts: rollbackFacts,
  governed: ({ deploymentId }, _state, { withdrawn }) => ({
    deploymentId,
    ...(withdrawn.releaseId ? { releaseId: withdrawn.releaseId } : {}),
    ...(withdrawn.environment ? { environment: withdrawn.environment } : {}),
  }),
});
