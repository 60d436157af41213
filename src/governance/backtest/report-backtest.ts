import type { BacktestEvent, BacktestResult } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { backtest, type Backtest } from './backtest.ts';

/** What the runner says of its work; there is no route to it. */
export class ReportBacktest {
  run: number;
  report:
    | { readonly events: number; readonly decisions: number; readonly percent: number }
    | { readonly result: BacktestResult }
    | { readonly failed: string };
}

/** Only the newest run is heard, and what has ended takes no more reports. */
export function reportBacktest({ target, run, report }: Issued<ReportBacktest>, state: Backtest): Decision<BacktestEvent> {
  const { status, policyId, upTo = '' } = state;
  if (status !== 'running' || !policyId || run !== state.run) return [];
  const of = { backtestId: target, policyId, run };
  if ('result' in report) return [{ type: 'BacktestCompleted', data: { ...of, upTo, result: report.result } }];
  if ('failed' in report) return [{ type: 'BacktestFailed', data: { ...of, reason: report.failed } }];
  const { events, decisions, percent } = report;
  if (events <= (state.progress?.events ?? 0)) return [];
  return [{ type: 'BacktestProgressed', data: { ...of, events, decisions, percent } }];
}

export const reportBacktestCommand = defineCommand({ type: ReportBacktest, aggregate: backtest, decide: reportBacktest });
