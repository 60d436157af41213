import type { AddressEvent } from '#libs/contracts';
import type { Aggregate } from '#libs/event-sourcing';

/** All addresses that look alike, and whose each is: one stream, so that a look-alike meets the one it looks like. */
export interface Addresses {
  /** Person by address id. */
  readonly claims: Readonly<Record<string, string>>;
}

export const addresses: Aggregate<Addresses, AddressEvent> = {
  category: 'address',
  initial: { claims: {} },
  evolve: (state, { data }) => ({ claims: { ...state.claims, [data.addressId]: data.person } }),
};
