import type { DomainEvent } from '#libs/event-sourcing';
import type { CalendarWindow } from './calendars.events.ts';
import type { PlannedChangeClass } from './values.ts';

/** A half-open interval of instants, ISO 8601 UTC. */
export interface PlannedWindow {
  readonly from: string;
  readonly until: string;
}

/** A meeting of a board, ISO 8601 UTC: what was submitted before `cutoffAt` is on its agenda. */
export interface BoardMeeting {
  readonly startsAt: string;
  readonly cutoffAt: string;
}

/** How a board works, as one of its versions says. */
export interface BoardContents {
  readonly title: string;
  /** The group whose members vote. */
  readonly group: string;
  /** So many persons have to vote, for, against or abstaining; a recusal never lowers it. */
  readonly quorum: number;
  /** Person, a member: calls votes between meetings, and decides where votes are equal. */
  readonly chair: string;
  readonly meetings: { readonly zone: string; readonly window: Extract<CalendarWindow, { readonly kind: 'recurring' }> };
  /** A dossier has to be there so many hours before a meeting. */
  readonly cutoffHours: number;
  /** More changes than this at one time in one environment are a conflict; absent: as many as there are. */
  readonly maxConcurrent?: number;
  /** An outside ITSM decides normal changes. What happens while it does not: `hold` waits for it, `board` hands over to the board. */
  readonly itsm?: { readonly whenAway: 'hold' | 'board'; readonly afterMinutes: number };
}

export type BoardEvent = DomainEvent<
  'BoardDefined',
  BoardContents & { readonly boardId: string; readonly version: number; readonly tzdata: string }
>;

/** What must hold of a change for a model to pre-approve it. What is named must hold together; lists are of what is allowed. */
export interface ModelConditions {
  readonly products?: readonly string[];
  /** Names of artifacts. */
  readonly services?: readonly string[];
  readonly environmentClasses?: readonly string[];
  /** Types of package URLs: `npm`, `oci`. */
  readonly packageTypes?: readonly string[];
  /** `driver:action` of every step of the plan, so that a step that migrates a schema is allowed only by name. */
  readonly actions?: readonly string[];
  /** Every artifact has a passing report for its digest, and no suite fails. */
  readonly testsPassed?: true;
  /** So many deployments of the product to the environment succeeded one after another, the last ones, without a failure. */
  readonly minimumSuccesses?: number;
}

export interface ModelContents {
  readonly title: string;
  readonly boardId: string;
  readonly conditions: ModelConditions;
  /** ISO 8601 UTC, half-open. */
  readonly validFrom: string;
  readonly validUntil: string;
  /** So many changes at most; absent: no limit but its time. */
  readonly maxChanges?: number;
}

interface OfModel {
  readonly modelId: string;
  /** 1-based and dense. */
  readonly version: number;
}

export type BoardVote = 'for' | 'against' | 'abstain';

/** Who voted how; persons, sorted. */
export interface BoardTally {
  readonly for: readonly string[];
  readonly against: readonly string[];
  readonly abstain: readonly string[];
  readonly quorum: number;
}

/** A member who does not vote, and why. */
export interface Recusal {
  readonly person: string;
  readonly reason: string;
}

export type ChangeModelEvent =
  | DomainEvent<'ChangeModelProposed', OfModel & ModelContents & { readonly contentsHash: string; readonly proposer: string }>
  | DomainEvent<
      'ChangeModelVoteCast',
      OfModel & { readonly person: string; readonly vote: BoardVote; readonly contentsHash: string; readonly comment?: string }
    >
  | DomainEvent<
      'ChangeModelDecided',
      OfModel & {
        readonly outcome: 'approved' | 'rejected';
        readonly contentsHash: string;
        readonly tally: BoardTally;
        readonly recused: readonly Recusal[];
      }
    >
  /** What became of a change under it. */
  | DomainEvent<
      'ChangeModelUsed',
      OfModel & { readonly changeId: string; readonly deploymentId: string; readonly outcome: 'succeeded' | 'failed' | 'rolled-back' }
    >
  /** It pre-approves nothing any more; a new version has to be proposed and approved. */
  | DomainEvent<'ChangeModelSuspended', OfModel & { readonly reason: string }>;

/** Two changes, or a change and a calendar or a limit, that get in each other's way. */
export interface ChangeConflict {
  readonly kind: 'service' | 'product' | 'dependency' | 'freeze' | 'window' | 'capacity';
  /** The other change's id, the calendar's, or the board's where it is its capacity. */
  readonly with: string;
  readonly detail: string;
  readonly from: string;
  readonly until: string;
}

/** What is in a dossier because the sources say so: any change of it makes a decision stale. */
export interface DossierContents {
  readonly releaseId: string;
  readonly environment: string;
  readonly environmentClass: string;
  readonly product: string;
  readonly version?: string;
  readonly artifacts: readonly { readonly name: string; readonly version: string; readonly purl: string; readonly digest: string }[];
  readonly planHash: string;
  readonly policyId: string;
  readonly policyVersion: number;
  /** The newest outcome of every suite for a digest of the release, sorted. */
  readonly tests: readonly { readonly digest: string; readonly suite: string; readonly outcome: string }[];
  /** Persons, sorted. */
  readonly authors: readonly string[];
}

/** Everything that a decision is about; SHA-256 over its canonical JSON is what is voted on. */
export interface ChangeDossier {
  readonly schema: 'plimsoll.change-dossier.v1';
  readonly changeId: string;
  readonly round: number;
  readonly class: PlannedChangeClass;
  readonly title: string;
  readonly justification: string;
  readonly risk: { readonly level: 'low' | 'medium' | 'high'; readonly assessment: string };
  readonly backout: string;
  readonly window: PlannedWindow;
  /** Changes that have to be done before. */
  readonly dependsOn: readonly string[];
  readonly requester: string;
  readonly contents: DossierContents;
  readonly conflicts: readonly ChangeConflict[];
  readonly board?: { readonly boardId: string; readonly version: number };
  readonly model?: { readonly modelId: string; readonly version: number };
  readonly incidentId?: string;
  readonly bypassId?: string;
}

/** Why a change is of its class, with what shows it. */
export interface ClassReason {
  readonly code: string;
  readonly detail: string;
  /** `stream@revision`. */
  readonly evidence: readonly string[];
}

/** What a member made a condition of. It has to be met before the deployment starts. */
export interface ChangeCondition {
  readonly conditionId: string;
  readonly text: string;
  readonly by: string;
}

interface OfChange {
  readonly changeId: string;
  readonly releaseId: string;
  readonly environment: string;
  /** Counts the submissions for this release and environment, from 1: a newer one supersedes the older. */
  readonly round: number;
}

export type ChangeEvent =
  | DomainEvent<
      'ChangeSubmitted',
      OfChange & {
        readonly product: string;
        readonly class: PlannedChangeClass;
        readonly reasons: readonly ClassReason[];
        /** Who lets it pass: a model that was approved before, the board, an outside ITSM, or nobody but a review afterwards. */
        readonly route: 'model' | 'board' | 'itsm' | 'emergency';
        readonly dossier: ChangeDossier;
        readonly dossierHash: string;
        readonly requester: string;
        /** Server time, ISO 8601. */
        readonly submittedAt: string;
        readonly meeting?: BoardMeeting;
        /** When the board takes over from an ITSM that is away; absent where it never does. */
        readonly boardTakesOverAt?: string;
        /** When somebody else must have reviewed an emergency. */
        readonly reviewDueAt?: string;
        /** `stream@revision` of all that it was decided on, sorted. */
        readonly inputs: readonly string[];
      }
    >
  /** The chair has the members vote between meetings. */
  | DomainEvent<'ChangeVoteOpened', OfChange & { readonly chair: string; readonly reason: string }>
  | DomainEvent<
      'ChangeVoteCast',
      OfChange & {
        readonly person: string;
        readonly vote: BoardVote;
        readonly dossierHash: string;
        readonly conditions: readonly string[];
        readonly comment?: string;
        /**
         * There where the change had been approved by votes that do not suffice any more: whose votes they are, sorted. They fall away, the
         * approval stands no more, and the board votes on.
         */
        readonly lapsed?: readonly string[];
      }
    >
  | DomainEvent<'ChangeRecusalDeclared', OfChange & Recusal>
  | DomainEvent<
      'ChangeDecided',
      OfChange & {
        readonly outcome: 'approved' | 'rejected' | 'deferred';
        readonly by: 'board' | 'itsm';
        readonly dossierHash: string;
        readonly tally?: BoardTally;
        readonly recused: readonly Recusal[];
        readonly conditions: readonly ChangeCondition[];
        /** Conflicts as they were at the decision. */
        readonly conflicts: readonly ChangeConflict[];
        /** Of a deferral: when it is on the agenda again. */
        readonly meeting?: BoardMeeting;
        /** Who the ITSM says decided; it is one decision, whoever and however many that were. */
        readonly itsm?: { readonly webhookId: string; readonly decidedBy: string; readonly reference?: string };
        readonly inputs: readonly string[];
      }
    >
  /** The ITSM was away for as long as the board waits. */
  | DomainEvent<'ChangeHandedToBoard', OfChange & { readonly waitedSince: string; readonly reason: string }>
  | DomainEvent<'ChangeConditionMet', OfChange & { readonly conditionId: string; readonly confirmedBy: string; readonly evidence: string }>
  | DomainEvent<'ChangeVoided', OfChange & { readonly reason: string }>
  | DomainEvent<'ChangeWithdrawn', OfChange & { readonly person: string; readonly reason: string }>
  | DomainEvent<'ChangeImplemented', OfChange & { readonly deploymentId: string; readonly outcome: 'succeeded' | 'failed' | 'rolled-back' }>
  | DomainEvent<
      'ChangeReviewed',
      OfChange & { readonly reviewer: string; readonly outcome: 'approved' | 'rejected'; readonly findings: string; readonly late: boolean }
    >
  | DomainEvent<'ChangeReviewOverdue', OfChange & { readonly dueAt: string }>
  | DomainEvent<'ChangeDelivered', OfChange & { readonly reference?: string }>
  | DomainEvent<'ChangeDeliveryFailed', OfChange & { readonly reason: string }>;

/** What other changes need to know of one that is planned. */
export interface ScheduledChange {
  readonly changeId: string;
  readonly releaseId: string;
  readonly product: string;
  readonly window: PlannedWindow;
  readonly artifacts: readonly { readonly name: string; readonly digest: string }[];
}

/** The changes planned for an environment in one week: in one stream, so that what a decision saw of the others is one revision. */
export type ChangeCalendarEvent =
  | DomainEvent<'ChangeScheduled', ScheduledChange & { readonly environment: string; readonly round: number }>
  | DomainEvent<'ChangeUnscheduled', { readonly changeId: string; readonly environment: string; readonly reason: string }>;

/** How deployments of a product to an environment ended, in their order. */
export type ChangeHistoryEvent = DomainEvent<
  'ChangeOutcomeNoted',
  {
    readonly product: string;
    readonly environment: string;
    readonly changeId: string;
    readonly deploymentId: string;
    readonly outcome: 'succeeded' | 'failed' | 'rolled-back';
  }
>;
