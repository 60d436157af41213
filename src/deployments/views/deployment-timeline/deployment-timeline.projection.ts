import {
  describeEvent,
  type DeploymentEvent,
  type IncidentEvent,
  type PlimsollEvent,
  type SmokeRunEvent,
  type TriggerEvent,
} from '#libs/contracts';
import type { DomainEvent, StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { DeploymentTimelineRow, TimelineRun, TimelineStep } from './deployment-timeline.row.ts';

type TimelineEvent = DeploymentEvent | IncidentEvent | SmokeRunEvent | TriggerEvent;
type Row = DeploymentTimelineRow;
type OfDeployment = Extract<PlimsollEvent, DomainEvent<string, { readonly deploymentId: string }>>;

/** Newest entries that are kept of a deployment; the streams have them all. */
export const MOST_ENTRIES = 1000;

/** Every deployment as it happened, and what there is to run. */
export const deploymentTimeline = defineView<Row, TimelineEvent>({
  name: 'deployment-timeline',
  version: 1,
  table: 'deployment_timeline',
  key: 'deployment_id',
  columns: {
    deployment_id: 'text',
    release_id: 'text',
    environment: 'text',
    status: 'text',
    open: 'boolean',
    round: 'integer',
    deployer: 'text',
    rollback_of: 'jsonb',
    rolled_back_by: 'text',
    steps: 'jsonb',
    entries: 'jsonb',
    smoke: 'jsonb',
    started_at: 'timestamptz',
    ended_at: 'timestamptz',
    updated_position: 'bigint',
  },
  indexes: [['started_at', 'deployment_id'], ['environment', 'started_at'], ['release_id', 'started_at'], ['open'], ['updated_position']],
  on: {
    DeploymentStarted: {
      key: ({ data }) => [data.deploymentId, ...(data.rollbackOf ? [data.rollbackOf.deploymentId] : [])],
      apply: (row, event, key) => {
        if (key !== event.data.deploymentId) return row && noted(row, event);
        return noted(begun(event), event);
      },
    },
    DeploymentConfirmed: happened(() => ({ status: 'running', open: true })),
    DeploymentHalted: happened((_row, event) => ({ status: 'halted', open: false, ended_at: event.metadata.recordedAt })),
    DeploymentResumed: happened((row, { data }) => ({
      status: 'started',
      open: false,
      round: data.round,
      ended_at: null,
      steps: row.steps.map((step) => resumed(step, data.steps)),
    })),
    DeploymentSucceeded: {
      key: ({ data }) => [data.deploymentId, ...(data.rollbackOf ? [data.rollbackOf.deploymentId] : [])],
      apply: (row, event, key) => {
        if (!row) return undefined;
        const { deploymentId } = event.data;
        return key === deploymentId
          ? noted({ ...row, status: 'succeeded', open: false, ended_at: event.metadata.recordedAt }, event)
          : noted({ ...row, rolled_back_by: deploymentId }, event);
      },
    },
    DeploymentFailed: happened((_row, event) => ({ status: 'failed', open: false, ended_at: event.metadata.recordedAt })),

    StepLeased: happened((row, { data, metadata }) => ({
      steps: withRun(row.steps, data.step, data.compensating, () => ({
        status: 'leased',
        attempt: data.attempt,
        holder: data.holder,
        leasedAt: metadata.recordedAt,
        leasedUntil: data.leasedUntil,
      })),
    })),
    // Too many to note one by one: the newest is in the step.
    StepLeaseRenewed: {
      key: ({ data }) => data.deploymentId,
      apply: (row, { data, position }) => {
        if (!row) return undefined;
        const compensating = row.steps.some((s) => s.id === data.step && s.compensation?.status === 'leased');
        const steps = withRun(row.steps, data.step, compensating, (run) => ({ ...run, leasedUntil: data.leasedUntil }));
        return { ...row, steps, updated_position: position };
      },
    },
    StepSucceeded: happened((row, event) => ({ steps: reported(row.steps, 'succeeded', event) })),
    StepFailed: happened((row, event) => ({ steps: reported(row.steps, 'failed', event) })),

    SmokeRunStarted: happened((_row, { data }) => ({ smoke: { outcome: 'running', deadline: data.deadline } })),
    SmokeRunPassed: happened((_row, { data }) => ({ smoke: { outcome: 'passed', reason: data.reason, checks: data.checks } })),
    SmokeRunFailed: happened((_row, { data }) => ({ smoke: { outcome: 'failed', reason: data.reason, checks: data.checks } })),
    SmokeRunTimedOut: happened((_row, { data }) => ({
      smoke: { outcome: 'timed-out', deadline: data.deadline, reason: `No answer by ${data.deadline}.` },
    })),

    TriggerDefined: 'ignored',
    TriggerCleared: 'ignored',
    TriggerFired: happened(() => ({})),
    IncidentOpened: happened(() => ({})),
    IncidentDelivered: happened(() => ({})),
    IncidentDeliveryFailed: happened(() => ({})),
    IncidentResolved: happened(() => ({})),
  },
});

/** A change of a deployment that is there, with an entry of what happened. */
function happened<E extends OfDeployment>(change: (row: Row, event: StoredEvent<E>) => Partial<Row>): RowChange<Row, E> {
  return {
    key: ({ data }) => data.deploymentId,
    apply: (row, event) => row && noted({ ...row, ...change(row, event) }, event),
  };
}

function begun({ data, metadata, position }: StoredEvent<Extract<DeploymentEvent, { type: 'DeploymentStarted' }>>): Row {
  return {
    deployment_id: data.deploymentId,
    release_id: data.releaseId,
    environment: data.environment,
    status: 'started',
    open: false,
    round: data.round,
    deployer: data.deployer,
    rollback_of: data.rollbackOf ?? null,
    rolled_back_by: null,
    steps: data.steps.map(({ id, driver, action, dependsOn, compensation }) => ({
      id,
      driver,
      action,
      dependsOn,
      status: 'waiting',
      attempt: 0,
      ...(compensation
        ? { compensation: { driver: compensation.driver, action: compensation.action, status: 'waiting' as const, attempt: 0 } }
        : {}),
    })),
    entries: [],
    smoke: null,
    started_at: metadata.recordedAt,
    ended_at: null,
    updated_position: position,
  };
}

function noted(row: Row, event: StoredEvent<OfDeployment>): Row {
  const { id, type, stream, revision, metadata, position } = event;
  const entry = { at: metadata.recordedAt, event: type, detail: describeEvent(event), eventId: id, stream, revision };
  return { ...row, entries: [...row.entries, entry].slice(-MOST_ENTRIES), updated_position: position };
}

/** Steps with another state of one run; what the plan says of the step stays. */
function withRun(
  steps: readonly TimelineStep[],
  id: string,
  compensating: boolean,
  change: (run: TimelineRun) => TimelineRun,
): readonly TimelineStep[] {
  return steps.map((step) => {
    if (step.id !== id) return step;
    const { driver, action, dependsOn, compensation } = step;
    if (!compensating) return { id, driver, action, dependsOn, ...change(step), ...(compensation ? { compensation } : {}) };
    return compensation
      ? { ...step, compensation: { driver: compensation.driver, action: compensation.action, ...change(compensation) } }
      : step;
  });
}

function reported(
  steps: readonly TimelineStep[],
  status: 'succeeded' | 'failed',
  { data, metadata }: StoredEvent<Extract<DeploymentEvent, { type: 'StepSucceeded' | 'StepFailed' }>>,
): readonly TimelineStep[] {
  const { step, compensating, attempt, durationMs, summary, logDigest, kept } = data;
  return withRun(steps, step, compensating, ({ holder, leasedAt }) => ({
    status,
    attempt,
    ...(holder === undefined ? {} : { holder }),
    ...(leasedAt === undefined ? {} : { leasedAt }),
    endedAt: metadata.recordedAt,
    durationMs,
    summary,
    logDigest,
    ...(kept === undefined ? {} : { record: kept.recordId }),
  }));
}

/** Failed steps wait again, with the attempts that they had; compensations begin anew. */
function resumed(step: TimelineStep, again: readonly string[]): TimelineStep {
  const { id, driver, action, dependsOn, attempt, compensation, ...run } = step;
  const waiting = again.includes(id);
  return {
    id,
    driver,
    action,
    dependsOn,
    attempt,
    ...(waiting ? { status: 'waiting' } : run),
    ...(compensation ? { compensation: { driver: compensation.driver, action: compensation.action, status: 'waiting', attempt: 0 } } : {}),
  };
}
