import type { OwnershipEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** The team that owns a product. */
export interface Ownership {
  readonly product?: string;
  readonly team?: string;
  /** Asked for, and waiting for another person's confirmation. */
  readonly pending?: { readonly team: string; readonly requestedBy: string };
}

export const ownership: Aggregate<Ownership, OwnershipEvent> = {
  category: 'ownership',
  initial: {},
  evolve: (state, event) => {
    switch (event.type) {
      case 'OwnershipRequested': {
        const { product, team, requestedBy } = event.data;
        return { ...state, product, pending: { team, requestedBy } };
      }
      case 'OwnershipAssigned':
        return { product: event.data.product, team: event.data.team };
      default:
        return unknownEvent(event);
    }
  },
};
