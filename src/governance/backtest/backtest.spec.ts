import type { BacktestEvent, BacktestResult } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { backtest } from './backtest.ts';
import { reportBacktest, ReportBacktest } from './report-backtest.ts';
import { cancelBacktest, CancelBacktest, requestBacktest, RequestBacktest, type BacktestFacts } from './request-backtest.ts';
import { startBacktest, StartBacktest } from './start-backtest.ts';

const backtests = scenario(backtest);
const of = { backtestId: 'b', policyId: 'bank' };
const draft = { gates: [{ gate: 'tests-passed' }], rollbackGates: [{ gate: 'rollback-target-ran' }] };
const known: BacktestFacts = { problems: [], known: true };
const JANUARY = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'] as const;
const request = ([from, to]: readonly [string, string] = JANUARY, tried: RequestBacktest['draft'] = draft) =>
  issued(RequestBacktest, { policyId: 'bank', draft: tried, from, to }, 'b');
const requested: BacktestEvent = {
  type: 'BacktestRequested',
  data: {
    ...of,
    draft: { gates: [{ gate: 'tests-passed' }], rollbackGates: [{ gate: 'rollback-target-ran' }], clauses: [] },
    from: '2026-01-01T00:00:00.000Z',
    to: '2026-02-01T00:00:00.000Z',
  },
};
const start = (token: string, upTo = '4711') => issued(StartBacktest, { upTo, token }, 'b');
const started = (run: number, token: string): BacktestEvent => ({ type: 'BacktestStarted', data: { ...of, run, upTo: '4711', token } });
const cancel = issued(CancelBacktest, { reason: 'A mistake.' }, 'b');
const cancelled: BacktestEvent = { type: 'BacktestCancelled', data: { ...of, reason: 'A mistake.' } };
const report = (of: ReportBacktest['report'], run = 1) => issued(ReportBacktest, { run, report: of }, 'b');
const progress = { events: 500, decisions: 7, percent: 10 };
const progressed: BacktestEvent = { type: 'BacktestProgressed', data: { ...of, run: 1, ...progress } };
const failed: BacktestEvent = { type: 'BacktestFailed', data: { ...of, run: 1, reason: 'It could not be read.' } };

describe('requesting a backtest', () => {
  it('takes a draft that would publish, for a period; twice is once', () => {
    backtests.given().when(requestBacktest, request(), known).then(requested);
    backtests.given(requested).when(requestBacktest, request(), known).thenNothing();
  });

  it('takes a period that goes on, as far as it has come', () => {
    const goingOn = request(['2026-01-01T00:00:00+01:00', '2027-01-01T00:00:00+01:00']);
    expect(backtests.given().when(requestBacktest, goingOn, known).decision).toMatchObject([
      { data: { from: '2025-12-31T23:00:00.000Z', to: '2026-12-31T23:00:00.000Z' } },
    ]);
  });

  it.each([
    ['nothing, the end before the beginning', ['2026-02-01T00:00:00Z', '2026-01-01T00:00:00Z'], 'period-empty'],
    ['nothing, by the offsets', ['2026-02-01T00:00:00Z', '2026-02-01T01:00:00+01:00'], 'period-empty'],
    ['a day that there is not', ['2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z'], 'period-invalid'],
    ['what is to come', ['2026-03-02T10:00:00.000Z', '2026-04-01T00:00:00Z'], 'period-to-come'],
  ] as const)('is refused for %s', (_what, period, type) => {
    backtests.given().when(requestBacktest, request(period), known).thenRefused(type);
  });

  it('is refused with a draft that would not publish, and for a policy that there is not', () => {
    const misspelt = { ...draft, gates: [{ gate: 'tests-pased' }] };
    backtests.given().when(requestBacktest, request(JANUARY, misspelt), known).thenRefused('gate-unknown');
    const problems = [{ code: 'fact-unknown', detail: 'There is no fact weather.', text: 'weather == "fine"' }] as const;
    backtests
      .given()
      .when(requestBacktest, request(), { ...known, problems })
      .thenRefused('fact-unknown');
    const ofGroup = { ...draft, gates: [{ gate: 'approved', quorum: 1, groups: [{ group: 'cab', quorum: 1 }] }] };
    backtests
      .given()
      .when(requestBacktest, request(JANUARY, ofGroup), { ...known, members: { cab: [] } })
      .thenRefused('gate-unsatisfiable');
    backtests
      .given()
      .when(requestBacktest, request(), { ...known, known: false })
      .thenRefused('policy-unknown');
  });
});

describe('running a backtest', () => {
  it('begins once under one lease, and anew under the next, up to the same position; that it does is on record', () => {
    backtests.given(requested).when(startBacktest, start('3')).then(started(1, '3'));
    backtests.given(requested, started(1, '3')).when(startBacktest, start('3', '9999')).thenNothing();
    backtests.given(requested, started(1, '3'), progressed).when(startBacktest, start('10', '9999')).then(started(2, '10'));
  });

  it('does not begin where the lease has passed on, nor once it has ended, nor where nobody asked', () => {
    backtests.given(requested, started(1, '10')).when(startBacktest, start('9')).thenNothing();
    backtests.given(requested, started(1, '3'), failed).when(startBacktest, start('4')).thenNothing();
    backtests.given(requested, cancelled).when(startBacktest, start('4')).thenNothing();
    backtests.given().when(startBacktest, start('4')).thenNothing();
  });

  it('reports what it has done, the same once, and nothing after its end', () => {
    backtests.given(requested, started(1, '3')).when(reportBacktest, report(progress)).then(progressed);
    backtests.given(requested, started(1, '3'), progressed).when(reportBacktest, report(progress)).thenNothing();
    backtests.given(requested, started(1, '3'), cancelled).when(reportBacktest, report(progress)).thenNothing();
    backtests
      .given(requested, started(1, '3'))
      .when(reportBacktest, report({ failed: 'It could not be read.' }))
      .then(failed);
    const result = { decisions: 0 } as BacktestResult;
    const completed: BacktestEvent = { type: 'BacktestCompleted', data: { ...of, run: 1, upTo: '4711', result } };
    backtests.given(requested, started(1, '3')).when(reportBacktest, report({ result })).then(completed);
    backtests.given(requested, started(1, '3'), completed).when(reportBacktest, report({ result })).thenNothing();
  });

  it('hears only the newest run: a process that was thought dead says nothing any more', () => {
    const twice = backtests.given(requested, started(1, '3'), started(2, '4'));
    twice.when(reportBacktest, report(progress, 1)).thenNothing();
    twice.when(reportBacktest, report({ failed: 'Too late.' }, 1)).thenNothing();
    twice.when(reportBacktest, report(progress, 2)).then({ type: 'BacktestProgressed', data: { ...of, run: 2, ...progress } });
  });
});

describe('cancelling a backtest', () => {
  it('ends it before and while it runs, once, and not when it has ended', () => {
    backtests.given(requested).when(cancelBacktest, cancel).then(cancelled);
    backtests.given(requested, started(1, '3')).when(cancelBacktest, cancel).then(cancelled);
    backtests.given(requested, cancelled).when(cancelBacktest, cancel).thenNothing();
    backtests.given().when(cancelBacktest, cancel).thenRefused('backtest-unknown');
    backtests.given(requested, started(1, '3'), failed).when(cancelBacktest, cancel).thenRefused('backtest-ended');
  });
});
