import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type ApprovalEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type ReadAggregate, type Refusal } from '#libs/event-sourcing';
import { mayTakeDuty } from '#libs/identity';
import {
  countingMembers,
  dutiesOf,
  eligibleApprovers,
  groupsOf,
  mayCount,
  readGateFacts,
  separationRules,
  tupleDifferences,
  unblockedByApproval,
  type GateFacts,
} from '#libs/policy';
import { aboutApproval, approval, type Approval } from './approval.ts';

export class GrantApproval {
  /** The tuple that the approver has seen: what is approved is named, not assumed. */
  @Matches(/^[0-9a-f]{64}$/, { message: 'tupleHash must be the SHA-256 (hex) of the tuple that you approve, as the approval shows it' })
  tupleHash: string;
  @IsOptional() @IsString() @MaxLength(2000) comment?: string;
}

export class RejectApproval {
  @Matches(/^[0-9a-f]{64}$/, { message: 'tupleHash must be the SHA-256 (hex) of the tuple that you reject, as the approval shows it' })
  tupleHash: string;
  @IsString() @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

export interface VoteFacts {
  /** What is there now for this release and environment; absent where no approval was requested. */
  readonly now?: GateFacts;
}

/**
 * One person, one vote, on exactly what is there now; never by who wrote, committed, requested, tested or will deploy it, or published its
 * policy (principles 3 and 4).
 */
export function grantApproval(command: Issued<GrantApproval>, state: Approval, facts: VoteFacts): Decision<ApprovalEvent> {
  const person = command.meta.actor.person;
  const closed = refuseClosed(command, state, facts);
  if (closed) return closed;
  if (state.approvers.includes(person)) return [];
  const duty = mayTakeDuty(person, 'approver', facts.now ? dutiesOf(facts.now) : [], separationRules(facts.now?.policy.gates ?? []));
  if (duty !== 'ok')
    return refuse('duty', 'duties-not-separated', 'You hold another duty for this release: somebody else must approve it.', [duty]);
  const rule = { quorum: state.quorum, ...(state.groups ? { groups: state.groups } : {}) };
  const members = facts.now ? countingMembers(facts.now) : {};
  if (facts.now && !mayCount(person, rule, members)) {
    return refuse('duty', 'not-in-approving-group', `Only members of ${rule.groups?.map((g) => g.group).join(', ')} approve this.`, [
      {
        code: 'not-in-approving-group',
        detail: 'You are in none of these groups at present.',
        evidence: Object.values(facts.now.refs.groups ?? {}),
        unblockedBy: unblockedByApproval(eligibleApprovers(facts.now, rule)),
      },
    ]);
  }
  const { releaseId = '', environment = '', round, tupleHash = '' } = state;
  return [
    {
      type: 'ApprovalGranted',
      data: {
        approvalId: command.target,
        releaseId,
        environment,
        round,
        person,
        tupleHash,
        ...(command.comment ? { comment: command.comment } : {}),
        ...(rule.groups ? { groups: groupsOf(person, rule, members) } : {}),
      },
    },
  ];
}

/** Anyone who may approve may reject, and one rejection closes the round. */
export function rejectApproval(command: Issued<RejectApproval>, state: Approval, facts: VoteFacts): Decision<ApprovalEvent> {
  if (state.outcome === 'rejected' && state.tupleHash === command.tupleHash) return [];
  const closed = refuseClosed(command, state, facts);
  if (closed) return closed;
  const { releaseId = '', environment = '', round, tupleHash = '' } = state;
  return [
    {
      type: 'ApprovalRejected',
      data: {
        approvalId: command.target,
        releaseId,
        environment,
        round,
        person: command.meta.actor.person,
        tupleHash,
        reason: command.reason,
      },
    },
  ];
}

function refuseClosed(command: Issued<{ tupleHash: string }>, state: Approval, facts: VoteFacts): Refusal | undefined {
  const { tuple } = state;
  if (!tuple || !facts.now) return refuse('not-found', 'approval-unknown', `No approval ${command.target} was requested.`);
  if (state.outcome !== 'open' && state.outcome !== 'expired')
    return refuse('conflict', 'approval-not-open', `The approval was ${state.outcome}. Request a new one.`);
  if (state.outcome === 'expired' || command.meta.now >= tuple.expiresAt)
    return refuse('conflict', 'approval-expired', `The request expired at ${tuple.expiresAt}. Request a new one.`);
  const differences = tupleDifferences(tuple, facts.now);
  if (command.tupleHash !== state.tupleHash || differences.length > 0) {
    return refuse('conflict', 'tuple-changed', 'What you would vote on is not what is there now: look at it again.', [
      ...differences.map((detail) => ({
        code: 'tuple-changed',
        detail,
        evidence: evidenceOf(facts),
        unblockedBy: 'Request a new approval.',
      })),
      ...(command.tupleHash === state.tupleHash
        ? []
        : [
            {
              code: 'tuple-hash-differs',
              detail: `The open request is for ${state.tupleHash ?? ''}, you named ${command.tupleHash}.`,
              unblockedBy: 'Read the approval and vote on its tuple.',
            },
          ]),
    ]);
  }
  return undefined;
}

function evidenceOf(facts: VoteFacts): readonly string[] {
  return facts.now ? [facts.now.refs.release, facts.now.refs.approval, ...Object.values(facts.now.refs.artifacts)] : [];
}

async function voteFacts(read: ReadAggregate, { meta }: Issued<object>, state: Approval): Promise<VoteFacts> {
  return state.releaseId && state.environment ? { now: await readGateFacts(read, state.releaseId, state.environment, meta.now) } : {};
}

export const grantApprovalCommand = defineCommand({
  type: GrantApproval,
  vouches: true,
  personal: ['comment'],
  aggregate: approval,
  decide: grantApproval,
  facts: voteFacts,
  governed: aboutApproval,
});

export const rejectApprovalCommand = defineCommand({
  type: RejectApproval,
  vouches: true,
  personal: ['reason'],
  aggregate: approval,
  decide: rejectApproval,
  facts: voteFacts,
  governed: aboutApproval,
});
