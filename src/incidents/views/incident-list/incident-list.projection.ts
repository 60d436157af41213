import type { IncidentEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { IncidentListRow } from './incident-list.row.ts';

type Row = IncidentListRow;

/** Newest attempts to deliver that are kept of an incident. */
export const MOST_DELIVERIES = 100;

/** Every incident, and whom it has reached. */
export const incidentList = defineView<Row, IncidentEvent>({
  name: 'incident-list',
  version: 1,
  table: 'incident_list',
  key: 'incident_id',
  columns: {
    incident_id: 'text',
    deployment_id: 'text',
    release_id: 'text',
    environment: 'text',
    title: 'text',
    severity: 'text',
    cause: 'text',
    status: 'text',
    resolution: 'text',
    deliveries: 'jsonb',
    opened_at: 'timestamptz',
    resolved_at: 'timestamptz',
  },
  indexes: [
    ['opened_at', 'incident_id'],
    ['environment', 'opened_at'],
    ['status', 'opened_at'],
  ],
  on: {
    IncidentOpened: {
      key: ({ data }) => data.incidentId,
      apply: (_row, { data, metadata }) => ({
        incident_id: data.incidentId,
        deployment_id: data.deploymentId,
        release_id: data.releaseId,
        environment: data.environment,
        title: data.title,
        severity: data.severity,
        cause: data.cause,
        status: 'open',
        resolution: null,
        deliveries: [],
        opened_at: metadata.recordedAt,
        resolved_at: null,
      }),
    },
    IncidentDelivered: changed((row, { data: { channel, reference }, metadata }) => ({
      deliveries: [
        ...row.deliveries,
        { channel, outcome: 'delivered' as const, at: metadata.recordedAt, ...(reference ? { reference } : {}) },
      ].slice(-MOST_DELIVERIES),
    })),
    IncidentDeliveryFailed: changed((row, { data: { channel, reason }, metadata }) => ({
      deliveries: [...row.deliveries, { channel, outcome: 'failed' as const, at: metadata.recordedAt, reason }].slice(-MOST_DELIVERIES),
    })),
    IncidentResolved: changed((_row, { data, metadata }) => ({
      status: 'resolved',
      resolution: data.resolution,
      resolved_at: metadata.recordedAt,
    })),
  },
});

function changed<E extends IncidentEvent>(change: (row: Row, event: StoredEvent<E>) => Partial<Row>): RowChange<Row, E> {
  return { key: ({ data }) => data.incidentId, apply: (row, event) => row && { ...row, ...change(row, event) } };
}
