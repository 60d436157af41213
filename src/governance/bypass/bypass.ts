import type { ApprovalTuple, BypassEvent, GateName } from '#libs/contracts';
import { own, unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** Break-glass for one tuple, and the obligation that it opens (principle 7). */
export interface Bypass {
  readonly bypassId: string;
  readonly releaseId: string;
  readonly environment: string;
  readonly product: string;
  readonly team?: string;
  readonly gates: readonly GateName[];
  readonly justification: string;
  readonly requester: string;
  readonly tuple: ApprovalTuple;
  readonly tupleHash: string;
  readonly reviewDueAt: string;
  readonly uses: readonly { readonly deploymentId: string; readonly deployer: string; readonly at: string }[];
  readonly overdue: boolean;
  readonly review?: {
    readonly reviewer: string;
    readonly outcome: 'approved' | 'rejected';
    readonly findings: string;
    readonly late: boolean;
  };
}

/**
 * All bypasses of the organisation, by id: one stream, because the next request must see every overdue review there is, and two
 * requests at once must see each other. They are few by their nature.
 */
export interface Bypasses {
  readonly byId: Readonly<Record<string, Bypass>>;
}

export const bypasses: Aggregate<Bypasses, BypassEvent> = {
  category: 'bypass',
  initial: { byId: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'BypassRequested':
        return { byId: { ...state.byId, [event.data.bypassId]: { ...event.data, uses: [], overdue: false } } };
      case 'BypassUsed': {
        const { bypassId, deploymentId, deployer, at } = event.data;
        return change(state, bypassId, (b) => ({ ...b, uses: [...b.uses, { deploymentId, deployer, at }] }));
      }
      case 'BypassReviewed': {
        const { bypassId, reviewer, outcome, findings, late } = event.data;
        return change(state, bypassId, (b) => ({ ...b, review: { reviewer, outcome, findings, late } }));
      }
      case 'BypassReviewOverdue':
        return change(state, event.data.bypassId, (b) => ({ ...b, overdue: true }));
      default:
        return unknownEvent(event);
    }
  },
};

function change(state: Bypasses, id: string, to: (bypass: Bypass) => Bypass): Bypasses {
  const known = own(state.byId, id);
  return known ? { byId: { ...state.byId, [id]: to(known) } } : state;
}
