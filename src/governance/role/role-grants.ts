import type { RoleGrantEvent, RoleScope } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';
import type { HeldRole } from '#libs/identity';

export interface RequestedRole {
  readonly role: string;
  readonly scope: RoleScope;
  readonly from: string;
  readonly until: string;
  readonly requestedBy: string;
}

/** Everything a person holds or is asked to hold. One stream a person: what must not be held together meets here. */
export interface RoleGrants {
  readonly pending: Readonly<Record<string, RequestedRole>>;
  readonly granted: Readonly<Record<string, RequestedRole & { readonly confirmedBy: string; readonly revoked: boolean }>>;
}

export const roleGrants: Aggregate<RoleGrants, RoleGrantEvent> = {
  category: 'rolegrants',
  initial: { pending: {}, granted: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'RoleRequested': {
        const { grantId, role, scope, from, until, requestedBy } = event.data;
        return { ...state, pending: { ...state.pending, [grantId]: { role, scope, from, until, requestedBy } } };
      }
      case 'RoleGranted': {
        const { grantId, role, scope, from, until, requestedBy, confirmedBy } = event.data;
        const { [grantId]: _confirmed, ...pending } = state.pending;
        return {
          pending,
          granted: { ...state.granted, [grantId]: { role, scope, from, until, requestedBy, confirmedBy, revoked: false } },
        };
      }
      case 'RoleRevoked': {
        const { [event.data.grantId]: _dropped, ...pending } = state.pending;
        const granted = state.granted[event.data.grantId];
        return granted
          ? { pending, granted: { ...state.granted, [event.data.grantId]: { ...granted, revoked: true } } }
          : { ...state, pending };
      }
      default:
        return unknownEvent(event);
    }
  },
};

/** What a person holds or will hold, but for what was revoked. */
export function heldRoles(state: RoleGrants): readonly HeldRole[] {
  return Object.values(state.granted).filter((g) => !g.revoked);
}
