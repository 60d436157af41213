import type { PlimsollEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { DEPLOYMENT, ENVIRONMENT, RELEASE, ROLLBACK, story, storyUntil, type Told } from '../../../../test/support/story.ts';
import { deploymentTimeline, MOST_ENTRIES } from './deployment-timeline.projection.ts';
import type { DeploymentTimelineRow } from './deployment-timeline.row.ts';

const until = (type: PlimsollEvent['type'], nth?: number): DeploymentTimelineRow | undefined =>
  foldView(deploymentTimeline, storyUntil(type, nth)).get(DEPLOYMENT);
const of = { deploymentId: DEPLOYMENT, releaseId: RELEASE, environment: ENVIRONMENT };
const stream = `deployment-${DEPLOYMENT}`;
const after = (type: PlimsollEvent['type'], ...more: readonly Told[]): DeploymentTimelineRow | undefined =>
  foldView(deploymentTimeline, history([...story.slice(0, storyUntil(type).length), ...more])).get(DEPLOYMENT);
const leased = (step: string, attempt: number, compensating = false): Told => ({
  stream,
  event: {
    type: 'StepLeased',
    data: { ...of, step, attempt, holder: 'deployer-2', fencingToken: 9, leasedUntil: '2026-03-02T10:02:00.000Z', compensating },
  },
});
const failed = (step: string, attempt: number, compensating = false): Told => ({
  stream,
  event: {
    type: 'StepFailed',
    data: { ...of, step, attempt, fencingToken: 9, compensating, summary: 'exit code 1', logDigest: '3'.repeat(64), durationMs: 5 },
  },
});

describe('The timeline of a deployment', () => {
  it('has work for deployers from when it is confirmed until it has ended', () => {
    const open = (type: PlimsollEvent['type']): unknown => [until(type)?.status, until(type)?.open];
    expect(open('DeploymentStarted')).toEqual(['started', false]);
    expect(open('DeploymentConfirmed')).toEqual(['running', true]);
    expect(until('EnvironmentFreed')).toMatchObject({ status: 'succeeded', open: false, ended_at: '2026-03-02T10:00:18.000Z' });
  });

  it('shows who runs a step, and how it went', () => {
    expect(until('StepLeased')?.steps).toEqual([
      {
        id: 'start',
        driver: 'exec',
        action: 'switch',
        dependsOn: [],
        status: 'leased',
        attempt: 1,
        holder: 'deployer-1',
        leasedAt: '2026-03-02T10:00:14.000Z',
        leasedUntil: '2026-03-02T10:01:00.000Z',
      },
      { id: 'switch', driver: 'exec', action: 'switch', dependsOn: [{ step: 'start', onFailure: 'halt' }], status: 'waiting', attempt: 0 },
    ]);
    expect(until('StepSucceeded')?.steps[0]).toEqual({
      id: 'start',
      driver: 'exec',
      action: 'switch',
      dependsOn: [],
      status: 'succeeded',
      attempt: 1,
      holder: 'deployer-1',
      leasedAt: '2026-03-02T10:00:14.000Z',
      endedAt: '2026-03-02T10:00:15.000Z',
      durationMs: 40,
      summary: 'done',
      logDigest: '1'.repeat(64),
    });
  });

  it('tells everything in the order in which it happened, with where it is written', () => {
    const entries = foldView(deploymentTimeline, history(story)).get(DEPLOYMENT)?.entries ?? [];
    expect(entries.map((e) => e.event)).toEqual([
      'DeploymentStarted',
      'DeploymentConfirmed',
      'StepLeased',
      'StepSucceeded',
      'StepLeased',
      'StepSucceeded',
      'DeploymentSucceeded',
      'SmokeRunStarted',
      'SmokeRunFailed',
      'IncidentOpened',
      'IncidentDelivered',
      'DeploymentStarted',
      'DeploymentSucceeded',
      'IncidentResolved',
    ]);
    expect(entries[1]).toEqual({
      at: '2026-03-02T10:00:13.000Z',
      event: 'DeploymentConfirmed',
      detail: 'With production reserved, every gate of policy strict version 3 passed again.',
      eventId: '00000000-0000-5000-8000-000000000013',
      stream,
      revision: 1,
    });
  });

  it('says of both what a rollback withdrew', () => {
    const rows = foldView(deploymentTimeline, history(story));
    expect(rows.get(DEPLOYMENT)).toMatchObject({ status: 'succeeded', rolled_back_by: ROLLBACK, smoke: { outcome: 'failed' } });
    expect(rows.get(ROLLBACK)).toMatchObject({ status: 'succeeded', rollback_of: { deploymentId: DEPLOYMENT, releaseId: RELEASE } });
  });

  it('shows a resumed deployment as not ended, with the attempts that its steps had', () => {
    const ended: Told = {
      stream,
      event: { type: 'DeploymentFailed', data: { ...of, round: 1, failedSteps: ['start'], compensated: false } },
    };
    const resumed: Told = { stream, event: { type: 'DeploymentResumed', data: { ...of, steps: ['start'], reason: 'Mended.', round: 2 } } };
    expect(after('StepLeased', failed('start', 1), ended)).toMatchObject({ status: 'failed', open: false });
    expect(after('StepLeased', failed('start', 1), ended, resumed)).toMatchObject({
      status: 'started',
      round: 2,
      ended_at: null,
      steps: [{ id: 'start', status: 'waiting', attempt: 1 }, { id: 'switch' }],
    });
    expect(after('StepLeased', failed('start', 1), ended, resumed)?.steps[0]).not.toHaveProperty('summary');
  });

  it('keeps a compensation apart from the step that it undoes', () => {
    const started = story.find((t) => t.event.type === 'DeploymentStarted')!;
    const data = started.event.data as Extract<PlimsollEvent, { type: 'DeploymentStarted' }>['data'];
    const step = { ...data.steps[0]!, compensation: { driver: 'exec', action: 'stop', input: {} } };
    const withCompensation: Told = { stream, event: { type: 'DeploymentStarted', data: { ...data, steps: [step] } } };
    const row = foldView(
      deploymentTimeline,
      history([withCompensation, leased('start', 1), leased('start', 1, true), failed('start', 1, true)]),
    );
    expect(row.get(DEPLOYMENT)?.steps).toMatchObject([
      { status: 'leased', action: 'switch', compensation: { action: 'stop', status: 'failed', attempt: 1, summary: 'exit code 1' } },
    ]);
  });

  it('is not filled by renewed leases, and has an end however often a step is tried', () => {
    const renewed: Told = {
      stream,
      event: {
        type: 'StepLeaseRenewed',
        data: { ...of, step: 'start', fencingToken: 1, leasedUntil: '2026-03-02T10:03:00.000Z' },
      },
    };
    const row = after('StepLeased', renewed, renewed);
    expect([row?.entries.length, row?.steps[0]?.leasedUntil]).toEqual([3, '2026-03-02T10:03:00.000Z']);
    const many = Array.from({ length: MOST_ENTRIES + 5 }, (_, n) => leased('start', n + 2));
    expect(after('StepLeased', ...many)?.entries).toHaveLength(MOST_ENTRIES);
  });
});
