import type { PersonEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** Somebody who may have accounts, addresses and roles: an opaque id. */
export interface Person {
  readonly registered: boolean;
  readonly left: boolean;
}

export const person: Aggregate<Person, PersonEvent> = {
  category: 'person',
  initial: { registered: false, left: false },
  evolve: (state, event) => {
    switch (event.type) {
      case 'PersonRegistered':
        return { registered: true, left: false };
      case 'PersonLeft':
        return { ...state, left: true };
      default:
        return unknownEvent(event);
    }
  },
};
