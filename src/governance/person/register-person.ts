import { IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import type { PersonEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { person, type Person } from './person.ts';

export class RegisterPerson {
  /** The person's id, chosen by the caller (a UUID). Names and addresses are not stored. */
  @IsUUID() person: string;
}

export class PersonLeaves {
  @IsString() @Matches(/[\p{L}\p{N}]/u, { message: 'reason must say something' }) @MaxLength(500) reason: string;
}

/** A joiner, or somebody who comes back: without roles in either case. */
export function registerPerson(command: Issued<RegisterPerson>, state: Person): Decision<PersonEvent> {
  if (state.registered && !state.left) return [];
  return [{ type: 'PersonRegistered', data: { person: command.target, registeredBy: command.meta.actor.person } }];
}

/** A leaver acts no more from here on; roles are ended and pending approvals voided by a process. */
export function personLeaves(command: Issued<PersonLeaves>, state: Person): Decision<PersonEvent> {
  if (state.left) return [];
  if (!state.registered) return refuse('not-found', 'person-unknown', `There is no person ${command.target}.`);
  return [{ type: 'PersonLeft', data: { person: command.target, reason: command.reason } }];
}

const about = (command: Issued<object>): Record<string, string> => ({ person: command.target });

export const registerPersonCommand = defineCommand({ type: RegisterPerson, aggregate: person, decide: registerPerson, governed: about });
export const personLeavesCommand = defineCommand({
  type: PersonLeaves,
  personal: ['reason'],
  about: (command) => [command.target],
  aggregate: person,
  decide: personLeaves,
  governed: about,
});
