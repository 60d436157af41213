import type { IngestionEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { OutsideEventTypeRow } from './outside-event-types.row.ts';

/** What others tell, by type: what is not understood is counted, too. */
export const outsideEventTypes = defineView<OutsideEventTypeRow, IngestionEvent>({
  name: 'outside-event-types',
  version: 1,
  table: 'ingestion_event_types',
  key: 'event_type',
  columns: {
    event_type: 'text',
    received: 'integer',
    understood: 'integer',
    kept: 'integer',
    applied: 'integer',
    refused: 'integer',
    kept_because: 'text',
    last_at: 'timestamptz',
  },
  on: {
    OutsideEventReceived: {
      key: ({ data }) => data.envelope.type,
      apply: (row, { data, metadata }, eventType) => {
        const before = row ?? { ...NONE, event_type: eventType, last_at: metadata.recordedAt };
        const understood = data.disposition === 'understood';
        return {
          ...before,
          received: before.received + 1,
          understood: before.understood + (understood ? 1 : 0),
          kept: before.kept + (understood ? 0 : 1),
          kept_because: data.keptBecause ?? before.kept_because,
          last_at: metadata.recordedAt,
        };
      },
    },
    OutsideEventApplied: {
      key: ({ data }) => data.eventType,
      apply: (row, { data }) =>
        row && {
          ...row,
          applied: row.applied + (data.outcome === 'applied' ? 1 : 0),
          refused: row.refused + (data.outcome === 'refused' ? 1 : 0),
        },
    },
    OutsideEventRejected: 'ignored',
    OutsideEventRedriven: 'ignored',
  },
});

const NONE = { received: 0, understood: 0, kept: 0, applied: 0, refused: 0, kept_because: null };
