import type { SmokeRunEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { reportSmokeRun, ReportSmokeRun, startSmokeRun, StartSmokeRun, timeOutSmokeRun, TimeOutSmokeRun } from './run-smoke.ts';
import { smokeRun } from './smoke-run.ts';

const runs = scenario(smokeRun);
const suite = { baseUrl: 'http://127.0.0.1:1', checks: [{ name: 'home', method: 'GET' as const, path: '/', expectStatus: 200 }] };
const of = { smokeRunId: 'smoke-1', deploymentId: 'd1', releaseId: 'r1', environment: 'production' };
const started: SmokeRunEvent = {
  type: 'SmokeRunStarted',
  data: { ...of, suite, deadline: '2026-03-02T10:05:00.000Z', expectedDigests: ['sha256:aa'] },
};
const start = issued(
  StartSmokeRun,
  { deploymentId: 'd1', releaseId: 'r1', environment: 'production', suite, expectedDigests: ['sha256:aa'] },
  'smoke-1',
);
const pass = { name: 'home', outcome: 'pass' as const, detail: '200', durationMs: 3 };
const report = (fields: Partial<ReportSmokeRun>, now = '2026-03-02T10:04:00.000Z') =>
  issued(ReportSmokeRun, { checks: [pass], observedDigest: 'sha256:aa', ...fields }, 'smoke-1', { now });

describe('a smoke run', () => {
  it('has five minutes from its start, and starts once', () => {
    runs.given().when(startSmokeRun, start).then(started);
    runs.given(started).when(startSmokeRun, start).thenNothing();
  });

  it('passes when every check passes on the digest that was deployed; the same report again is nothing', () => {
    const passed = runs.given(started).when(reportSmokeRun, report({})).decision as SmokeRunEvent[];
    expect(passed).toMatchObject([{ type: 'SmokeRunPassed', data: { observedDigest: 'sha256:aa' } }]);
    runs
      .given(started, ...passed)
      .when(reportSmokeRun, report({}))
      .thenNothing();
  });

  it.each([
    ['a check fails', { checks: [{ ...pass, outcome: 'fail' as const, detail: 'got 500' }] }],
    ['a check is inconclusive', { checks: [{ ...pass, outcome: 'inconclusive' as const, detail: 'too late' }] }],
    ['nothing was checked', { checks: [] }],
    ['another digest is live', { observedDigest: 'sha256:bb' }],
  ])('fails when %s', (_what, fields) => {
    expect(runs.given(started).when(reportSmokeRun, report(fields)).decision).toMatchObject([{ type: 'SmokeRunFailed' }]);
  });

  it('fails when the report does not say which digest it saw', () => {
    const { observedDigest: _seen, ...blind } = report({});
    expect(runs.given(started).when(reportSmokeRun, blind).decision).toMatchObject([{ type: 'SmokeRunFailed' }]);
  });

  it('times out at the deadline, not before, and once', () => {
    const at = (now: string) => issued(TimeOutSmokeRun, {}, 'smoke-1', { now });
    runs.given(started).when(timeOutSmokeRun, at('2026-03-02T10:04:59.999Z')).thenNothing();
    const timedOut = runs.given(started).when(timeOutSmokeRun, at('2026-03-02T10:05:00.000Z')).decision as SmokeRunEvent[];
    expect(timedOut).toMatchObject([{ type: 'SmokeRunTimedOut' }]);
    runs
      .given(started, ...timedOut)
      .when(timeOutSmokeRun, at('2026-03-02T10:06:00.000Z'))
      .thenNothing();
    runs
      .given(started, ...timedOut)
      .when(reportSmokeRun, report({}))
      .thenRefused('smoke-run-late');
  });

  it('refuses a report that comes after the deadline', () => {
    runs.given(started).when(reportSmokeRun, report({}, '2026-03-02T10:05:00.001Z')).thenRefused('smoke-run-late');
  });
});
