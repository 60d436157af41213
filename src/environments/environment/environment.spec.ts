import type { EnvironmentEvent, Regime, ReleaseArtifact } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import type { DeployedHere } from './authorisation.ts';
import { defineEnvironment, DefineEnvironment } from './define-environment.ts';
import { environment } from './environment.ts';
import { reportRunningVersion, ReportRunningVersion } from './report-running-version.ts';
import { freeEnvironment, FreeEnvironment, reserveEnvironment, ReserveEnvironment } from './reserve-environment.ts';

const environments = scenario(environment);
const defined: EnvironmentEvent = {
  type: 'EnvironmentDefined',
  data: { environment: 'production', class: 'production', policyId: 'bank' },
};
const reserved = (deploymentId: string): EnvironmentEvent => ({
  type: 'EnvironmentReserved',
  data: { environment: 'production', deploymentId, releaseId: 'r', round: 1 },
});
const freed = (deploymentId: string): EnvironmentEvent => ({
  type: 'EnvironmentFreed',
  data: { environment: 'production', deploymentId, releaseId: 'r', round: 1, outcome: 'succeeded' },
});

describe('an environment', () => {
  const define = issued(DefineEnvironment, { environment: 'production', class: 'production', policyId: 'bank' }, 'production');

  it('is defined with its class and policy, once', () => {
    environments.given().when(defineEnvironment, define).then(defined);
    environments.given(defined).when(defineEnvironment, define).thenNothing();
  });

  const under = (...regimes: Regime[]): EnvironmentEvent => ({ ...defined, data: { ...defined.data, regimes } }) as EnvironmentEvent;
  const again = (changes: Partial<DefineEnvironment>) => issued(DefineEnvironment, { ...define, ...changes }, 'production');

  it('gets a regime by one person, and loses none by one', () => {
    environments
      .given(under('SOX'))
      .when(defineEnvironment, again({ regimes: ['SOX', 'PCI'] }))
      .then(under('PCI', 'SOX'));
    environments
      .given(under('PCI', 'SOX'))
      .when(defineEnvironment, again({ regimes: ['SOX', 'PCI'] }))
      .thenNothing();
    for (const regimes of [undefined, [], ['none'], ['SOX'], ['SOX', 'HIPAA']] as const) {
      const refused = environments.given(under('PCI', 'SOX')).when(defineEnvironment, again(regimes ? { regimes } : {}));
      expect(refused.thenRefused('takes-two-persons')).toMatchObject({
        kind: 'duty',
        reasons: [{ code: 'fewer-regimes', detail: expect.stringContaining('PCI') }],
      });
    }
  });

  it('gets another policy by two persons only, and never another class', () => {
    expect(
      environments
        .given(defined)
        .when(defineEnvironment, again({ policyId: 'strict' }))
        .thenRefused('takes-two-persons'),
    ).toMatchObject({
      kind: 'duty',
      reasons: [{ code: 'another-policy', detail: 'Policy strict would take the place of bank.' }],
    });
    expect(
      environments
        .given(under('SOX'))
        .when(defineEnvironment, again({ policyId: 'strict', regimes: ['PCI'] }))
        .thenRefused('takes-two-persons')
        .reasons.map(({ code }) => code),
    ).toEqual(['another-policy', 'fewer-regimes']);
    environments
      .given(defined)
      .when(defineEnvironment, issued(DefineEnvironment, { environment: 'production', class: 'test', policyId: 'bank' }))
      .thenRefused('environment-class-fixed');
  });
});

describe('reserving an environment', () => {
  const reserve = (deploymentId: string) => issued(ReserveEnvironment, { deploymentId, releaseId: 'r', round: 1 }, 'production');
  const free = (deploymentId: string) =>
    issued(FreeEnvironment, { deploymentId, releaseId: 'r', round: 1, outcome: 'succeeded' as const }, 'production');

  it('gives it to one deployment; the same one again is nothing new', () => {
    environments.given(defined).when(reserveEnvironment, reserve('d1')).then(reserved('d1'));
    environments.given(defined, reserved('d1')).when(reserveEnvironment, reserve('d1')).thenNothing();
  });

  it('refuses a second deployment and names the first', () => {
    expect(
      environments.given(defined, reserved('d1')).when(reserveEnvironment, reserve('d2')).thenRefused('environment-busy').detail,
    ).toContain('d1');
  });

  it('refuses an environment that is not defined', () => {
    environments.given().when(reserveEnvironment, reserve('d1')).thenRefused('environment-unknown');
  });

  it('is open again when its holder lets go, and only then', () => {
    environments.given(defined, reserved('d1')).when(freeEnvironment, free('d2')).thenNothing();
    environments.given(defined, reserved('d1')).when(freeEnvironment, free('d1')).then(freed('d1'));
    environments.given(defined, reserved('d1'), freed('d1')).when(reserveEnvironment, reserve('d2')).then(reserved('d2'));
  });

  it('is not given twice for the same round, and given again when the deployment is resumed', () => {
    const resumed = issued(ReserveEnvironment, { deploymentId: 'd1', releaseId: 'r', round: 2 }, 'production');
    environments.given(defined, reserved('d1'), freed('d1')).when(reserveEnvironment, reserve('d1')).thenNothing();
    expect(environments.given(defined, reserved('d1'), freed('d1')).when(reserveEnvironment, resumed).decision).toHaveLength(1);
  });
});

describe('a report of what runs', () => {
  const report = issued(
    ReportRunningVersion,
    {
      service: 'api',
      artifact: 'pkg:oci/api@sha256%3Aab',
      change: 'deployed' as const,
      reportedBy: '/ci',
      claimedOccurredAt: '2026-03-02T09:00:00Z',
    },
    'production',
  );

  const artifact = (version: string, digest: string): ReleaseArtifact => ({
    artifactId: `api-${version}`,
    name: 'api',
    version,
    purl: `pkg:npm/api@${version}`,
    digest: `sha256:${digest.repeat(64)}`,
  });
  const deployed = (deploymentId: string, own: ReleaseArtifact, more: Partial<DeployedHere> = {}): DeployedHere => ({
    deploymentId,
    ref: `deployment-${deploymentId}@9`,
    artifacts: [own],
    confirmed: true,
    succeeded: true,
    ...more,
  });
  const [old, fresh] = [artifact('1.0.0', 'a'), artifact('1.1.0', 'b')];
  const reported = (changes: Partial<ReportRunningVersion>, ...deployments: DeployedHere[]) =>
    environments.given(defined).when(reportRunningVersion, issued(ReportRunningVersion, { ...report, ...changes }, 'production'), {
      deployments,
    }).decision as EnvironmentEvent[];
  const byDigest = `pkg:oci/api@sha256%3A${'b'.repeat(64)}`;

  it('is kept with the skew of the time it claims', () => {
    expect(environments.given().when(reportRunningVersion, report, { deployments: [] }).decision).toMatchObject([
      { type: 'RunningVersionReported', data: { skewSeconds: -3600, artifact: 'pkg:oci/api@sha256%3Aab' } },
      { type: 'UnauthorisedDeploymentObserved', data: { skewSeconds: -3600, reason: 'environment-unknown' } },
    ]);
  });

  it('is kept once, and so is the violation that it shows', () => {
    const first = environments.given(defined).when(reportRunningVersion, report, { deployments: [] }).decision as EnvironmentEvent[];
    expect(first.map(({ type }) => type)).toEqual(['RunningVersionReported', 'UnauthorisedDeploymentObserved']);
    environments
      .given(defined, ...first)
      .when(reportRunningVersion, report, { deployments: [] })
      .thenNothing();
  });

  it('names the deployment of ours that it is of, by the digest that it carries or else by the package URL', () => {
    expect(reported({ artifact: byDigest }, deployed('d2', fresh), deployed('d1', old))).toMatchObject([
      { type: 'RunningVersionReported', data: { authorisedBy: { deploymentId: 'd2', by: 'digest' } } },
    ]);
    expect(reported({ artifact: 'PKG:NPM/api@1.1.0' }, deployed('d2', fresh, { succeeded: false }))).toMatchObject([
      { data: { authorisedBy: { deploymentId: 'd2', by: 'package-url' } } },
    ]);
  });

  it.each([
    ['other contents', `pkg:oci/api@sha256:${'c'.repeat(64)}`],
    ['a second digest beside the one that was deployed', `${byDigest}?checksum=sha256:${'c'.repeat(64)}`],
    ['the digest that was deployed only as a qualifier', `pkg:oci/api@sha256:${'c'.repeat(64)}?checksum=sha256:${'b'.repeat(64)}`],
    ['a digest that is cut short', `pkg:oci/api@sha256:${'b'.repeat(63)}`],
    ['the same name from another repository', 'pkg:npm/api@1.1.0?repository_url=https://evil.example'],
    ['no version', 'pkg:npm/api'],
  ])('shows a violation where it says %s', (_what, said) => {
    expect(reported({ artifact: said }, deployed('d2', fresh))).toMatchObject([
      { type: 'RunningVersionReported' },
      { type: 'UnauthorisedDeploymentObserved', data: { artifact: said, reason: 'never-deployed', evidence: ['deployment-d2@9'] } },
    ]);
  });

  it('shows a violation where our own deployment of it never got past its gates', () => {
    const [, violation] = reported({ artifact: byDigest }, deployed('d2', fresh, { confirmed: false, succeeded: false }));
    expect(violation).toMatchObject({ type: 'UnauthorisedDeploymentObserved', data: { reason: 'never-deployed' } });
  });

  it('shows a violation where another has taken its place since, whatever time it claims', () => {
    for (const claimedOccurredAt of ['2020-01-01T00:00:00Z', '2026-03-02T09:00:00Z', '2030-01-01T00:00:00Z']) {
      const [, violation] = reported(
        { artifact: old.purl, change: 'rolledback', claimedOccurredAt },
        deployed('d2', fresh),
        deployed('d1', old),
      );
      expect(violation).toMatchObject({ data: { reason: 'superseded', evidence: ['deployment-d1@9', 'deployment-d2@9'] } });
    }
    // Nothing took its place where the newer one failed, or rolled back to it.
    expect(reported({ artifact: old.purl }, deployed('d2', fresh, { succeeded: false }), deployed('d1', old))).toHaveLength(1);
    expect(reported({ artifact: old.purl }, deployed('d3', old), deployed('d2', fresh), deployed('d1', old))).toHaveLength(1);
  });

  it('is no more than a report where nothing was put there, and a violation where it does not say what', () => {
    expect(reported({ change: 'removed', artifact: '' })).toMatchObject([{ type: 'RunningVersionReported' }]);
    expect(reported({ artifact: ' \u200b' })).toMatchObject([{}, { data: { reason: 'artifact-unnamed' } }]);
  });
});
