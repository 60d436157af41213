import { IsUUID, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type GroupEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type Refusal } from '#libs/event-sourcing';
import { isFirstHand, readFirstHands, whoDid, type Act, type FirstHands } from '#libs/policy';
import { asksAgain, readAsker, refuseUnknownAsker, type AskerFacts } from '../person/asker.ts';
import { person as persons, type Person } from '../person/person.ts';
import { group, type Group } from './group.ts';

export class AddGroupMember {
  /** Person id. */
  @IsUUID() person: string;
}

export class ConfirmGroupMember {
  /** Person id: who is taken in is named, not assumed. */
  @IsUUID() person: string;
}

export class RemoveGroupMember {
  /** Person id. */
  @IsUUID() person: string;
  @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

export interface MemberFacts extends AskerFacts {
  readonly person: Person;
}

/**
 * Nobody makes herself an approver: membership is somebody else's to give. It decides who approves as a role does: where roles are granted, it
 * is of registered persons, and counts when another person has confirmed it. A group begins empty, so that this is so of its first members, too.
 */
export function addGroupMember(command: Issued<AddGroupMember>, state: Group, facts: MemberFacts): Decision<GroupEvent> {
  const { person, meta, target } = command;
  const unknown = unknownGroup(command, state);
  if (unknown) return unknown;
  if (person === meta.actor.person) {
    return refuse('duty', 'own-membership', 'Nobody takes herself into a group.', [
      { code: 'own-membership', detail: 'You would take yourself in.', unblockedBy: 'Another identity administrator takes you in.' },
    ]);
  }
  if (state.members.includes(person)) return [];
  if (!meta.personsOnRecord) return [{ type: 'GroupMemberAdded', data: { group: target, person } }];
  const nobody = refuseUnknownAsker(facts) ?? refuseUnknownPerson(person, facts);
  if (nobody) return nobody;
  const requestedBy = state.pending[person];
  if (requestedBy !== undefined && asksAgain(requestedBy, meta)) return [];
  return [{ type: 'GroupMemberRequested', data: { group: target, person, requestedBy: meta.actor.person } }];
}

/** Neither who asked for it, nor who would be in it, confirms it. */
export function confirmGroupMember(
  command: Issued<ConfirmGroupMember>,
  state: Group,
  facts: MemberFacts & FirstHands,
): Decision<GroupEvent> {
  const { person, meta, target } = command;
  const unknown = unknownGroup(command, state);
  if (unknown) return unknown;
  const requestedBy = state.pending[person];
  if (requestedBy === undefined) {
    if (state.members.includes(person)) return [];
    return refuse('not-found', 'membership-not-requested', `Nobody asked for ${person} to be taken into group ${target}.`);
  }
  if (isFirstHand(meta.actor, facts, requestedBy, person)) {
    return refuse('duty', 'confirmed-by-another', 'A member is confirmed by somebody who neither asked for it nor would be it.', [
      {
        code: 'two-persons',
        detail: `${requestedBy} asked for ${person} to be taken in.`,
        evidence: facts.persons.refs,
        unblockedBy: 'Another administrator of identities confirms it.',
      },
    ]);
  }
  const nobody = refuseUnknownAsker(facts) ?? refuseUnknownPerson(person, facts);
  if (nobody) return nobody;
  return [{ type: 'GroupMemberAdded', data: { group: target, person, requestedBy, confirmedBy: meta.actor.person } }];
}

function refuseUnknownPerson(id: string, { person }: MemberFacts): Refusal | undefined {
  if (!person.registered) return refuse('not-found', 'person-unknown', `There is no person ${id}: register the person first.`);
  return person.left ? refuse('conflict', 'person-left', `${id} has left.`) : undefined;
}

/** What the person has approved as a member no longer counts for this group from here on. */
export function removeGroupMember(command: Issued<RemoveGroupMember>, state: Group): Decision<GroupEvent> {
  const { person, reason, target } = command;
  const unknown = unknownGroup(command, state);
  if (unknown) return unknown;
  const there = state.members.includes(person) || Object.hasOwn(state.pending, person);
  return there ? [{ type: 'GroupMemberRemoved', data: { group: target, person, reason } }] : [];
}

function unknownGroup({ target }: { readonly target: string }, state: Group): Refusal | undefined {
  return state.title === undefined ? refuse('not-found', 'group-unknown', `There is no group ${target}: define it first.`) : undefined;
}

export const addGroupMemberCommand = defineCommand({
  type: AddGroupMember,
  vouches: true,
  aggregate: group,
  decide: addGroupMember,
  facts: async (read, { person, meta }): Promise<MemberFacts> => ({
    person: (await read(persons, person)).state,
    ...(await readAsker(read, meta, meta.actor)),
  }),
  governed: (command) => ({ group: command.target }),
});

export const confirmGroupMemberCommand = defineCommand({
  type: ConfirmGroupMember,
  vouches: true,
  aggregate: group,
  decide: confirmGroupMember,
  facts: async (read, { target, person, meta }): Promise<MemberFacts & FirstHands> => {
    const asked = ({ type, data }: Act): boolean => type === 'GroupMemberRequested' && data['person'] === person;
    const hands = await readFirstHands(read, meta.actor, (await whoDid(read, group.category, target, asked)).slice(-1));
    return { person: (await read(persons, person)).state, ...hands, ...(await readAsker(read, meta, hands.first[0])) };
  },
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
