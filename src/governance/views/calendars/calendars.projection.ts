import type { CalendarEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { CalendarRow } from './calendars.row.ts';

/** Freezes and allowed windows: what counts, what will, and what did. */
export const calendarBoard = defineView<CalendarRow, CalendarEvent>({
  name: 'calendars',
  version: 1,
  table: 'calendar_board',
  key: 'calendar_id',
  columns: {
    calendar_id: 'text',
    title: 'text',
    kind: 'text',
    status: 'text',
    version: 'integer',
    zone: 'text',
    versions: 'jsonb',
    justification: 'text',
    changed_by: 'text',
    effective_from: 'timestamptz',
    updated_at: 'timestamptz',
  },
  indexes: [['kind', 'calendar_id']],
  on: {
    CalendarDeclared: said(),
    CalendarChanged: said(),
    CalendarWithdrawn: {
      key: ({ data }) => data.calendarId,
      apply: (row, event) => {
        const { calendarId, version, effectiveFrom } = event.data;
        return row && { ...row, ...noted(event), status: 'withdrawn', versions: [...row.versions, { calendarId, version, effectiveFrom }] };
      },
    },
  },
});

type Said = Extract<CalendarEvent, { type: 'CalendarDeclared' | 'CalendarChanged' }>;

function said<E extends Said>(): RowChange<CalendarRow, E> {
  return {
    key: ({ data }) => data.calendarId,
    apply: (row, event) => {
      const { calendarId, version, effectiveFrom, title, kind, scope, zone, window, passes } = event.data;
      const said = { calendarId, version, effectiveFrom, contents: { title, kind, scope, zone, window, passes } };
      return {
        calendar_id: calendarId,
        title,
        kind,
        zone,
        status: 'declared',
        ...noted(event),
        versions: [...(row?.versions ?? []), said],
      };
    },
  };
}

function noted({
  data,
  metadata,
}: StoredEvent<CalendarEvent>): Pick<CalendarRow, 'version' | 'justification' | 'changed_by' | 'effective_from' | 'updated_at'> {
  return {
    version: data.version,
    justification: data.justification,
    changed_by: metadata.actor,
    effective_from: data.effectiveFrom,
    updated_at: metadata.recordedAt,
  };
}
