import { IsUUID, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type GroupEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type Refusal } from '#libs/event-sourcing';
import { group, type Group } from './group.ts';

export class AddGroupMember {
  /** Person id. */
  @IsUUID() person: string;
}

export class RemoveGroupMember {
  /** Person id. */
  @IsUUID() person: string;
  @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

/** Nobody makes herself an approver: membership is somebody else's to give. */
export function addGroupMember(command: Issued<AddGroupMember>, state: Group): Decision<GroupEvent> {
  const { person, meta, target } = command;
  const unknown = unknownGroup(command, state);
  if (unknown) return unknown;
  if (person === meta.actor.person) {
    return refuse('duty', 'own-membership', 'Nobody takes herself into a group.', [
      { code: 'own-membership', detail: 'You would take yourself in.', unblockedBy: 'Another identity administrator takes you in.' },
    ]);
  }
  return state.members.includes(person) ? [] : [{ type: 'GroupMemberAdded', data: { group: target, person } }];
}

/** What the person has approved as a member no longer counts for this group from here on. */
export function removeGroupMember(command: Issued<RemoveGroupMember>, state: Group): Decision<GroupEvent> {
  const { person, reason, target } = command;
  const unknown = unknownGroup(command, state);
  if (unknown) return unknown;
  return state.members.includes(person) ? [{ type: 'GroupMemberRemoved', data: { group: target, person, reason } }] : [];
}

function unknownGroup({ target }: { readonly target: string }, state: Group): Refusal | undefined {
  return state.title === undefined ? refuse('not-found', 'group-unknown', `There is no group ${target}: define it first.`) : undefined;
}

export const addGroupMemberCommand = defineCommand({
  type: AddGroupMember,
  vouches: true,
  aggregate: group,
  decide: addGroupMember,
  governed: (command) => ({ group: command.target }),
});

export const removeGroupMemberCommand = defineCommand({
  type: RemoveGroupMember,
  personal: ['reason'],
  about: (command) => [command.person],
  aggregate: group,
  decide: removeGroupMember,
  governed: (command) => ({ group: command.target }),
});
