import type { ApprovalEvent, ApprovalTuple, GroupQuorum } from '#libs/contracts';
import { unknownEvent, type Aggregate, type Issued } from '#libs/event-sourcing';

/** The approval of a release for an environment. A newer request begins a new round and supersedes the older one. */
export interface Approval {
  readonly round: number;
  readonly releaseId?: string;
  readonly environment?: string;
  readonly tuple?: ApprovalTuple;
  readonly tupleHash?: string;
  readonly quorum: number;
  /** How many of them from which group; absent where the policy names none. */
  readonly groups?: readonly GroupQuorum[];
  readonly requester?: string;
  /** Persons who approved in this round. */
  readonly approvers: readonly string[];
  /** Persons who took their approval of this round back, and have not given it again. */
  readonly withdrawn: readonly string[];
  readonly outcome: 'none' | 'open' | 'rejected' | 'voided' | 'expired';
}

export const approval: Aggregate<Approval, ApprovalEvent> = {
  category: 'approval',
  initial: { round: 0, quorum: 0, approvers: [], withdrawn: [], outcome: 'none' },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ApprovalRequested': {
        const { round, releaseId, environment, tuple, tupleHash, quorum, groups, requester } = event.data;
        return {
          round,
          releaseId,
          environment,
          tuple,
          tupleHash,
          quorum,
          requester,
          approvers: [],
          withdrawn: [],
          outcome: 'open',
          ...(groups ? { groups } : {}),
        };
      }
      case 'ApprovalGranted':
        return {
          ...state,
          approvers: [...state.approvers, event.data.person],
          withdrawn: state.withdrawn.filter((person) => person !== event.data.person),
        };
      case 'ApprovalRejected':
        return { ...state, outcome: 'rejected' };
      case 'ApprovalWithdrawn':
        return {
          ...state,
          approvers: state.approvers.filter((person) => person !== event.data.person),
          withdrawn: [...state.withdrawn, event.data.person],
        };
      case 'ApprovalVoided':
        return { ...state, outcome: event.data.because === 'expired' ? 'expired' : 'voided' };
      default:
        return unknownEvent(event);
    }
  },
};

/** What a denial about an approval names. */
export function aboutApproval({ target }: Issued<object>, { releaseId, environment }: Approval): Readonly<Record<string, string>> {
  return { approvalId: target, ...(releaseId ? { releaseId } : {}), ...(environment ? { environment } : {}) };
}
