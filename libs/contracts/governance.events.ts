import type { DomainEvent } from '#libs/event-sourcing';
import type { ApprovalTuple, GateName, GateRule, GroupQuorum, PolicyClause, RiskFloor } from './values.ts';

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
    /** Absent where the policy takes every declared risk for what it is. */
    readonly riskFloors?: readonly RiskFloor[];
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
      InRound & {
        readonly tuple: ApprovalTuple;
        readonly tupleHash: string;
        readonly quorum: number;
        /** Absent where the policy names no groups. */
        readonly groups?: readonly GroupQuorum[];
        readonly requester: string;
      }
    >
  | DomainEvent<
      'ApprovalGranted',
      InRound & {
        readonly person: string;
        readonly tupleHash: string;
        readonly comment?: string;
        /** Of the groups asked for, those that the person was in at that moment; absent where none were asked for. */
        readonly groups?: readonly string[];
      }
    >
  /** A person takes her own approval back, before the deployment starts. */
  | DomainEvent<'ApprovalWithdrawn', InRound & { readonly person: string; readonly reason: string }>
  | DomainEvent<'ApprovalRejected', InRound & { readonly person: string; readonly tupleHash: string; readonly reason: string }>
  /** A round counts no more: what it bound has changed, a newer request supersedes it, its time is over, or somebody it rests on has left. */
  | DomainEvent<
      'ApprovalVoided',
      InRound & {
        readonly reason: string;
        /** Absent in events from before it was noted. */
        readonly because?: 'changed' | 'superseded' | 'expired' | 'left';
      }
    >;

/** Persons who decide together, with history: who belonged to it when is in its stream. */
export type GroupEvent =
  | DomainEvent<'GroupDefined', { readonly group: string; readonly title: string }>
  /** Since grants of roles count: asked for, and waiting for another person's confirmation. */
  | DomainEvent<'GroupMemberRequested', { readonly group: string; readonly person: string; readonly requestedBy: string }>
  | DomainEvent<
      'GroupMemberAdded',
      {
        readonly group: string;
        readonly person: string;
        /** Absent where one person was enough: before, and while tokens say who has which role. */
        readonly requestedBy?: string;
        readonly confirmedBy?: string;
      }
    >
  | DomainEvent<'GroupMemberRemoved', { readonly group: string; readonly person: string; readonly reason: string }>;

/** Break-glass (principle 7). All are in one register stream, so that an overdue review and the next request for a bypass can't miss each other. */
export type BypassEvent =
  | DomainEvent<
      'BypassRequested',
      {
        readonly bypassId: string;
        readonly releaseId: string;
        readonly environment: string;
        readonly product: string;
        /** Group that the requester answers for; its overdue reviews count against her too. */
        readonly team?: string;
        /** The gates that it waives; never the separation of duties. */
        readonly gates: readonly GateName[];
        readonly justification: string;
        readonly requester: string;
        /** What it is for: another digest, plan or policy is another bypass. `expiresAt` is the bypass's own. */
        readonly tuple: ApprovalTuple;
        readonly tupleHash: string;
        /** When somebody else must have reviewed it. */
        readonly reviewDueAt: string;
      }
    >
  | DomainEvent<'BypassUsed', { readonly bypassId: string; readonly deploymentId: string; readonly deployer: string; readonly at: string }>
  | DomainEvent<
      'BypassReviewed',
      {
        readonly bypassId: string;
        readonly reviewer: string;
        readonly outcome: 'approved' | 'rejected';
        readonly findings: string;
        /** After it was due. */
        readonly late: boolean;
      }
    >
  | DomainEvent<
      'BypassReviewOverdue',
      { readonly bypassId: string; readonly requester: string; readonly product: string; readonly dueAt: string }
    >;
