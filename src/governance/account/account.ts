import type { AccountEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** An account at an issuer, and the person it belongs to. */
export interface Account {
  readonly person?: string;
  /** A program acts with it, for the person. */
  readonly bot?: boolean;
  /** Nobody acts with it any more. */
  readonly closed?: boolean;
  /** A link that was asked for and waits for another person's confirmation. */
  readonly pending?: { readonly person: string; readonly bot: boolean; readonly requestedBy: string };
}

export const account: Aggregate<Account, AccountEvent> = {
  category: 'account',
  initial: {},
  evolve: (state, event) => {
    switch (event.type) {
      case 'AccountLinkRequested': {
        const { person, bot, requestedBy } = event.data;
        return { ...state, pending: { person, bot, requestedBy } };
      }
      case 'AccountLinked':
        return { person: event.data.person, ...(event.data.bot ? { bot: true } : {}) };
      case 'AccountUnlinked':
        return { person: event.data.person, ...(state.bot ? { bot: true } : {}), closed: true };
      default:
        return unknownEvent(event);
    }
  },
};
