import { IsInt, IsOptional, IsUUID, Matches, Max, Min } from 'class-validator';
import type { ApprovalEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { readGateFacts, tallyVotes, tupleHashOf, tupleOf, type GateFacts, type QuorumRule } from '#libs/policy';
import { approval, type Approval } from './approval.ts';

export class RequestApproval {
  @IsUUID() releaseId: string;
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'environment must be the name of an environment' }) environment: string;
  /** How long the approval holds, hours; 72 unless told. */
  @IsOptional() @IsInt() @Min(1) @Max(720) validHours?: number;
}

/** Asks for approval of exactly what is planned now: the tuple of principle 3. */
export function requestApproval(command: Issued<RequestApproval>, state: Approval, facts: GateFacts): Decision<ApprovalEvent> {
  const { releaseId, environment, meta } = command;
  if (!facts.product) return refuse('not-found', 'release-unknown', `There is no release ${releaseId}.`);
  if (!facts.environmentClass) return refuse('not-found', 'environment-unknown', `There is no environment ${environment}.`);
  if (!facts.plan)
    return refuse(
      'conflict',
      'not-planned',
      `Release ${releaseId} has no plan for ${environment}: plan it first, an approval binds the plan.`,
    );
  if (facts.policy.version === 0) return refuse('conflict', 'no-policy', `Policy ${facts.policy.id} of ${environment} is not published.`);
  const rule = facts.policy.gates.find((g) => g.gate === 'approved');
  if (!rule) return refuse('conflict', 'approval-not-needed', `Policy ${facts.policy.id} asks for no approval for ${environment}.`);

  const quorumRule: QuorumRule = rule.gate === 'approved' ? rule : { quorum: 1 };
  const asked = {
    quorum: tallyVotes([], quorumRule, {}).needed,
    ...(quorumRule.groups ? { groups: quorumRule.groups } : {}),
  };
  const expiresAt = new Date(Date.parse(meta.now) + (command.validHours ?? 72) * 3_600_000).toISOString();
  const tuple = tupleOf(facts, expiresAt);
  const open = state.outcome === 'open' && state.tuple !== undefined && meta.now < state.tuple.expiresAt;
  // The same contents asked for again while the request is open is the same request.
  if (open && state.tuple && tupleHashOf({ ...tuple, expiresAt: state.tuple.expiresAt }) === state.tupleHash) return [];
  return [
    ...superseded(command, state),
    {
      type: 'ApprovalRequested',
      data: {
        approvalId: command.target,
        releaseId,
        environment,
        round: state.round + 1,
        tuple,
        tupleHash: tupleHashOf(tuple),
        ...asked,
        requester: meta.actor.person,
      },
    },
  ];
}

/** What was asked for before counts no more from here on, and neither do the votes on it: said by an event, beside the newer request. */
function superseded({ target: approvalId, meta }: Issued<RequestApproval>, state: Approval): readonly ApprovalEvent[] {
  const { releaseId, environment, round, outcome, tuple } = state;
  if (outcome !== 'open' || !tuple || !releaseId || !environment) return [];
  const of = { approvalId, releaseId, environment, round };
  return meta.now >= tuple.expiresAt
    ? [{ type: 'ApprovalVoided', data: { ...of, reason: `It expired at ${tuple.expiresAt}.`, because: 'expired' } }]
    : [{ type: 'ApprovalVoided', data: { ...of, reason: `Request ${round + 1} supersedes it.`, because: 'superseded' } }];
}

export const requestApprovalCommand = defineCommand({
  type: RequestApproval,
  aggregate: approval,
  decide: requestApproval,
  facts: (read, command) => readGateFacts(read, command.releaseId, command.environment, command.meta.now),
  governed: ({ target, releaseId, environment }) => ({ approvalId: target, releaseId, environment }),
});
