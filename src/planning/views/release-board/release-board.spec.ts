import type { PlimsollEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import {
  APPROVAL,
  artifact,
  DEPLOYMENT,
  ENVIRONMENT,
  OLD_RELEASE,
  RELEASE,
  ROLLBACK,
  story,
  storyUntil,
  tuple,
  type Told,
} from '../../../../test/support/story.ts';
import { releaseBoard } from './release-board.projection.ts';
import type { ReleaseBoardRow } from './release-board.row.ts';

const boardUntil = (type: PlimsollEvent['type'], nth?: number): ReleaseBoardRow | undefined =>
  foldView(releaseBoard, storyUntil(type, nth)).get(RELEASE);
const boardAfter = (...more: readonly Told[]): ReleaseBoardRow | undefined =>
  foldView(
    releaseBoard,
    history([
      ...story.slice(
        0,
        story.findIndex((t) => t.event.type === 'DeploymentStarted'),
      ),
      ...more,
    ]),
  ).get(RELEASE);

describe('The release board', () => {
  it('shows a release from the moment it is composed, with the version that it is given', () => {
    expect(boardUntil('ReleaseComposed')).toBeUndefined();
    expect(boardUntil('VersionAssigned')).toEqual({
      release_id: RELEASE,
      product: 'shop',
      version: '2.0.0',
      artifacts: [artifact('2.0.0')],
      authors: ['test|ann'],
      environments: {},
      tests: { passed: 0, failed: 0, inconclusive: 0, suites: [] },
      denials: 0,
      incidents: 0,
      created_at: '2026-03-02T10:00:03.000Z',
      updated_at: '2026-03-02T10:00:04.000Z',
      updated_position: 40n,
    });
  });

  it('shows plan, approval, deployment and smoke run of each environment', () => {
    expect(boardUntil('ReleasePlanned')?.environments).toEqual({ [ENVIRONMENT]: { planHash: tuple.planHash } });
    expect(boardUntil('ApprovalGranted', 1)?.environments[ENVIRONMENT]?.approval).toEqual({
      approvalId: APPROVAL,
      round: 1,
      outcome: 'open',
      granted: 1,
      quorum: 2,
      expiresAt: tuple.expiresAt,
    });
    expect(boardUntil('ApprovalGranted', 2)?.environments[ENVIRONMENT]?.approval).toMatchObject({ outcome: 'approved', granted: 2 });
    expect(boardUntil('DeploymentStarted')?.environments[ENVIRONMENT]?.deployment).toEqual({ deploymentId: DEPLOYMENT, status: 'started' });
    expect(boardUntil('DeploymentConfirmed')?.environments[ENVIRONMENT]?.deployment?.status).toBe('running');
    expect(boardUntil('SmokeRunFailed')?.environments[ENVIRONMENT]).toMatchObject({ deployment: { status: 'succeeded' }, smoke: 'failed' });
  });

  it('counts denials and incidents of a release', () => {
    expect([boardUntil('CommandDenied')?.denials, boardUntil('IncidentOpened')?.incidents]).toEqual([1, 1]);
  });

  it('shows on both releases that one was withdrawn for the other', () => {
    const rows = foldView(releaseBoard, history(story));
    expect(rows.get(RELEASE)?.environments[ENVIRONMENT]?.deployment).toEqual({ deploymentId: DEPLOYMENT, status: 'rolled-back' });
    expect(rows.get(OLD_RELEASE)?.environments[ENVIRONMENT]?.deployment).toEqual({
      deploymentId: ROLLBACK,
      status: 'succeeded',
      rollbackOf: DEPLOYMENT,
    });
  });

  it('shows the newest report of a suite, and forgets those of artifacts that are no longer in the release', () => {
    const report = story.find((t) => t.event.type === 'TestReportRecorded')!;
    const failing = { ...report, event: { ...report.event, data: { ...report.event.data, outcome: 'fail' } } } as Told;
    expect(boardUntil('TestReportRecorded')?.tests).toMatchObject({ passed: 1, failed: 0 });
    expect(boardAfter(failing, failing)?.tests).toMatchObject({ passed: 0, failed: 1, suites: [{ suite: 'unit', outcome: 'fail' }] });
    const amended: Told = {
      stream: `release-${RELEASE}`,
      event: { type: 'ReleaseAmended', data: { releaseId: RELEASE, artifacts: [artifact('2.0.1')], authors: [] } },
    };
    expect(boardAfter(amended)?.tests).toEqual({ passed: 0, failed: 0, inconclusive: 0, suites: [] });
  });

  it('lets no vote of an older round count for a newer one', () => {
    const of = { approvalId: APPROVAL, releaseId: RELEASE, environment: ENVIRONMENT };
    const stream = `approval-${APPROVAL}`;
    const requested: Told = {
      stream,
      event: { type: 'ApprovalRequested', data: { ...of, round: 2, tuple, tupleHash: 'h', quorum: 1, requester: 'person-rita' } },
    };
    const late: Told = { stream, event: { type: 'ApprovalGranted', data: { ...of, round: 1, person: 'person-abe', tupleHash: 'h' } } };
    const voided: Told = { stream, event: { type: 'ApprovalVoided', data: { ...of, round: 2, reason: 'The plan has changed.' } } };
    expect(boardAfter(requested, late)?.environments[ENVIRONMENT]?.approval).toMatchObject({ round: 2, outcome: 'open', granted: 0 });
    expect(boardAfter(requested, voided)?.environments[ENVIRONMENT]?.approval?.outcome).toBe('voided');
  });

  it('is not fooled by an environment with a name that every object has', () => {
    const planned: Told = {
      stream: `release-${RELEASE}`,
      event: { type: 'ReleasePlanned', data: { releaseId: RELEASE, environment: 'constructor', steps: [], stages: [], planHash: 'c' } },
    };
    expect(boardAfter(planned)?.environments['constructor']).toEqual({ planHash: 'c' });
  });

  it('shows nothing for a denial about a release that does not exist', () => {
    const denied = story.find((t) => t.event.type === 'CommandDenied')!;
    expect(foldView(releaseBoard, history([denied])).size).toBe(0);
  });
});
