import { IsString, IsUUID } from 'class-validator';
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
      data: { approvalId: command.target, releaseId, environment, round: state.round, reason: differences.join(' ') },
    },
  ];
}

export const voidApprovalIfChangedCommand = defineCommand({
  type: VoidApprovalIfChanged,
  aggregate: approval,
  decide: voidApprovalIfChanged,
  facts: (read, command) => readGateFacts(read, command.releaseId, command.environment, command.meta.now),
});
