import type { ApprovalEvent, ApprovalTuple } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** The approval of a release for an environment. A newer request begins a new round and supersedes the older one. */
export interface Approval {
  readonly round: number;
  readonly releaseId?: string;
  readonly environment?: string;
  readonly tuple?: ApprovalTuple;
  readonly tupleHash?: string;
  readonly quorum: number;
  readonly requester?: string;
  /** Persons who approved in this round. */
  readonly approvers: readonly string[];
  readonly outcome: 'none' | 'open' | 'rejected' | 'voided';
}

export const approval: Aggregate<Approval, ApprovalEvent> = {
  category: 'approval',
  initial: { round: 0, quorum: 0, approvers: [], outcome: 'none' },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ApprovalRequested': {
        const { round, releaseId, environment, tuple, tupleHash, quorum, requester } = event.data;
        return { round, releaseId, environment, tuple, tupleHash, quorum, requester, approvers: [], outcome: 'open' };
      }
      case 'ApprovalGranted':
        return { ...state, approvers: [...state.approvers, event.data.person] };
      case 'ApprovalRejected':
        return { ...state, outcome: 'rejected' };
      case 'ApprovalVoided':
        return { ...state, outcome: 'voided' };
      default:
        return unknownEvent(event);
    }
  },
};
