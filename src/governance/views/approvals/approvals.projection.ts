import type { ApprovalEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { tallyRecorded } from '#libs/policy';
import { defineView, type RowChange } from '#libs/read-models';
import type { ApprovalRow, Vote } from './approvals.row.ts';

/** What waits for whose approval, and what was decided. */
export const approvals = defineView<ApprovalRow, ApprovalEvent>({
  name: 'approvals',
  version: 1,
  table: 'approval_board',
  key: 'approval_id',
  columns: {
    approval_id: 'text',
    release_id: 'text',
    environment: 'text',
    round: 'integer',
    tuple: 'jsonb',
    tuple_hash: 'text',
    quorum: 'integer',
    quorum_groups: 'jsonb',
    requester: 'text',
    votes: 'jsonb',
    outcome: 'text',
    voided_because: 'text',
    requested_at: 'timestamptz',
    expires_at: 'timestamptz',
  },
  indexes: [
    ['requested_at', 'approval_id'],
    ['outcome', 'requested_at'],
    ['environment', 'requested_at'],
    ['release_id', 'requested_at'],
  ],
  on: {
    ApprovalRequested: {
      key: ({ data }) => data.approvalId,
      apply: (_row, { data, metadata }) => ({
        approval_id: data.approvalId,
        release_id: data.releaseId,
        environment: data.environment,
        round: data.round,
        tuple: data.tuple,
        tuple_hash: data.tupleHash,
        quorum: data.quorum,
        quorum_groups: data.groups ?? null,
        requester: data.requester,
        votes: [],
        outcome: 'open',
        voided_because: null,
        requested_at: metadata.recordedAt,
        expires_at: data.tuple.expiresAt,
      }),
    },
    ApprovalGranted: inRound((row, { data, metadata }) => {
      const { person, comment, groups } = data;
      const votes: Vote[] = [
        ...row.votes,
        { person, vote: 'granted', at: metadata.recordedAt, ...(comment ? { comment } : {}), ...(groups ? { groups } : {}) },
      ];
      return { votes, outcome: reached(row, votes) ? 'approved' : row.outcome };
    }),
    ApprovalWithdrawn: inRound((row, { data: { person, reason }, metadata }) => {
      const votes: Vote[] = [...row.votes, { person, vote: 'withdrawn', at: metadata.recordedAt, reason }];
      return { votes, outcome: row.outcome === 'approved' && !reached(row, votes) ? 'open' : row.outcome };
    }),
    ApprovalRejected: inRound((row, { data: { person, reason }, metadata }) => ({
      votes: [...row.votes, { person, vote: 'rejected', at: metadata.recordedAt, reason }],
      outcome: 'rejected',
    })),
    // What was approved in time was approved: its time being over takes that from nobody.
    ApprovalVoided: inRound((row, { data }) => ({
      outcome: data.because !== 'expired' ? 'voided' : row.outcome === 'approved' ? 'approved' : 'expired',
      voided_because: data.reason,
    })),
  },
});

/** Whether the votes that stand fill every place; each vote says which groups its person was in then. */
function reached({ quorum, quorum_groups: groups }: ApprovalRow, votes: readonly Vote[]): boolean {
  const standing = votes.filter(
    (v, i) => v.vote === 'granted' && !votes.slice(i).some((w) => w.person === v.person && w.vote === 'withdrawn'),
  );
  return tallyRecorded(standing, { quorum, ...(groups ? { groups } : {}) }).missing === 0;
}

/** A vote belongs to its round: on another one it says nothing. */
function inRound<E extends ApprovalEvent>(
  change: (row: ApprovalRow, event: StoredEvent<E>) => Partial<ApprovalRow>,
): RowChange<ApprovalRow, E> {
  return {
    key: ({ data }) => data.approvalId,
    apply: (row, event) => (row?.round === event.data.round ? { ...row, ...change(row, event) } : row),
  };
}
