import { IsOptional, IsUUID, Matches } from 'class-validator';
import type { DeploymentEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { bypassRefusal, evaluateGates, gatesRefusal, gatesTopic, readJudgedFacts, type GateFacts } from '#libs/policy';
import { deployment, type Deployment } from './deployment.ts';

export class StartDeployment {
  @IsUUID() releaseId: string;
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'environment must be the name of an environment' }) environment: string;
  /** A bypass that was requested for exactly this release, environment, plan and policy. */
  @IsOptional() @IsUUID() bypassId?: string;
}

/** Starts only what every gate of the environment's policy lets pass now; else names every gate that does not, and what would unblock it. */
export function startDeployment(command: Issued<StartDeployment>, state: Deployment, facts: GateFacts): Decision<DeploymentEvent> {
  if (state.status !== 'none') return [];
  const { releaseId, environment, meta, target } = command;
  if (!facts.product) return refuse('not-found', 'release-unknown', `There is no release ${releaseId}.`);
  const bypassed = bypassRefusal(facts, meta.now);
  if (bypassed) return bypassed;
  const deployer = meta.actor.person;
  const receipt = evaluateGates(facts, { deployer, now: meta.now });
  if (receipt.verdict === 'fail' || !facts.plan) return gatesRefusal(receipt, facts);
  return [
    {
      type: 'DeploymentStarted',
      data: {
        deploymentId: target,
        releaseId,
        environment,
        round: 1,
        artifacts: facts.artifacts,
        steps: facts.plan.steps,
        planHash: facts.plan.planHash,
        ...(facts.plan.smoke ? { smoke: facts.plan.smoke } : {}),
        deployer,
        ...(facts.plan.changeClass ? { changeClass: facts.counted?.class ?? facts.plan.changeClass } : {}),
        ...(facts.approval.tuple ? { tuple: facts.approval.tuple } : {}),
        ...(facts.bypass ? { bypassId: facts.bypass.id } : {}),
        receipt,
      },
    },
  ];
}

export const startDeploymentCommand = defineCommand({
  type: StartDeployment,
  aggregate: deployment,
  decide: startDeployment,
  facts: (read, { releaseId, environment, bypassId, meta }) =>
    readJudgedFacts(
      read,
      { releaseId, environment, kind: 'deployment', deployer: meta.actor.person, ...(bypassId ? { bypassId } : {}) },
      meta.now,
    ),
  topic: ({ releaseId, environment }) => gatesTopic(releaseId, environment),
  governed: ({ releaseId, environment, bypassId }) => ({ releaseId, environment, ...(bypassId ? { bypassId } : {}) }),
});
