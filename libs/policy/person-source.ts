import type { PersonEvent } from '#libs/contracts';
import type { Aggregate, StoredEvent } from '#libs/event-sourcing';

interface PersonSource {
  readonly left: boolean;
  /** When she left last, whether or not she came back; ISO 8601. */
  readonly leftAt?: string;
}

/** Whether somebody has left. */
export const personSource: Aggregate<PersonSource, PersonEvent> = {
  category: 'person',
  initial: { left: false },
  evolve: (state, event) => {
    if (event.type === 'PersonRegistered') return { ...state, left: false };
    if (event.type !== 'PersonLeft') return state;
    const at = (event as Partial<StoredEvent>).metadata?.recordedAt;
    return { left: true, ...(at ? { leftAt: at } : {}) };
  },
};
