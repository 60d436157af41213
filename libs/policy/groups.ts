import type { GroupEvent } from '#libs/contracts';
import type { Aggregate, ReadAggregate } from '#libs/event-sourcing';

/** Persons of a group, sorted. */
export const groupSource: Aggregate<readonly string[], GroupEvent> = {
  category: 'group',
  initial: [],
  evolve: (persons, { type, data }) => {
    if (type === 'GroupDefined' || type === 'GroupMemberRequested') return persons;
    const others = persons.filter((person) => person !== data.person);
    return type === 'GroupMemberAdded' ? [...others, data.person].sort() : others;
  },
};

/** The members of groups, as their own streams say. */
export async function readGroups(
  read: ReadAggregate,
  names: readonly string[],
): Promise<{ readonly members: Readonly<Record<string, readonly string[]>>; readonly refs: Readonly<Record<string, string>> }> {
  const loaded = await Promise.all([...new Set(names)].sort().map((name) => read(groupSource, name)));
  return {
    members: Object.fromEntries(loaded.map((group) => [group.id, group.state])),
    refs: Object.fromEntries(loaded.map((group) => [group.id, group.ref])),
  };
}
