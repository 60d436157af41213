import type { DomainEvent } from '#libs/event-sourcing';
import type { ApprovalTuple, GateRule, PolicyClause } from './values.ts';

export type PolicyEvent = DomainEvent<
  'PolicyPublished',
  {
    readonly policyId: string;
    /** 1-based and dense. */
    readonly version: number;
    readonly title: string;
    readonly gates: readonly GateRule[];
    /** A rollback is a deployment with gates of its own (principle 9). */
    readonly rollbackGates: readonly GateRule[];
    /** Since v2: gates that count besides `gates` where the scope holds. */
    readonly clauses: readonly PolicyClause[];
    /** Since v2: ISO 8601. Versions of v1 were in force as soon as they were recorded: they read as from the beginning of time. */
    readonly effectiveFrom: string;
  }
>;

interface InRound {
  readonly approvalId: string;
  readonly releaseId: string;
  readonly environment: string;
  /** Counts the requests for this release and environment, from 1: a newer one supersedes the older. */
  readonly round: number;
}

export type ApprovalEvent =
  | DomainEvent<
      'ApprovalRequested',
      InRound & { readonly tuple: ApprovalTuple; readonly tupleHash: string; readonly quorum: number; readonly requester: string }
    >
  | DomainEvent<'ApprovalGranted', InRound & { readonly person: string; readonly tupleHash: string; readonly comment?: string }>
  | DomainEvent<'ApprovalRejected', InRound & { readonly person: string; readonly tupleHash: string; readonly reason: string }>
  | DomainEvent<'ApprovalVoided', InRound & { readonly reason: string }>;

/** An account known to belong to a person (principle 4). */
export type AccountEvent = DomainEvent<'AccountLinked', { readonly issuer: string; readonly subject: string; readonly person: string }>;
