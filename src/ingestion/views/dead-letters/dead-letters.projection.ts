import type { IngestionEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { DeadLetterRow } from './dead-letters.row.ts';

/** What came in and was no event: nothing vanishes. */
export const deadLetters = defineView<DeadLetterRow, IngestionEvent>({
  name: 'dead-letters',
  version: 1,
  table: 'ingestion_dead_letters',
  key: 'rejection_id',
  columns: {
    rejection_id: 'text',
    code: 'text',
    reason: 'text',
    bytes: 'integer',
    content_type: 'text',
    channel: 'text',
    received_from: 'text',
    at: 'timestamptz',
    status: 'text',
    redriven_outcome: 'text',
    redriven_detail: 'text',
    redriven_at: 'timestamptz',
  },
  indexes: [['at', 'rejection_id']],
  on: {
    OutsideEventRejected: {
      key: ({ data }) => data.rejectionId,
      apply: (_row, { data, metadata }) => ({
        rejection_id: data.rejectionId,
        code: data.code,
        reason: data.reason,
        bytes: data.bytes,
        content_type: data.contentType,
        channel: data.channel,
        received_from: data.receivedFrom,
        at: metadata.recordedAt,
        status: 'open',
        redriven_outcome: null,
        redriven_detail: null,
        redriven_at: null,
      }),
    },
    OutsideEventRedriven: {
      key: ({ data }) => data.rejectionId,
      apply: (row, { data, metadata }) =>
        row && {
          ...row,
          status: data.outcome === 'accepted' ? 'accepted' : row.status,
          redriven_outcome: data.outcome,
          redriven_detail: data.detail,
          redriven_at: metadata.recordedAt,
        },
    },
    OutsideEventReceived: 'ignored',
    OutsideEventApplied: 'ignored',
  },
});
