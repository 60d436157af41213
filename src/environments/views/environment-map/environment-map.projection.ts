import type { DeploymentEvent, EnvironmentEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { EnvironmentMapRow } from './environment-map.row.ts';

type MapEvent = DeploymentEvent | EnvironmentEvent;
type Row = EnvironmentMapRow;

/** What is where: a report from outside never becomes a deployment of ours. */
export const environmentMap = defineView<Row, MapEvent>({
  name: 'environment-map',
  version: 2,
  table: 'environment_map',
  key: 'environment',
  columns: {
    environment: 'text',
    class: 'text',
    policy_id: 'text',
    regimes: 'jsonb',
    proposal: 'jsonb',
    held_by: 'text',
    deployed: 'jsonb',
    previous: 'jsonb',
    observed: 'jsonb',
    updated_at: 'timestamptz',
  },
  on: {
    EnvironmentDefined: changed((_row, { data }) => ({
      class: data.class,
      policy_id: data.policyId,
      regimes: data.regimes ?? [],
      proposal: null,
    })),
    EnvironmentChangeProposed: changed((_row, { data, metadata }) => {
      const { environment: _environment, ...proposal } = data;
      return { proposal: { ...proposal, proposedAt: metadata.recordedAt } };
    }),
    EnvironmentChangeWithdrawn: changed(() => ({ proposal: null })),
    EnvironmentReserved: changed((_row, { data }) => ({ held_by: data.deploymentId })),
    EnvironmentFreed: changed((row, { data }) => (row.held_by === data.deploymentId ? { held_by: null } : {})),
    RunningVersionReported: changed((row, { data, metadata }) => {
      const { service, artifact, change, reportedBy, claimedOccurredAt, skewSeconds } = data;
      const seen = { artifact, change, reportedBy, claimedOccurredAt, skewSeconds, at: metadata.recordedAt };
      return { observed: { ...row.observed, [service]: seen } };
    }),
    UnauthorisedDeploymentObserved: 'ignored',
    DeploymentSucceeded: changed((row, { data, metadata }) => ({
      previous: row.deployed,
      deployed: {
        deploymentId: data.deploymentId,
        releaseId: data.releaseId,
        artifacts: data.artifacts.map(({ name, version, digest }) => ({ name, version, digest })),
        at: metadata.recordedAt,
        ...(data.rollbackOf ? { rollbackOf: data.rollbackOf.deploymentId } : {}),
      },
    })),
    DeploymentStarted: 'ignored',
    DeploymentConfirmed: 'ignored',
    DeploymentHalted: 'ignored',
    DeploymentResumed: 'ignored',
    DeploymentFailed: 'ignored',
    StepLeased: 'ignored',
    StepLeaseRenewed: 'ignored',
    StepSucceeded: 'ignored',
    StepFailed: 'ignored',
  },
});

function changed<E extends MapEvent>(change: (row: Row, event: StoredEvent<E>) => Partial<Row>): RowChange<Row, E> {
  return {
    key: ({ data }) => data.environment,
    apply: (row, event, key) => {
      const before = row ?? unknown(key, event.metadata.recordedAt);
      return { ...before, ...change(before, event), updated_at: event.metadata.recordedAt };
    },
  };
}

function unknown(environment: string, at: string): Row {
  return {
    environment,
    class: null,
    policy_id: null,
    regimes: [],
    proposal: null,
    held_by: null,
    deployed: null,
    previous: null,
    observed: {},
    updated_at: at,
  };
}
