import type { BacktestEvent, BacktestResult, PolicyDraft } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** A draft policy that is tried on a period of the past. */
export interface Backtest {
  readonly status: 'none' | 'requested' | 'running' | 'completed' | 'cancelled' | 'failed';
  readonly policyId?: string;
  readonly draft?: PolicyDraft;
  readonly from?: string;
  readonly to?: string;
  /** 1-based: more than one where it was interrupted and began anew; 0 before the first. */
  readonly run: number;
  /** Decimal: the last position of the log that is in the result. */
  readonly upTo?: string;
  /** Fencing token of the run. */
  readonly token?: string;
  /** Of this run. */
  readonly progress?: { readonly events: number; readonly decisions: number; readonly percent: number };
  readonly result?: BacktestResult;
  readonly reason?: string;
}

export const backtest: Aggregate<Backtest, BacktestEvent> = {
  category: 'backtest',
  initial: { status: 'none', run: 0 },
  evolve: (state, event) => {
    switch (event.type) {
      case 'BacktestRequested': {
        const { policyId, draft, from, to } = event.data;
        return { status: 'requested', policyId, draft, from, to, run: 0 };
      }
      case 'BacktestStarted': {
        const { run, upTo, token } = event.data;
        return { ...state, status: 'running', run, upTo, token, progress: { events: 0, decisions: 0, percent: 0 } };
      }
      case 'BacktestProgressed': {
        const { events, decisions, percent } = event.data;
        return { ...state, progress: { events, decisions, percent } };
      }
      case 'BacktestCompleted':
        return { ...state, status: 'completed', result: event.data.result };
      case 'BacktestCancelled':
        return { ...state, status: 'cancelled', reason: event.data.reason };
      case 'BacktestFailed':
        return { ...state, status: 'failed', reason: event.data.reason };
      default:
        return unknownEvent(event);
    }
  },
};
