import { IsInt, IsString, IsUUID, Min } from 'class-validator';
import type { ApprovalEvent } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { readGateFacts, tupleDifferences, type GateFacts } from '#libs/policy';
import { approval, type Approval } from './approval.ts';

/** Sent when something in the tuple may have changed; decides for itself whether it did. */
export class VoidApprovalIfChanged {
  @IsUUID() releaseId: string;
  @IsString() environment: string;
}

/** Any change of the tuple voids the approval, by an event that says what changed (principle 3). */
export function voidApprovalIfChanged(command: Issued<VoidApprovalIfChanged>, state: Approval, facts: GateFacts): Decision<ApprovalEvent> {
  if (state.outcome !== 'open' || !state.tuple) return [];
  const differences = tupleDifferences(state.tuple, facts);
  if (differences.length === 0) return [];
  const { releaseId, environment } = command;
  return [
    {
      type: 'ApprovalVoided',
      data: { approvalId: command.target, releaseId, environment, round: state.round, reason: differences.join(' '), because: 'changed' },
    },
  ];
}

export const voidApprovalIfChangedCommand = defineCommand({
  type: VoidApprovalIfChanged,
  aggregate: approval,
  decide: voidApprovalIfChanged,
  facts: (read, command) => readGateFacts(read, command.releaseId, command.environment, command.meta.now),
});

/** Sent when a person leaves. */
export class VoidApprovalOfLeaver {
  @IsString() person: string;
}

/** An approval that rests on somebody who left holds no more, unless it was rejected or voided before. */
export function voidApprovalOfLeaver(command: Issued<VoidApprovalOfLeaver>, state: Approval): Decision<ApprovalEvent> {
  const { person, target } = command;
  const { releaseId, environment, round } = state;
  if (state.outcome !== 'open' || !releaseId || !environment) return [];
  const part = state.approvers.includes(person) ? 'approved it' : state.requester === person ? 'asked for it' : undefined;
  if (part === undefined) return [];
  return [
    {
      type: 'ApprovalVoided',
      data: { approvalId: target, releaseId, environment, round, reason: `${person}, who ${part}, has left.`, because: 'left' },
    },
  ];
}

export const voidApprovalOfLeaverCommand = defineCommand({
  type: VoidApprovalOfLeaver,
  aggregate: approval,
  decide: voidApprovalOfLeaver,
});

/** Sent when the time of a round is over; decides for itself whether it is. */
export class ExpireApproval {
  @IsInt() @Min(1) round: number;
}

export function expireApproval(command: Issued<ExpireApproval>, state: Approval): Decision<ApprovalEvent> {
  const { releaseId, environment, round, outcome, tuple } = state;
  if (outcome !== 'open' || round !== command.round || !tuple || !releaseId || !environment) return [];
  if (command.meta.now < tuple.expiresAt) return [];
  const reason = `It expired at ${tuple.expiresAt}.`;
  return [{ type: 'ApprovalVoided', data: { approvalId: command.target, releaseId, environment, round, reason, because: 'expired' } }];
}

export const expireApprovalCommand = defineCommand({
  type: ExpireApproval,
  aggregate: approval,
  decide: expireApproval,
});
