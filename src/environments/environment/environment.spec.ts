import type { EnvironmentEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
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

  it('may change its policy, never its class', () => {
    environments
      .given(defined)
      .when(defineEnvironment, issued(DefineEnvironment, { environment: 'production', class: 'production', policyId: 'strict' }))
      .then({ type: 'EnvironmentDefined', data: { environment: 'production', class: 'production', policyId: 'strict' } });
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

  it('is kept with the skew of the time it claims', () => {
    expect(environments.given().when(reportRunningVersion, report).decision).toMatchObject([
      { type: 'RunningVersionReported', data: { skewSeconds: -3600, artifact: 'pkg:oci/api@sha256%3Aab' } },
    ]);
  });

  it('is kept once', () => {
    const first = environments.given().when(reportRunningVersion, report).decision as EnvironmentEvent[];
    environments
      .given(...first)
      .when(reportRunningVersion, report)
      .thenNothing();
  });
});
