import type { ApprovalEvent, ApprovalTuple, GroupQuorum } from '#libs/contracts';
import { tallyRecorded, type QuorumRule } from '#libs/policy';
import type { ChangeApproval, Written } from './report.ts';

/** A vote with the account that gave it, which may turn out to be somebody else's. */
export interface Vote extends Omit<ChangeApproval, 'counted' | 'lapsed'> {
  readonly principal: string;
}

export interface Round {
  readonly round: number;
  readonly tuple: ApprovalTuple;
  readonly tupleHash: string;
  readonly quorum: number;
  readonly groups?: readonly GroupQuorum[];
  readonly requester: string;
  readonly requesterPrincipal: string;
  readonly requested: Written;
  /** Approvals that nobody has taken back so far, oldest first. */
  votes: readonly Vote[];
  closed?: Written & { readonly how: string };
}

/** Every round of approval so far, as it stands. */
export class Approvals {
  private readonly byChange = new Map<string, Round[]>();

  /** The newest round in which exactly this was asked for; else undefined. */
  round(releaseId: string, environment: string, tupleHash: string): Round | undefined {
    return this.byChange.get(keyOf(releaseId, environment))?.findLast((round) => round.tupleHash === tupleHash);
  }

  add(event: ApprovalEvent, written: Written, principal: string): void {
    const { releaseId, environment } = event.data;
    const key = keyOf(releaseId, environment);
    const rounds = this.byChange.get(key) ?? [];
    if (event.type === 'ApprovalRequested') {
      const { round, tuple, tupleHash, quorum, groups, requester } = event.data;
      const asked = { round, tuple, tupleHash, quorum, requester, requesterPrincipal: principal, ...(groups ? { groups } : {}) };
      rounds.push({ ...asked, requested: written, votes: [] });
      this.byChange.set(key, rounds);
      return;
    }
    const round = rounds.findLast((r) => r.round === event.data.round);
    if (!round) return;
    switch (event.type) {
      case 'ApprovalGranted': {
        const { person, tupleHash, groups } = event.data;
        // A vote for another tuple is no vote for this one.
        if (tupleHash === round.tupleHash)
          round.votes = [...round.votes, { at: written.at, groups, person, principal, ref: written.ref, sequence: written.sequence }];
        return;
      }
      case 'ApprovalWithdrawn': {
        const { person } = event.data;
        round.votes = round.votes.filter((vote) => vote.person !== person);
        return;
      }
      case 'ApprovalRejected':
        round.closed ??= { ...written, how: 'rejected' };
        return;
      case 'ApprovalVoided':
        // Its time is in its tuple, whenever the timer wrote that it was over.
        if (event.data.because !== 'expired') round.closed ??= { ...written, how: 'voided' };
    }
  }
}

/** The vote with which a quorum was reached; undefined where it was not. */
export function decisiveVote(votes: readonly Vote[], rule: QuorumRule): Vote | undefined {
  if (tallyRecorded(votes, rule).missing > 0) return undefined;
  return votes.find((_vote, i) => tallyRecorded(votes.slice(0, i + 1), rule).missing === 0);
}

function keyOf(releaseId: string, environment: string): string {
  return `${releaseId} ${environment}`;
}
