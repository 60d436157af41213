import type { RolePolicyEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

export const ROLE_POLICY_ID = 'organisation';

export interface RolePolicySetState {
  readonly version: number;
  readonly title: string;
  readonly policies: string;
  readonly hash: string;
  readonly proposedBy: string;
}

/** Who may do what, as Cedar policies. Until one is published, the program's own table of roles holds. */
export interface RolePolicy {
  readonly version: number;
  readonly inForce?: RolePolicySetState;
  readonly proposed?: RolePolicySetState;
}

export const rolePolicy: Aggregate<RolePolicy, RolePolicyEvent> = {
  category: 'rolepolicy',
  initial: { version: 0 },
  evolve: (state, event) => {
    switch (event.type) {
      case 'RolePolicyProposed':
        return { ...state, proposed: event.data };
      case 'RolePolicyPublished': {
        const { confirmedBy: _confirmedBy, ...set } = event.data;
        return { version: set.version, inForce: set };
      }
      default:
        return unknownEvent(event);
    }
  },
};
