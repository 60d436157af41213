import type { ApprovalEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
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
        requester: data.requester,
        votes: [],
        outcome: 'open',
        voided_because: null,
        requested_at: metadata.recordedAt,
        expires_at: data.tuple.expiresAt,
      }),
    },
    ApprovalGranted: inRound((row, { data, metadata }) => {
      const { person, comment } = data;
      const votes: Vote[] = [...row.votes, { person, vote: 'granted', at: metadata.recordedAt, ...(comment ? { comment } : {}) }];
      const persons = new Set(votes.filter((v) => v.vote === 'granted').map((v) => v.person));
      return { votes, outcome: persons.size >= row.quorum ? 'approved' : row.outcome };
    }),
    ApprovalRejected: inRound((row, { data: { person, reason }, metadata }) => ({
      votes: [...row.votes, { person, vote: 'rejected', at: metadata.recordedAt, reason }],
      outcome: 'rejected',
    })),
    ApprovalVoided: inRound((_row, { data }) => ({ outcome: 'voided', voided_because: data.reason })),
  },
});

/** A vote belongs to its round: on another one it says nothing. */
function inRound<E extends ApprovalEvent>(
  change: (row: ApprovalRow, event: StoredEvent<E>) => Partial<ApprovalRow>,
): RowChange<ApprovalRow, E> {
  return {
    key: ({ data }) => data.approvalId,
    apply: (row, event) => (row?.round === event.data.round ? { ...row, ...change(row, event) } : row),
  };
}
