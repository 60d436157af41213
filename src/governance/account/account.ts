import type { AccountEvent } from '#libs/contracts';
import type { Aggregate } from '#libs/event-sourcing';

/** An account at an issuer, and the person it belongs to. */
export interface Account {
  readonly person?: string;
}

export const account: Aggregate<Account, AccountEvent> = {
  category: 'account',
  initial: {},
  evolve: (_state, { data }) => ({ person: data.person }),
};
