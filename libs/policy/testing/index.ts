import type { FirstHands, GateFacts } from '#libs/policy';

/** A freeze of everything on 2 March 2026, UTC. */
export const freezeOfTheBooks = {
  calendarId: 'books',
  version: 1,
  title: 'Books',
  kind: 'freeze',
  scope: {},
  zone: 'UTC',
  passes: [],
  from: '2026-01-01T00:00:00.000Z',
  window: { kind: 'one-off', start: '2026-03-02T00:00', end: '2026-03-03T00:00' },
} as const;

/** Facts of a release that is ready in every way but for approvals; override what a test is about. */
export function gateFacts(overrides: Partial<GateFacts> = {}): GateFacts {
  const artifact = { artifactId: 'artifact-1', name: 'api', version: '1.0.0', purl: 'pkg:npm/api@1.0.0', digest: 'sha256:aa' };
  return {
    releaseId: 'release-1',
    environment: 'production',
    environmentClass: 'production',
    product: 'shop',
    artifacts: [artifact],
    registered: { 'artifact-1': 'sha256:aa' },
    version: '1.0.0',
    plan: { steps: [], planHash: 'plan-hash' },
    policy: {
      id: 'bank',
      version: 1,
      gates: [
        { gate: 'artifacts-registered' },
        { gate: 'version-assigned' },
        { gate: 'tests-passed' },
        { gate: 'approved', quorum: 2 },
        { gate: 'duties-separated' },
      ],
      rollbackGates: [{ gate: 'rollback-target-ran' }],
    },
    reports: { 'sha256:aa': { unit: { suite: 'unit', outcome: 'pass', tester: 'tess' } } },
    approval: { approvers: [] },
    authors: ['ada'],
    testers: ['tess'],
    policyEditor: 'paula',
    ranBefore: false,
    refs: {
      release: 'release-1@3',
      environment: 'environment-production@0',
      policy: 'policy-bank@0',
      approval: 'approval-1@2',
      reports: 'testreport-1@0',
      versions: 'versionline-1@0',
      artifacts: { 'artifact-1': 'artifact-1@0' },
      accounts: ['account-ada@-1'],
    },
    ...overrides,
  };
}
/** Nobody is known by another account than the one on record. */
export const noAliases: FirstHands = { first: [], persons: { now: {}, refs: [] } };

export * from './changes.ts';
