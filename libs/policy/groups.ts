import type { GroupEvent } from '#libs/contracts';
import type { Aggregate, ReadAggregate, StoredEvent } from '#libs/event-sourcing';

/** Persons of a group, and since when they are in it or out of it. */
export interface GroupSource {
  /** Sorted. */
  readonly members: readonly string[];
  /** By person, ISO 8601; absent in examples without metadata. */
  readonly joinedAt: Readonly<Record<string, string>>;
  /** When each was taken out last, whether or not she is in it again. */
  readonly removedAt: Readonly<Record<string, string>>;
}

export const groupSource: Aggregate<GroupSource, GroupEvent> = {
  category: 'group',
  initial: { members: [], joinedAt: {}, removedAt: {} },
  evolve: (state, event) => {
    const { type, data } = event;
    if (type === 'GroupDefined' || type === 'GroupMemberRequested') return state;
    const at = (event as Partial<StoredEvent>).metadata?.recordedAt;
    const when = at === undefined ? {} : { [data.person]: at };
    const others = state.members.filter((person) => person !== data.person);
    if (type === 'GroupMemberAdded')
      return { ...state, members: [...others, data.person].sort(), joinedAt: { ...state.joinedAt, ...when } };
    // Who was only asked for was no member.
    return others.length === state.members.length ? state : { ...state, members: others, removedAt: { ...state.removedAt, ...when } };
  },
};

/** The members of groups, as their own streams say. */
export async function readGroups(
  read: ReadAggregate,
  names: readonly string[],
): Promise<{
  readonly members: Readonly<Record<string, readonly string[]>>;
  readonly refs: Readonly<Record<string, string>>;
  readonly groups: Readonly<Record<string, GroupSource>>;
}> {
  const loaded = await Promise.all([...new Set(names)].sort().map((name) => read(groupSource, name)));
  return {
    members: Object.fromEntries(loaded.map((group) => [group.id, group.state.members])),
    refs: Object.fromEntries(loaded.map((group) => [group.id, group.ref])),
    groups: Object.fromEntries(loaded.map((group) => [group.id, group.state])),
  };
}
