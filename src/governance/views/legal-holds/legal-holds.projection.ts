import type { HoldScope, LegalHoldEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { LegalHoldRow } from './legal-holds.row.ts';

/** Every legal hold: what it keeps, why, and who let it go. */
export const legalHoldReport = defineView<LegalHoldRow, LegalHoldEvent>({
  name: 'legal-holds',
  version: 1,
  table: 'legal_hold_report',
  key: 'hold_id',
  columns: {
    hold_id: 'text',
    status: 'text',
    kind: 'text',
    about: 'text',
    reason: 'text',
    placed_by: 'text',
    placed_at: 'timestamptz',
    released_by: 'text',
    released_at: 'timestamptz',
    release_reason: 'text',
  },
  indexes: [['status', 'hold_id']],
  on: {
    LegalHoldPlaced: {
      key: ({ data }) => data.holdId,
      apply: (_row, { data, metadata }) => ({
        hold_id: data.holdId,
        status: 'in-force',
        // As it is stored, a scope may be `{}`, and then the hold binds everything: what was removed does not come back.
        ...scopeOf(data.scope),
        reason: data.reason,
        placed_by: data.placedBy,
        placed_at: metadata.recordedAt,
        released_by: null,
        released_at: null,
        release_reason: null,
      }),
    },
    LegalHoldReleased: {
      key: ({ data }) => data.holdId,
      apply: (row, { data, metadata }) =>
        row && {
          ...row,
          status: 'released',
          released_by: data.releasedBy,
          released_at: metadata.recordedAt,
          release_reason: data.reason,
        },
    },
  },
});

function scopeOf({ kind = 'everything', id = '*' }: Partial<HoldScope>): Pick<LegalHoldRow, 'kind' | 'about'> {
  return { kind, about: id };
}
