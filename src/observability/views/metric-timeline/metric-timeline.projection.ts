import type { DeploymentEvent, MetricEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { DeploymentMark, MetricPoint, MetricTimelineRow } from './metric-timeline.row.ts';

type Row = MetricTimelineRow;

/** What is kept to be drawn, the newest; the streams have everything. */
export const MOST_POINTS = 600;
export const MOST_MARKS = 200;

export const seriesOf = (environment: string, service = ''): string => `${environment}/${service}`;

/** Measured traffic with the deployments that were made meanwhile. */
export const metricTimeline = defineView<Row, DeploymentEvent | MetricEvent>({
  name: 'metric-timeline',
  version: 1,
  table: 'metric_timeline',
  key: 'series',
  columns: { series: 'text', environment: 'text', service: 'text', points: 'jsonb', marks: 'jsonb', updated_at: 'timestamptz' },
  on: {
    MetricSamplesRecorded: {
      key: ({ data }) => seriesOf(data.environment, data.service),
      apply: (row, { data, metadata }, key) => ({
        series: key,
        environment: data.environment,
        service: data.service,
        points: merged(
          row?.points ?? [],
          data.samples.map((sample) => ({ ...sample, source: data.source })),
        ),
        marks: [],
        updated_at: metadata.recordedAt,
      }),
    },
    DeploymentStarted: marked((marks, { data, metadata }) => [
      ...marks,
      {
        at: metadata.recordedAt,
        deploymentId: data.deploymentId,
        releaseId: data.releaseId,
        kind: data.rollbackOf ? 'rollback' : 'deployment',
        outcome: 'started',
      },
    ]),
    DeploymentSucceeded: marked((marks, event) => ended(marks, event, 'succeeded')),
    DeploymentFailed: marked((marks, event) => ended(marks, event, 'failed')),
    DeploymentHalted: marked((marks, event) => ended(marks, event, 'halted')),
    DeploymentResumed: marked((marks, { data }) =>
      marks.map(({ endedAt, ...mark }) =>
        mark.deploymentId === data.deploymentId ? { ...mark, outcome: 'started' } : { ...mark, ...(endedAt ? { endedAt } : {}) },
      ),
    ),
    DeploymentConfirmed: 'ignored',
    StepLeased: 'ignored',
    StepLeaseRenewed: 'ignored',
    StepSucceeded: 'ignored',
    StepFailed: 'ignored',
  },
});

/** By time, whatever the order in which sources send; the newest are kept. */
function merged(points: readonly MetricPoint[], more: readonly MetricPoint[]): readonly MetricPoint[] {
  return [...points, ...more].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).slice(-MOST_POINTS);
}

function marked<E extends DeploymentEvent>(
  change: (marks: readonly DeploymentMark[], event: StoredEvent<E>) => readonly DeploymentMark[],
): RowChange<Row, E> {
  return {
    key: ({ data }) => seriesOf(data.environment),
    apply: (row, event, key) => ({
      series: key,
      environment: event.data.environment,
      service: '',
      points: [],
      marks: change(row?.marks ?? [], event).slice(-MOST_MARKS),
      updated_at: event.metadata.recordedAt,
    }),
  };
}

function ended(
  marks: readonly DeploymentMark[],
  { data, metadata }: StoredEvent<Extract<DeploymentEvent, { type: 'DeploymentSucceeded' | 'DeploymentFailed' | 'DeploymentHalted' }>>,
  outcome: DeploymentMark['outcome'],
): readonly DeploymentMark[] {
  return marks.map((mark) => (mark.deploymentId === data.deploymentId ? { ...mark, outcome, endedAt: metadata.recordedAt } : mark));
}
