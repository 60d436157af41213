import type { GroupEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** Persons who decide together. Who was in it when is in its stream: `asOf` answers. */
export interface Group {
  readonly title?: string;
  /** Sorted. */
  readonly members: readonly string[];
  /** Who asked for whom to be taken in, by person: each waits for another person's confirmation. */
  readonly pending: Readonly<Record<string, string>>;
}

export const group: Aggregate<Group, GroupEvent> = {
  category: 'group',
  initial: { members: [], pending: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'GroupDefined':
        return { ...state, title: event.data.title };
      case 'GroupMemberRequested':
        return { ...state, pending: { ...state.pending, [event.data.person]: event.data.requestedBy } };
      case 'GroupMemberAdded':
        return { ...state, members: [...state.members, event.data.person].sort(), pending: without(state.pending, event.data.person) };
      case 'GroupMemberRemoved':
        return {
          ...state,
          members: state.members.filter((person) => person !== event.data.person),
          pending: without(state.pending, event.data.person),
        };
      default:
        return unknownEvent(event);
    }
  },
};

function without(pending: Group['pending'], person: string): Group['pending'] {
  return Object.fromEntries(Object.entries(pending).filter(([other]) => other !== person));
}
