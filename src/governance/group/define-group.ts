import { Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type GroupEvent } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { group, type Group } from './group.ts';

export class DefineGroup {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'group must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) group: string;
  @Matches(SAYS_SOMETHING, { message: 'title must say something' }) @MaxLength(200) title: string;
}

/** A group begins without members, and may be given another title. */
export function defineGroup(command: Issued<DefineGroup>, state: Group): Decision<GroupEvent> {
  return state.title === command.title ? [] : [{ type: 'GroupDefined', data: { group: command.target, title: command.title } }];
}

export const defineGroupCommand = defineCommand({
  type: DefineGroup,
  aggregate: group,
  decide: defineGroup,
  governed: (command) => ({ group: command.target }),
});
