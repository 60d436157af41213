import { IsString, MaxLength } from 'class-validator';
import type { DeploymentEvent } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { evaluateGates, letsPass, readJudgedFacts, type GateFacts } from '#libs/policy';
import { changedSince } from './changed-since.ts';
import { deployment, type Deployment } from './deployment.ts';

export class ConfirmDeployment {}

export class HaltDeployment {
  @IsString() @MaxLength(2000) reason: string;
}

export interface ConfirmFacts {
  readonly now?: GateFacts;
}

/**
 * The gates once more at the moment of effect, with the environment reserved: what was revoked, amended or republished
 * between the start and now stops it here, before anything has run.
 */
export function confirmDeployment(command: Issued<ConfirmDeployment>, state: Deployment, facts: ConfirmFacts): Decision<DeploymentEvent> {
  const { releaseId, environment, deployer, deployedBefore, round } = state;
  if (state.status !== 'started' || !facts.now || !releaseId || !environment || !deployer) return [];
  const request = { deployer, deployedBefore, now: command.meta.now };
  const receipt = evaluateGates(facts.now, request, state.rollbackOf ? 'rollback' : 'deployment');
  const of = { deploymentId: command.target, releaseId, environment };
  const changed = changedSince(state, facts.now);
  if (changed) return [{ type: 'DeploymentHalted', data: { ...of, round, reason: changed, receipt } }];
  if (receipt.verdict === 'fail') {
    const failing = receipt.gates.filter((g) => !letsPass(g)).map((g) => `${g.gate}: ${g.detail}`);
    return [{ type: 'DeploymentHalted', data: { ...of, round, reason: failing.join(' '), receipt } }];
  }
  return [{ type: 'DeploymentConfirmed', data: { ...of, receipt, fencingBase: fencingBaseOf(facts.now.refs.environment) } }];
}

/** Room for the leases of one reservation. */
const TOKENS_PER_RESERVATION = 1_000_000;

/** The environment's revision rises with every reservation; `ref` is its `stream@revision`. */
function fencingBaseOf(ref: string): number {
  return Math.max(0, Number(ref.slice(ref.lastIndexOf('@') + 1))) * TOKENS_PER_RESERVATION;
}

/** Stops a deployment of which nothing has run. */
export function haltDeployment(command: Issued<HaltDeployment>, state: Deployment): Decision<DeploymentEvent> {
  const { releaseId, environment, round } = state;
  if (state.status !== 'started' || !releaseId || !environment) return [];
  return [{ type: 'DeploymentHalted', data: { deploymentId: command.target, releaseId, environment, round, reason: command.reason } }];
}

export const confirmDeploymentCommand = defineCommand({
  type: ConfirmDeployment,
  aggregate: deployment,
  decide: confirmDeployment,
  facts: async (read, { meta }, { releaseId, environment, deployer, rollbackOf, bypassId }): Promise<ConfirmFacts> => {
    if (!releaseId || !environment || !deployer) return {};
    const kind = rollbackOf ? 'rollback' : 'deployment';
    return { now: await readJudgedFacts(read, { releaseId, environment, kind, deployer, ...(bypassId ? { bypassId } : {}) }, meta.now) };
  },
});

export const haltDeploymentCommand = defineCommand({
  type: HaltDeployment,
  personal: ['reason'],
  aggregate: deployment,
  decide: haltDeployment,
});
