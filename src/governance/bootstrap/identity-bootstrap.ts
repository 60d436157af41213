import type { IdentityBootstrapEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** There is one: whoever came first. */
export const BOOTSTRAP_ID = 'first';

/** The first administrator of identities. */
export interface Bootstrap {
  readonly person?: string;
  /** `issuer|subject`: the role counts with this account only. */
  readonly principal?: string;
  readonly ended: boolean;
}

export const bootstrap: Aggregate<Bootstrap, IdentityBootstrapEvent> = {
  category: 'identitybootstrap',
  initial: { ended: false },
  evolve: (state, event) => {
    switch (event.type) {
      case 'IdentityBootstrapped':
        return { person: event.data.person, principal: `${event.data.issuer}|${event.data.subject}`, ended: false };
      case 'IdentityBootstrapEnded':
        return { ...state, ended: true };
      default:
        return unknownEvent(event);
    }
  },
};
