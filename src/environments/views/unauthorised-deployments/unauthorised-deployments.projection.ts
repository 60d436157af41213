import type { EnvironmentEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { UnauthorisedDeploymentRow } from './unauthorised-deployments.row.ts';

/** Every deployment around Plimsoll that somebody told of; one row for each report. */
export const unauthorisedDeployments = defineView<
  UnauthorisedDeploymentRow,
  Extract<EnvironmentEvent, { type: 'UnauthorisedDeploymentObserved' }>
>({
  name: 'unauthorised-deployments',
  version: 1,
  table: 'unauthorised_deployment',
  key: 'observation_id',
  columns: {
    observation_id: 'text',
    environment: 'text',
    service: 'text',
    artifact: 'text',
    change: 'text',
    reason: 'text',
    detail: 'text',
    evidence: 'jsonb',
    reported_by: 'text',
    claimed_occurred_at: 'text',
    skew_seconds: 'bigint',
    observed_at: 'timestamptz',
    position: 'bigint',
  },
  indexes: [['position'], ['environment', 'position']],
  on: {
    UnauthorisedDeploymentObserved: {
      key: (e) => e.id,
      apply: (_row, { data, metadata, position }, key) => ({
        observation_id: key,
        environment: data.environment,
        service: data.service,
        artifact: data.artifact,
        change: data.change,
        reason: data.reason,
        detail: data.detail,
        evidence: data.evidence,
        reported_by: data.reportedBy,
        claimed_occurred_at: data.claimedOccurredAt,
        skew_seconds: BigInt(data.skewSeconds),
        observed_at: metadata.recordedAt,
        position,
      }),
    },
  },
});
