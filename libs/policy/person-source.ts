import type { PersonEvent } from '#libs/contracts';
import type { Aggregate } from '#libs/event-sourcing';

/** Whether somebody has left. */
export const personSource: Aggregate<{ readonly left: boolean }, PersonEvent> = {
  category: 'person',
  initial: { left: false },
  evolve: (state, { type }) => (type === 'PersonRegistered' ? { left: false } : type === 'PersonLeft' ? { left: true } : state),
};
