import type { ChangeEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { ChangeRow } from './changes.row.ts';

type Of<T extends ChangeEvent['type']> = Extract<ChangeEvent, { type: T }>;

/** Changes with their dossiers, votes and decisions; agendas are read off it. */
export const changes = defineView<ChangeRow, ChangeEvent>({
  name: 'changes',
  version: 1,
  table: 'change_board',
  key: 'change_id',
  columns: {
    change_id: 'text',
    round: 'integer',
    release_id: 'text',
    environment: 'text',
    product: 'text',
    change_class: 'text',
    route: 'text',
    status: 'text',
    title: 'text',
    risk_level: 'text',
    requester: 'text',
    board_id: 'text',
    model_id: 'text',
    meeting_at: 'timestamptz',
    cutoff_at: 'timestamptz',
    window_from: 'timestamptz',
    window_until: 'timestamptz',
    submitted_at: 'timestamptz',
    dossier_hash: 'text',
    dossier: 'jsonb',
    reasons: 'jsonb',
    votes: 'jsonb',
    recused: 'jsonb',
    conditions: 'jsonb',
    vote_opened: 'boolean',
    decided_by: 'text',
    decided_at: 'timestamptz',
    note: 'text',
    review_due_at: 'timestamptz',
    review_overdue: 'boolean',
    review_outcome: 'text',
    reviewer: 'text',
    deployments: 'jsonb',
    updated_at: 'timestamptz',
  },
  indexes: [
    ['submitted_at', 'change_id'],
    ['board_id', 'meeting_at'],
    ['window_from', 'change_id'],
  ],
  on: {
    ChangeSubmitted: { key: ({ data }) => data.changeId, apply: (_row, event) => submitted(event) },
    ChangeVoteOpened: later(() => ({ vote_opened: true })),
    ChangeVoteCast: later((row, { data: { person, vote, lapsed }, metadata }) => ({
      ...(lapsed ? { status: 'open' } : {}),
      votes: [...row.votes.filter((v) => v.person !== person && !lapsed?.includes(v.person)), { person, vote, at: metadata.recordedAt }],
    })),
    ChangeRecusalDeclared: later((row, { data: { person, reason } }) => ({
      votes: row.votes.filter((v) => v.person !== person),
      recused: [...row.recused.filter((r) => r.person !== person), { person, reason }],
    })),
    ChangeDecided: later((row, { data: { outcome, by, conditions, recused, meeting }, metadata }) =>
      outcome === 'deferred'
        ? {
            status: 'deferred',
            votes: [],
            vote_opened: false,
            meeting_at: meeting?.startsAt ?? row.meeting_at,
            cutoff_at: meeting?.cutoffAt ?? row.cutoff_at,
          }
        : { status: outcome, decided_by: by, decided_at: metadata.recordedAt, conditions, recused },
    ),
    ChangeHandedToBoard: later((_row, { data }) => ({ route: 'board', note: data.reason })),
    ChangeConditionMet: later((row, { data: { conditionId, confirmedBy } }) => ({
      conditions: row.conditions.map((c) => (c.conditionId === conditionId ? { ...c, confirmedBy } : c)),
    })),
    ChangeVoided: later((_row, { data }) => ({ status: 'voided', note: data.reason })),
    ChangeWithdrawn: later((_row, { data }) => ({ status: 'withdrawn', note: data.reason })),
    ChangeImplemented: later((row, { data: { deploymentId, outcome } }) => ({
      deployments: [...row.deployments.filter((d) => d.deploymentId !== deploymentId), { deploymentId, outcome }],
      status: outcome === 'succeeded' ? 'done' : outcome === 'rolled-back' ? 'rolled-back' : row.status,
    })),
    ChangeReviewed: later((row, { data: { reviewer, outcome, late } }) => ({
      reviewer,
      review_outcome: outcome,
      review_overdue: row.review_overdue || late,
    })),
    ChangeReviewOverdue: later(() => ({ review_overdue: true })),
    ChangeDelivered: later((_row, { data }) => ({ note: data.reference ?? null })),
    ChangeDeliveryFailed: later((_row, { data }) => ({ note: data.reason })),
  },
});

function submitted({ data, metadata }: StoredEvent<Of<'ChangeSubmitted'>>): ChangeRow {
  const { dossier, meeting } = data;
  return {
    change_id: data.changeId,
    round: data.round,
    release_id: data.releaseId,
    environment: data.environment,
    product: data.product,
    change_class: data.class,
    route: data.route,
    status: data.route === 'model' || data.route === 'emergency' ? 'approved' : 'open',
    title: dossier.title,
    risk_level: dossier.risk.level,
    requester: data.requester,
    board_id: dossier.board?.boardId ?? null,
    model_id: dossier.model?.modelId ?? null,
    meeting_at: meeting?.startsAt ?? null,
    cutoff_at: meeting?.cutoffAt ?? null,
    window_from: dossier.window.from,
    window_until: dossier.window.until,
    submitted_at: data.submittedAt,
    dossier_hash: data.dossierHash,
    dossier,
    reasons: data.reasons,
    votes: [],
    recused: [],
    conditions: [],
    vote_opened: false,
    decided_by: null,
    decided_at: null,
    note: null,
    review_due_at: data.reviewDueAt ?? null,
    review_overdue: false,
    review_outcome: null,
    reviewer: null,
    deployments: [],
    updated_at: metadata.recordedAt,
  };
}

/** What comes after a submission; nothing where it is not known. */
function later<E extends ChangeEvent>(change: (row: ChangeRow, event: StoredEvent<E>) => Partial<ChangeRow>): RowChange<ChangeRow, E> {
  return {
    key: ({ data }) => data.changeId,
    apply: (row, event) => row && { ...row, ...change(row, event), updated_at: event.metadata.recordedAt },
  };
}
