import type {
  ApprovalEvent,
  DeploymentEvent,
  IncidentEvent,
  ReleaseEvent,
  SmokeRunEvent,
  TestReportEvent,
  VersionLineEvent,
} from '#libs/contracts';
import type { CommandDenied, DomainEvent, StoredEvent } from '#libs/event-sourcing';
import { tallyRecorded } from '#libs/policy';
import { defineView, type RowChange } from '#libs/read-models';
import type { BoardApproval, BoardDeployment, BoardEnvironment, BoardTests, ReleaseBoardRow } from './release-board.row.ts';

type BoardEvent =
  ApprovalEvent | CommandDenied | DeploymentEvent | IncidentEvent | ReleaseEvent | SmokeRunEvent | TestReportEvent | VersionLineEvent;
type Row = ReleaseBoardRow;
type OfRelease = DomainEvent<string, { readonly releaseId: string }>;
type InEnvironment = DomainEvent<string, { readonly releaseId: string; readonly environment: string }>;

/** Every release with its place in every environment: what a release manager looks at first. */
export const releaseBoard = defineView<Row, BoardEvent>({
  name: 'release-board',
  version: 1,
  table: 'release_board',
  key: 'release_id',
  columns: {
    release_id: 'text',
    product: 'text',
    version: 'text',
    artifacts: 'jsonb',
    authors: 'jsonb',
    environments: 'jsonb',
    tests: 'jsonb',
    denials: 'integer',
    incidents: 'integer',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    updated_position: 'bigint',
  },
  indexes: [['created_at', 'release_id'], ['product', 'created_at'], ['updated_position']],
  on: {
    ReleaseComposed: {
      key: ({ data }) => data.releaseId,
      apply: (_row, event) => ({
        release_id: event.data.releaseId,
        product: event.data.product,
        version: null,
        artifacts: event.data.artifacts,
        authors: event.data.authors,
        environments: {},
        tests: { passed: 0, failed: 0, inconclusive: 0, suites: [] },
        denials: 0,
        incidents: 0,
        created_at: event.metadata.recordedAt,
        updated_at: event.metadata.recordedAt,
        updated_position: event.position,
      }),
    },
    ReleaseAmended: ofRelease((row, { data }) => ({
      artifacts: data.artifacts,
      authors: data.authors,
      tests: testsOf(row.tests.suites.filter((s) => data.artifacts.some((a) => a.digest === s.artifactDigest))),
    })),
    ReleasePlanned: inEnvironment((place, { data }) => ({ ...place, planHash: data.planHash })),
    VersionAssigned: ofRelease((_row, { data }) => ({ version: data.version })),

    TestReportRecorded: ofRelease((row, { data: { suite, artifactDigest, outcome } }) => ({
      tests: testsOf([
        ...row.tests.suites.filter((s) => s.suite !== suite || s.artifactDigest !== artifactDigest),
        { suite, artifactDigest, outcome },
      ]),
    })),

    ApprovalRequested: inEnvironment((place, { data: { approvalId, round, quorum, groups, tuple } }) => ({
      ...place,
      approval: {
        approvalId,
        round,
        outcome: 'open',
        granted: 0,
        quorum,
        expiresAt: tuple.expiresAt,
        ...(groups ? { groups, voters: [] } : {}),
      },
    })),
    ApprovalGranted: inEnvironment((place, { data }) => withApproval(place, data.round, (a) => granted(a, data))),
    ApprovalWithdrawn: inEnvironment((place, { data }) => withApproval(place, data.round, (a) => withdrawn(a, data.person))),
    ApprovalRejected: inEnvironment((place, { data }) => withApproval(place, data.round, (a) => ({ ...a, outcome: 'rejected' }))),
    ApprovalVoided: inEnvironment((place, { data }) => withApproval(place, data.round, (a) => closed(a, data.because === 'expired'))),

    DeploymentStarted: inEnvironment(({ smoke: _smoke, ...place }, { data: { deploymentId, rollbackOf } }) => ({
      ...place,
      deployment: { deploymentId, status: 'started', ...(rollbackOf ? { rollbackOf: rollbackOf.deploymentId } : {}) },
    })),
    DeploymentConfirmed: inEnvironment((place, { data }) => withStatus(place, data.deploymentId, 'running')),
    DeploymentResumed: inEnvironment((place, { data }) => withStatus(place, data.deploymentId, 'started')),
    DeploymentHalted: inEnvironment((place, { data }) => withStatus(place, data.deploymentId, 'halted')),
    DeploymentFailed: inEnvironment((place, { data }) => withStatus(place, data.deploymentId, 'failed')),
    // A rollback that has ended with success is also the end of what it withdraws.
    DeploymentSucceeded: {
      key: ({ data }) => [data.releaseId, ...(data.rollbackOf ? [data.rollbackOf.releaseId] : [])],
      apply: (row, event, key) => {
        if (!row) return undefined;
        const { deploymentId, releaseId, environment, rollbackOf } = event.data;
        const before = placeIn(row, environment);
        const own = key === releaseId ? withStatus(before, deploymentId, 'succeeded') : before;
        const place = rollbackOf && key === rollbackOf.releaseId ? withStatus(own, rollbackOf.deploymentId, 'rolled-back') : own;
        return touched({ ...row, environments: { ...row.environments, [environment]: place } }, event);
      },
    },
    StepLeased: 'ignored',
    StepLeaseRenewed: 'ignored',
    StepSucceeded: 'ignored',
    StepFailed: 'ignored',

    SmokeRunStarted: inEnvironment((place, { data }) => withSmoke(place, data.deploymentId, 'running')),
    SmokeRunPassed: inEnvironment((place, { data }) => withSmoke(place, data.deploymentId, 'passed')),
    SmokeRunFailed: inEnvironment((place, { data }) => withSmoke(place, data.deploymentId, 'failed')),
    SmokeRunTimedOut: inEnvironment((place, { data }) => withSmoke(place, data.deploymentId, 'timed-out')),

    CommandDenied: {
      key: ({ data }) => data.about['releaseId'],
      apply: (row, event) => row && touched({ ...row, denials: row.denials + 1 }, event),
    },
    IncidentOpened: ofRelease((row) => ({ incidents: row.incidents + 1 })),
    IncidentDelivered: 'ignored',
    IncidentDeliveryFailed: 'ignored',
    IncidentResolved: 'ignored',
  },
});

/** A change of a release that is on the board; of one that is not, nothing is known that could be shown. */
function ofRelease<E extends OfRelease>(change: (row: Row, event: StoredEvent<E>) => Partial<Row>): RowChange<Row, E> {
  return {
    key: ({ data }) => data.releaseId,
    apply: (row, event) => row && touched({ ...row, ...change(row, event) }, event),
  };
}

function inEnvironment<E extends InEnvironment>(
  change: (place: BoardEnvironment, event: StoredEvent<E>) => BoardEnvironment,
): RowChange<Row, E> {
  return ofRelease((row, event) => {
    const { environment } = event.data;
    return { environments: { ...row.environments, [environment]: change(placeIn(row, environment), event) } };
  });
}

function touched(row: Row, event: StoredEvent): Row {
  return { ...row, updated_at: event.metadata.recordedAt, updated_position: event.position };
}

/** An environment may be named as a property that every object has. */
function placeIn(row: Row, environment: string): BoardEnvironment {
  return (Object.hasOwn(row.environments, environment) ? row.environments[environment] : undefined) ?? {};
}

function withApproval(place: BoardEnvironment, round: number, change: (approval: BoardApproval) => BoardApproval): BoardEnvironment {
  return place.approval?.round === round ? { ...place, approval: change(place.approval) } : place;
}

/** What was approved in time was approved: its time being over takes that from nobody. */
function closed(approval: BoardApproval, expired: boolean): BoardApproval {
  return { ...approval, outcome: !expired ? 'voided' : approval.outcome === 'approved' ? 'approved' : 'expired' };
}

function granted(
  approval: BoardApproval,
  { person, groups }: { readonly person: string; readonly groups?: readonly string[] },
): BoardApproval {
  if (approval.groups) return tallied({ ...approval, voters: [...(approval.voters ?? []), { person, groups: groups ?? [] }] });
  const count = approval.granted + 1;
  return { ...approval, granted: count, outcome: count >= approval.quorum ? 'approved' : approval.outcome };
}

function withdrawn(approval: BoardApproval, person: string): BoardApproval {
  if (approval.groups) return tallied({ ...approval, voters: (approval.voters ?? []).filter((v) => v.person !== person) });
  const count = approval.granted - 1;
  return { ...approval, granted: count, outcome: approval.outcome === 'approved' && count < approval.quorum ? 'open' : approval.outcome };
}

/** With groups a person counts for one of them only, so that votes are not merely added up. */
function tallied(approval: BoardApproval): BoardApproval {
  const { quorum, groups = [], voters = [], outcome } = approval;
  const { needed, missing } = tallyRecorded(voters, { quorum, groups });
  const open = outcome === 'open' || outcome === 'approved';
  return { ...approval, granted: needed - missing, outcome: open ? (missing === 0 ? 'approved' : 'open') : outcome };
}

function withStatus(place: BoardEnvironment, deploymentId: string, status: BoardDeployment['status']): BoardEnvironment {
  return place.deployment?.deploymentId === deploymentId ? { ...place, deployment: { ...place.deployment, status } } : place;
}

function withSmoke(place: BoardEnvironment, deploymentId: string, smoke: NonNullable<BoardEnvironment['smoke']>): BoardEnvironment {
  return place.deployment?.deploymentId === deploymentId ? { ...place, smoke } : place;
}

function testsOf(suites: BoardTests['suites']): BoardTests {
  const count = (outcome: 'pass' | 'fail' | 'inconclusive'): number => suites.filter((s) => s.outcome === outcome).length;
  return { passed: count('pass'), failed: count('fail'), inconclusive: count('inconclusive'), suites };
}
