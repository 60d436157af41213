import type { BacktestEvent } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { backtest, type Backtest } from './backtest.ts';

/** A runner begins; there is no route to it. */
export class StartBacktest {
  /** Position of the log's last event now. */
  upTo: string;
  /** Fencing token of the lease under which it runs. */
  token: string;
}

/** What was interrupted begins anew, up to where the first run would have read. Whoever has an older lease begins nothing. */
export function startBacktest({ target, upTo, token }: Issued<StartBacktest>, state: Backtest): Decision<BacktestEvent> {
  if (!state.policyId || (state.status !== 'requested' && state.status !== 'running')) return [];
  if (state.token !== undefined && BigInt(token) <= BigInt(state.token)) return [];
  return [
    {
      type: 'BacktestStarted',
      data: { backtestId: target, policyId: state.policyId, run: state.run + 1, upTo: state.upTo ?? upTo, token },
    },
  ];
}

export const startBacktestCommand = defineCommand({ type: StartBacktest, aggregate: backtest, decide: startBacktest });
