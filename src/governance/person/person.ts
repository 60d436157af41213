import type { PersonEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** Somebody who may have accounts, addresses and roles: an opaque id. */
export interface Person {
  readonly registered: boolean;
  readonly left: boolean;
  /** Who asked for the person's text to be erased, and waits for another to confirm it. */
  readonly erasureRequestedBy?: string;
  /** Erased since the person left; not so any more for somebody who came back. */
  readonly erased?: boolean;
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
      case 'PersonErasureRequested':
        return { ...state, erasureRequestedBy: event.data.requestedBy };
      case 'PersonErased': {
        const { erasureRequestedBy: _requestedBy, ...rest } = state;
        return { ...rest, erased: true };
      }
      default:
        return unknownEvent(event);
    }
  },
};
