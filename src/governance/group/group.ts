import type { GroupEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** Persons who decide together. Who was in it when is in its stream: `asOf` answers. */
export interface Group {
  readonly title?: string;
  /** Sorted. */
  readonly members: readonly string[];
}

export const group: Aggregate<Group, GroupEvent> = {
  category: 'group',
  initial: { members: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'GroupDefined':
        return { ...state, title: event.data.title };
      case 'GroupMemberAdded':
        return { ...state, members: [...state.members, event.data.person].sort() };
      case 'GroupMemberRemoved':
        return { ...state, members: state.members.filter((person) => person !== event.data.person) };
      default:
        return unknownEvent(event);
    }
  },
};
