import type { ApprovalTuple, DecisionReceipt, PlimsollEvent, ReleaseArtifact } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { tupleHashOf } from '#libs/policy';
import { history, type Happening } from './history.ts';

/** Ids of the story below. */
export const OLD_RELEASE = 'release-of-before';
export const RELEASE = '7b0f3a52-0000-5000-8000-000000000001';
export const DEPLOYMENT = '7b0f3a52-0000-5000-8000-000000000002';
export const ROLLBACK = '7b0f3a52-0000-5000-8000-000000000003';
export const APPROVAL = '7b0f3a52-0000-5000-8000-000000000004';
export const INCIDENT = '7b0f3a52-0000-5000-8000-000000000005';
export const SMOKE_RUN = '7b0f3a52-0000-5000-8000-000000000006';
export const ENVIRONMENT = 'production';

export const artifact = (version: string): ReleaseArtifact => ({
  artifactId: `artifact-${version}`,
  name: 'shop',
  version,
  purl: `pkg:npm/shop@${version}`,
  digest: `sha256:${version.replaceAll('.', '').padEnd(64, '0')}`,
});

export const tuple: ApprovalTuple = {
  releaseId: RELEASE,
  artifactDigests: [artifact('2.0.0').digest],
  environment: ENVIRONMENT,
  planHash: 'a'.repeat(64),
  policyId: 'strict',
  policyVersion: 3,
  expiresAt: '2026-03-05T10:00:00.000Z',
};
export const tupleHash = tupleHashOf(tuple);

export const receipt = (gates: readonly DecisionReceipt['gates'][number]['gate'][]): DecisionReceipt => ({
  policyId: 'strict',
  policyVersion: 3,
  evaluatedAt: '2026-03-02T10:00:00.000Z',
  inputs: [`approval-${APPROVAL}@2`, `release-${RELEASE}@1`],
  factsHash: 'f'.repeat(64),
  gates: gates.map((gate) => ({ gate, verdict: 'pass', detail: `${gate} passes.`, evidence: [`release-${RELEASE}@1`] })),
  verdict: 'pass',
});

const step = { driver: 'exec', action: 'switch', input: {} };
const steps = [
  { id: 'start', ...step, dependsOn: [] },
  { id: 'switch', ...step, dependsOn: [{ step: 'start', onFailure: 'halt' as const }] },
];
const smoke = { baseUrl: 'http://127.0.0.1:8080', checks: [{ name: 'home', method: 'GET' as const, path: '/', expectStatus: 200 }] };
const ofDeployment = { deploymentId: DEPLOYMENT, releaseId: RELEASE, environment: ENVIRONMENT };
const ofRollback = { deploymentId: ROLLBACK, releaseId: OLD_RELEASE, environment: ENVIRONMENT };
const rollbackOf = { deploymentId: DEPLOYMENT, releaseId: RELEASE, reason: 'The smoke run failed.' };
const inRound = { approvalId: APPROVAL, releaseId: RELEASE, environment: ENVIRONMENT, round: 1 };
const ofIncident = { incidentId: INCIDENT, ...ofDeployment };
const report = { attempt: 1, compensating: false, summary: 'done', logDigest: '1'.repeat(64), durationMs: 40 };

export type Told = Happening<PlimsollEvent>;

/** A release that is approved by two, deployed, found broken by its smoke run and rolled back: what the views' specs are told. */
export const story: readonly Told[] = [
  {
    stream: 'environment-production',
    event: { type: 'EnvironmentDefined', data: { environment: ENVIRONMENT, class: 'production', policyId: 'strict' } },
    by: 'person-mona',
  },
  {
    stream: `release-${OLD_RELEASE}`,
    event: {
      type: 'ReleaseComposed',
      data: { releaseId: OLD_RELEASE, product: 'shop', artifacts: [artifact('1.0.0')], authors: ['test|ann'] },
    },
    by: 'person-ann',
  },
  {
    stream: 'deployment-of-before',
    event: {
      type: 'DeploymentSucceeded',
      data: { ...ofRollback, deploymentId: 'deployment-of-before', round: 1, artifacts: [artifact('1.0.0')] },
    },
    by: 'system:deployer',
  },
  {
    stream: `release-${RELEASE}`,
    event: {
      type: 'ReleaseComposed',
      data: { releaseId: RELEASE, product: 'shop', artifacts: [artifact('2.0.0')], authors: ['test|ann'] },
    },
    by: 'person-ann',
  },
  {
    stream: 'versionline-shop',
    event: { type: 'VersionAssigned', data: { product: 'shop', releaseId: RELEASE, scheme: 'semver', version: '2.0.0' } },
    by: 'person-ann',
  },
  {
    stream: `release-${RELEASE}`,
    event: {
      type: 'ReleasePlanned',
      data: { releaseId: RELEASE, environment: ENVIRONMENT, steps, stages: [['start'], ['switch']], smoke, planHash: tuple.planHash },
    },
    by: 'person-ann',
  },
  {
    stream: `testreport-${RELEASE}`,
    event: {
      type: 'TestReportRecorded',
      data: {
        releaseId: RELEASE,
        artifactDigest: artifact('2.0.0').digest,
        suite: 'unit',
        format: 'junit',
        reportDigest: '2'.repeat(64),
        outcome: 'pass',
        tests: 12,
        failures: 0,
        errors: 0,
        skipped: 1,
        failed: [],
        tester: 'person-tess',
      },
    },
    by: 'person-tess',
  },
  {
    stream: `approval-${APPROVAL}`,
    event: { type: 'ApprovalRequested', data: { ...inRound, tuple, tupleHash, quorum: 2, requester: 'person-rita' } },
    by: 'person-rita',
  },
  {
    stream: `approval-${APPROVAL}`,
    event: { type: 'ApprovalGranted', data: { ...inRound, person: 'person-abe', tupleHash, comment: 'Looks right.' } },
    by: 'person-abe',
  },
  {
    stream: 'denial-00000000-0000-4000-8000-00000000dead',
    event: {
      type: 'CommandDenied',
      data: {
        command: 'StartDeployment',
        stream: `deployment-${DEPLOYMENT}`,
        about: { releaseId: RELEASE, environment: ENVIRONMENT },
        asked: { releaseId: RELEASE, environment: ENVIRONMENT },
        refusal: 'gates-not-passed',
        kind: 'gate',
        detail: '1 gate does not pass for production.',
        reasons: [{ code: 'gate-approved-inconclusive', detail: '1 of 2 persons approved.', evidence: [`approval-${APPROVAL}@1`] }],
      },
    },
    by: 'person-dan',
  },
  {
    stream: `approval-${APPROVAL}`,
    event: { type: 'ApprovalGranted', data: { ...inRound, person: 'person-bea', tupleHash } },
    by: 'person-bea',
  },
  {
    stream: `deployment-${DEPLOYMENT}`,
    event: {
      type: 'DeploymentStarted',
      data: {
        ...ofDeployment,
        artifacts: [artifact('2.0.0')],
        steps,
        planHash: tuple.planHash,
        smoke,
        round: 1,
        deployer: 'person-dan',
        tuple,
        receipt: receipt(['tests-passed', 'approved', 'duties-separated']),
      },
    },
    by: 'person-dan',
  },
  {
    stream: 'environment-production',
    event: { type: 'EnvironmentReserved', data: { ...ofDeployment, round: 1 } },
    by: 'system:deployments',
  },
  {
    stream: `deployment-${DEPLOYMENT}`,
    event: {
      type: 'DeploymentConfirmed',
      data: { ...ofDeployment, receipt: receipt(['tests-passed', 'approved', 'duties-separated']), fencingBase: 0 },
    },
    by: 'system:deployments',
  },
  ...steps.flatMap(({ id }, n): Told[] => [
    {
      stream: `deployment-${DEPLOYMENT}`,
      event: {
        type: 'StepLeased',
        data: {
          ...ofDeployment,
          step: id,
          attempt: 1,
          holder: 'deployer-1',
          fencingToken: n + 1,
          leasedUntil: '2026-03-02T10:01:00.000Z',
          compensating: false,
        },
      },
      by: 'system:deployer',
    },
    {
      stream: `deployment-${DEPLOYMENT}`,
      event: { type: 'StepSucceeded', data: { ...ofDeployment, ...report, step: id, fencingToken: n + 1 } },
      by: 'system:deployer',
    },
  ]),
  {
    stream: `deployment-${DEPLOYMENT}`,
    event: { type: 'DeploymentSucceeded', data: { ...ofDeployment, round: 1, artifacts: [artifact('2.0.0')], smoke } },
    by: 'system:deployer',
  },
  {
    stream: 'environment-production',
    event: { type: 'EnvironmentFreed', data: { ...ofDeployment, round: 1, outcome: 'succeeded' } },
    by: 'system:deployments',
  },
  {
    stream: `smokerun-${SMOKE_RUN}`,
    event: {
      type: 'SmokeRunStarted',
      data: {
        smokeRunId: SMOKE_RUN,
        ...ofDeployment,
        suite: smoke,
        deadline: '2026-03-02T10:05:00.000Z',
        expectedDigests: [artifact('2.0.0').digest],
      },
    },
    by: 'system:validation',
  },
  {
    stream: `smokerun-${SMOKE_RUN}`,
    event: {
      type: 'SmokeRunFailed',
      data: {
        smokeRunId: SMOKE_RUN,
        ...ofDeployment,
        checks: [{ name: 'home', outcome: 'fail', detail: 'Status 500.', durationMs: 7 }],
        reason: 'home: Status 500.',
      },
    },
    by: 'system:validation',
  },
  {
    stream: `incident-${INCIDENT}`,
    event: {
      type: 'IncidentOpened',
      data: {
        ...ofIncident,
        deduplicationKey: `plimsoll-incident-${INCIDENT}`,
        title: 'Smoke run failed',
        severity: 'critical',
        cause: 'home: Status 500.',
      },
    },
    by: 'system:incidents',
  },
  {
    stream: `incident-${INCIDENT}`,
    event: {
      type: 'IncidentDelivered',
      data: { ...ofIncident, channel: 'webhook', deduplicationKey: `plimsoll-incident-${INCIDENT}`, reference: 'INC-1' },
    },
    by: 'system:incidents',
  },
  {
    stream: `deployment-${ROLLBACK}`,
    event: {
      type: 'DeploymentStarted',
      data: {
        ...ofRollback,
        artifacts: [artifact('1.0.0')],
        steps,
        planHash: 'b'.repeat(64),
        round: 1,
        deployer: 'person-dan',
        rollbackOf,
        receipt: receipt(['rollback-target-ran']),
      },
    },
    by: 'person-dan',
  },
  {
    stream: `deployment-${ROLLBACK}`,
    event: { type: 'DeploymentConfirmed', data: { ...ofRollback, receipt: receipt(['rollback-target-ran']), fencingBase: 2 } },
    by: 'system:deployments',
  },
  {
    stream: `deployment-${ROLLBACK}`,
    event: { type: 'DeploymentSucceeded', data: { ...ofRollback, round: 1, rollbackOf, artifacts: [artifact('1.0.0')] } },
    by: 'system:deployer',
  },
  {
    stream: `incident-${INCIDENT}`,
    event: { type: 'IncidentResolved', data: { ...ofIncident, resolution: 'Rolled back.' } },
    by: 'person-mona',
  },
];

/** The story up to and including the nth event of a type (the first unless told), as stored events. */
export function storyUntil(type: PlimsollEvent['type'], nth = 1): StoredEvent<PlimsollEvent>[] {
  const places = story.flatMap(({ event }, i) => (event.type === type ? [i] : []));
  const place = places[nth - 1];
  if (place === undefined) throw new Error(`There is no ${type} number ${nth} in the story.`);
  return history(story.slice(0, place + 1));
}
