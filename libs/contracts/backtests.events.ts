import type { DomainEvent } from '#libs/event-sourcing';
import type { GateName, GateRule, PolicyClause, RiskFloor } from './values.ts';

/** What would be published. */
export interface PolicyDraft {
  readonly gates: readonly GateRule[];
  readonly rollbackGates: readonly GateRule[];
  readonly clauses: readonly PolicyClause[];
  readonly riskFloors?: readonly RiskFloor[];
}

/** What a draft policy would have said; unknowable where nobody was asked then for what the draft asks for. */
export const BACKTEST_VERDICTS = ['letThrough', 'blocked', 'unknowable'] as const;
export type BacktestVerdict = (typeof BACKTEST_VERDICTS)[number];

/** How a deployment ended, as far as the log goes; of an incident, a rollback and its end, the first that there is. A denied one never ran. */
export const BACKTEST_ENDINGS = ['incident', 'rolled-back', 'failed', 'halted', 'succeeded', 'under-way', 'denied'] as const;
export type BacktestEnding = (typeof BACKTEST_ENDINGS)[number];

/** A decision that the draft would have made otherwise, or of which that can't be known. */
export interface BacktestCase {
  readonly kind: 'deployment' | 'rollback';
  /** Where it was accepted. */
  readonly deploymentId?: string;
  /** Where it was denied: the stream of the denial. */
  readonly denial?: string;
  readonly releaseId: string;
  readonly environment: string;
  /** The bypass of then, which waives the same gates of the draft. */
  readonly bypassId?: string;
  /** ISO 8601: the time of the decision. */
  readonly at: string;
  /** Decimal: where in the log it is. */
  readonly position: string;
  readonly verdict: BacktestVerdict;
  /** Gates of the draft that do not pass. */
  readonly gates: readonly GateName[];
  /** What the first of them says. */
  readonly why?: string;
  readonly ending: BacktestEnding;
}

/** How many there were, and how those ended. */
export type BacktestEndings = { readonly count: number } & { readonly [E in Exclude<BacktestEnding, 'denied'>]: number };

/** Decisions by what was decided then and what the draft says. */
export interface BacktestTally {
  readonly accepted: { readonly [V in BacktestVerdict]: BacktestEndings };
  readonly denied: { readonly [V in BacktestVerdict]: number };
}

export interface BacktestResult {
  /** Decisions that were judged. */
  readonly decisions: number;
  readonly deployments: BacktestTally;
  readonly rollbacks: BacktestTally;
  /** Decisions of the period that no draft of this policy changes. */
  readonly notJudged: {
    /** On environments that were under other policies then. */
    readonly underOtherPolicies: number;
    /** Denied for something else than a gate: a role, a release that there is not, a bypass that does not hold. */
    readonly deniedOtherwise: number;
  };
  /** Of those let through: where only a bypass of then does it. */
  readonly letThroughByBypass: number;
  /** How often each gate of the draft was in the way. */
  readonly gates: Readonly<Record<string, { readonly blocked: number; readonly unknowable: number }>>;
  /** Decisions that the draft would have made otherwise, or of which that can't be known. */
  readonly differing: number;
  /** Of those, in the order of the log; where there are too many, the first of every verdict and ending. */
  readonly cases: readonly BacktestCase[];
}

interface OfBacktest {
  readonly backtestId: string;
  readonly policyId: string;
}

export type BacktestEvent =
  | DomainEvent<
      'BacktestRequested',
      OfBacktest & {
        readonly draft: PolicyDraft;
        /** ISO 8601, inclusive. */
        readonly from: string;
        /** ISO 8601, exclusive. */
        readonly to: string;
      }
    >
  /** A run begins: the first, or another where one was interrupted. It begins anew, up to the same position, and ends with the same result. */
  | DomainEvent<
      'BacktestStarted',
      OfBacktest & {
        /** 1-based. */
        readonly run: number;
        /** Decimal: the last position of the log that is read; the same in every run. */
        readonly upTo: string;
        /** Decimal: fencing token of the lease under which it runs; it rises from run to run. */
        readonly token: string;
      }
    >
  | DomainEvent<
      'BacktestProgressed',
      OfBacktest & { readonly run: number; readonly events: number; readonly decisions: number; readonly percent: number }
    >
  | DomainEvent<'BacktestCompleted', OfBacktest & { readonly run: number; readonly upTo: string; readonly result: BacktestResult }>
  | DomainEvent<'BacktestCancelled', OfBacktest & { readonly reason: string }>
  | DomainEvent<'BacktestFailed', OfBacktest & { readonly run: number; readonly reason: string }>;
