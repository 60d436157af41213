import type { Aggregate, CommandDenied } from '#libs/event-sourcing';

/** What a denial's own stream says; undefined where there is none. */
export const denial: Aggregate<CommandDenied['data'] | undefined, CommandDenied> = {
  category: 'denial',
  initial: undefined,
  evolve: (_state, { data }) => data,
};
