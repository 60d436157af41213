import type { BypassEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { BypassRow } from './bypasses.row.ts';

/** Every bypass with its obligation: open, overdue, reviewed. */
export const bypasses = defineView<BypassRow, BypassEvent>({
  name: 'bypasses',
  version: 1,
  table: 'bypass_report',
  key: 'bypass_id',
  columns: {
    bypass_id: 'text',
    release_id: 'text',
    environment: 'text',
    product: 'text',
    team: 'text',
    gates: 'jsonb',
    justification: 'text',
    requester: 'text',
    tuple: 'jsonb',
    tuple_hash: 'text',
    requested_at: 'timestamptz',
    expires_at: 'timestamptz',
    review_due_at: 'timestamptz',
    uses: 'jsonb',
    status: 'text',
    overdue: 'boolean',
    outcome: 'text',
    reviewer: 'text',
    findings: 'text',
    reviewed_at: 'timestamptz',
  },
  indexes: [
    ['requested_at', 'bypass_id'],
    ['status', 'requested_at'],
  ],
  on: {
    BypassRequested: {
      key: ({ data }) => data.bypassId,
      apply: (_row, { data, metadata }) => ({
        bypass_id: data.bypassId,
        release_id: data.releaseId,
        environment: data.environment,
        product: data.product,
        team: data.team ?? null,
        gates: data.gates,
        justification: data.justification,
        requester: data.requester,
        tuple: data.tuple,
        tuple_hash: data.tupleHash,
        requested_at: metadata.recordedAt,
        expires_at: data.tuple.expiresAt,
        review_due_at: data.reviewDueAt,
        uses: [],
        status: 'open',
        overdue: false,
        outcome: null,
        reviewer: null,
        findings: null,
        reviewed_at: null,
      }),
    },
    BypassUsed: ofBypass((row, { data: { deploymentId, deployer, at } }) => ({ uses: [...row.uses, { deploymentId, deployer, at }] })),
    BypassReviewOverdue: ofBypass((row) => ({ overdue: true, status: row.status === 'reviewed' ? row.status : 'overdue' })),
    BypassReviewed: ofBypass((row, { data: { reviewer, outcome, findings, late }, metadata }) => ({
      status: 'reviewed',
      reviewer,
      outcome,
      findings,
      overdue: row.overdue || late,
      reviewed_at: metadata.recordedAt,
    })),
  },
});

function ofBypass<E extends BypassEvent>(change: (row: BypassRow, event: StoredEvent<E>) => Partial<BypassRow>): RowChange<BypassRow, E> {
  return { key: ({ data }) => data.bypassId, apply: (row, event) => row && { ...row, ...change(row, event) } };
}
