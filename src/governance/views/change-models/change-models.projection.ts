import type { ChangeModelEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { ChangeModelRow } from './change-models.row.ts';

/** Which models for standard changes there are, and how they fare. */
export const changeModelList = defineView<ChangeModelRow, ChangeModelEvent>({
  name: 'change-models',
  version: 1,
  table: 'change_model_list',
  key: 'model_id',
  columns: {
    model_id: 'text',
    title: 'text',
    version: 'integer',
    status: 'text',
    approved_version: 'integer',
    board_id: 'text',
    proposer: 'text',
    valid_from: 'timestamptz',
    valid_until: 'timestamptz',
    used: 'integer',
    failed: 'integer',
    reason: 'text',
    updated_at: 'timestamptz',
  },
  indexes: [
    ['status', 'model_id'],
    ['board_id', 'model_id'],
  ],
  on: {
    ChangeModelProposed: {
      key: ({ data }) => data.modelId,
      apply: (row, { data, metadata }) => ({
        model_id: data.modelId,
        title: data.title,
        version: data.version,
        status: 'proposed',
        approved_version: row?.approved_version ?? null,
        board_id: data.boardId,
        proposer: data.proposer,
        valid_from: data.validFrom,
        valid_until: data.validUntil,
        used: row?.used ?? 0,
        failed: row?.failed ?? 0,
        reason: null,
        updated_at: metadata.recordedAt,
      }),
    },
    ChangeModelVoteCast: 'ignored',
    ChangeModelDecided: then((row, { data: { version, outcome } }) => ({
      status: version === row.version ? outcome : row.status,
      approved_version: outcome === 'approved' ? version : row.approved_version,
    })),
    ChangeModelUsed: then((row, { data: { outcome } }) => ({
      used: row.used + 1,
      failed: row.failed + (outcome === 'succeeded' ? 0 : 1),
    })),
    ChangeModelSuspended: then((row, { data: { version, reason } }) => ({
      ...(version === row.version ? { status: 'suspended', reason } : {}),
      approved_version: version === row.approved_version ? null : row.approved_version,
    })),
  },
});

function then<E extends ChangeModelEvent>(
  change: (row: ChangeModelRow, event: StoredEvent<E>) => Partial<ChangeModelRow>,
): RowChange<ChangeModelRow, E> {
  return {
    key: ({ data }) => data.modelId,
    apply: (row, event) => row && { ...row, ...change(row, event), updated_at: event.metadata.recordedAt },
  };
}
