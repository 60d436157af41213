import type {
  BoardMeeting,
  BoardVote,
  ChangeCalendarEvent,
  ChangeCondition,
  ChangeDossier,
  ChangeEvent,
  ChangeHistoryEvent,
  PlannedChangeClass,
  Recusal,
  ScheduledChange,
} from '#libs/contracts';
import { unknownEvent, type Aggregate, type StoredEvent } from '#libs/event-sourcing';

/** A member's vote. */
export interface CastVote {
  readonly person: string;
  readonly vote: BoardVote;
  readonly conditions: readonly string[];
}

export interface ChangeAccounts {
  readonly requester?: string;
  /** By person. */
  readonly voters: Readonly<Record<string, string>>;
  /** When each of them voted, by person, ISO 8601. */
  readonly votedAt: Readonly<Record<string, string>>;
  /** By condition. */
  readonly confirmers: Readonly<Record<string, string>>;
  readonly reviewer?: string;
}

/**
 * The change of a release for an environment. A newer submission begins a new round and supersedes the older one. There is one fold for
 * the aggregate and for the gate: what is decided on and what is judged later is the same.
 */
export interface Change {
  readonly round: number;
  readonly status: 'none' | 'open' | 'approved' | 'rejected' | 'voided' | 'withdrawn' | 'implemented';
  readonly releaseId?: string;
  readonly environment?: string;
  readonly product?: string;
  readonly class?: PlannedChangeClass;
  readonly route?: 'model' | 'board' | 'itsm' | 'emergency';
  readonly dossier?: ChangeDossier;
  readonly dossierHash?: string;
  readonly requester?: string;
  /** ISO 8601. */
  readonly submittedAt?: string;
  /** On whose agenda it is. */
  readonly meeting?: BoardMeeting;
  readonly boardTakesOverAt?: string;
  readonly handedToBoard: boolean;
  /** The chair called a vote between meetings. */
  readonly voteOpened: boolean;
  readonly votes: readonly CastVote[];
  /** The accounts (`issuer|subject`) with which this round was submitted, voted on, confirmed and reviewed; absent in examples without metadata. */
  readonly accounts?: ChangeAccounts;
  readonly recused: readonly Recusal[];
  /** Those of the approval. */
  readonly conditions: readonly (ChangeCondition & { readonly confirmedBy?: string })[];
  /** Why it is closed, where somebody said so. */
  readonly reason?: string;
  readonly decidedBy?: 'board' | 'itsm';
  readonly reviewDueAt?: string;
  readonly review?: { readonly reviewer: string; readonly outcome: 'approved' | 'rejected'; readonly findings: string };
  readonly reviewOverdue: boolean;
  /** What the ITSM was told, or why it could not be. */
  readonly delivery?: { readonly delivered: boolean; readonly detail?: string };
  /** Webhooks that were taken, of all rounds: none is taken twice. */
  readonly webhookIds: readonly string[];
  /** Deployments of this round and how they ended, newest last. */
  readonly deployments: readonly { readonly deploymentId: string; readonly outcome: 'succeeded' | 'failed' | 'rolled-back' }[];
}

const FRESH = {
  handedToBoard: false,
  voteOpened: false,
  votes: [],
  recused: [],
  conditions: [],
  reviewOverdue: false,
  deployments: [],
} satisfies Partial<Change>;

export const change: Aggregate<Change, ChangeEvent> = {
  category: 'change',
  initial: { round: 0, status: 'none', webhookIds: [], ...FRESH },
  evolve: (state, event) => {
    const accounts = accountsAfter(state.accounts, event);
    const after = stateAfter(state, event);
    return accounts ? { ...after, accounts } : after;
  },
};

function stateAfter(state: Change, event: ChangeEvent): Change {
  switch (event.type) {
    case 'ChangeSubmitted': {
      const { round, releaseId, environment, product, route, dossier, dossierHash, requester } = event.data;
      const { submittedAt, meeting, boardTakesOverAt, reviewDueAt } = event.data;
      return {
        ...FRESH,
        round,
        releaseId,
        environment,
        product,
        class: event.data.class,
        route,
        dossier,
        dossierHash,
        requester,
        // A model was approved before; an emergency is reviewed afterwards.
        status: route === 'model' || route === 'emergency' ? 'approved' : 'open',
        webhookIds: state.webhookIds,
        submittedAt,
        ...(meeting ? { meeting } : {}),
        ...(boardTakesOverAt ? { boardTakesOverAt } : {}),
        ...(reviewDueAt ? { reviewDueAt } : {}),
      };
    }
    case 'ChangeVoteOpened':
      return { ...state, voteOpened: true };
    case 'ChangeVoteCast': {
      const { person, vote, conditions, lapsed } = event.data;
      const others = state.votes.filter((v) => v.person !== person && !lapsed?.includes(v.person));
      // An approval that rested on votes which lapsed stands no more, and the board votes on.
      return { ...state, ...(lapsed ? { status: 'open' } : {}), votes: [...others, { person, vote, conditions }] };
    }
    case 'ChangeRecusalDeclared': {
      const { person, reason } = event.data;
      return {
        ...state,
        votes: state.votes.filter((v) => v.person !== person),
        recused: [...state.recused.filter((r) => r.person !== person), { person, reason }],
      };
    }
    case 'ChangeDecided': {
      const { outcome, by, conditions, meeting, itsm } = event.data;
      const webhookIds = itsm ? [...state.webhookIds, itsm.webhookId] : state.webhookIds;
      // Put off: everybody votes anew at the next meeting.
      if (outcome === 'deferred') return { ...state, webhookIds, votes: [], voteOpened: false, ...(meeting ? { meeting } : {}) };
      return { ...state, webhookIds, status: outcome, decidedBy: by, conditions };
    }
    case 'ChangeHandedToBoard':
      return { ...state, handedToBoard: true };
    case 'ChangeConditionMet': {
      const { conditionId, confirmedBy } = event.data;
      return { ...state, conditions: state.conditions.map((c) => (c.conditionId === conditionId ? { ...c, confirmedBy } : c)) };
    }
    case 'ChangeVoided':
      return { ...state, status: 'voided', reason: event.data.reason };
    case 'ChangeWithdrawn':
      return { ...state, status: 'withdrawn', reason: event.data.reason };
    case 'ChangeImplemented': {
      const { deploymentId, outcome } = event.data;
      const deployments = [...state.deployments.filter((d) => d.deploymentId !== deploymentId), { deploymentId, outcome }];
      // After a failure the same change may be tried again within its window.
      return { ...state, deployments, status: outcome === 'failed' ? state.status : 'implemented' };
    }
    case 'ChangeReviewed': {
      const { reviewer, outcome, findings } = event.data;
      return { ...state, review: { reviewer, outcome, findings } };
    }
    case 'ChangeReviewOverdue':
      return { ...state, reviewOverdue: true };
    case 'ChangeDelivered':
      return { ...state, delivery: { delivered: true, ...(event.data.reference ? { detail: event.data.reference } : {}) } };
    case 'ChangeDeliveryFailed':
      return { ...state, delivery: { delivered: false, detail: event.data.reason } };
    default:
      return unknownEvent(event);
  }
}

/** Whose accounts had a part in this round. Folds are given events as they are stored, with their metadata; an example without has none. */
function accountsAfter(state: ChangeAccounts | undefined, event: ChangeEvent): ChangeAccounts | undefined {
  const { principal: account, recordedAt: at } = (event as Partial<StoredEvent>).metadata ?? {};
  if (account === undefined || at === undefined) return event.type === 'ChangeSubmitted' ? undefined : state;
  const known = state ?? { voters: {}, votedAt: {}, confirmers: {} };
  switch (event.type) {
    case 'ChangeSubmitted':
      return { requester: account, voters: {}, votedAt: {}, confirmers: {} };
    case 'ChangeVoteCast':
      return {
        ...known,
        voters: { ...known.voters, [event.data.person]: account },
        votedAt: { ...known.votedAt, [event.data.person]: at },
      };
    case 'ChangeConditionMet':
      return { ...known, confirmers: { ...known.confirmers, [event.data.conditionId]: account } };
    case 'ChangeReviewed':
      return { ...known, reviewer: account };
    default:
      return state;
  }
}

/** The changes planned for an environment in a week, by change id. */
export interface ChangeCalendar {
  readonly planned: Readonly<Record<string, ScheduledChange & { readonly round: number }>>;
}

export const changeCalendar: Aggregate<ChangeCalendar, ChangeCalendarEvent> = {
  category: 'changecalendar',
  initial: { planned: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ChangeScheduled': {
        const { changeId, round, releaseId, product, window, artifacts } = event.data;
        return { planned: { ...state.planned, [changeId]: { changeId, round, releaseId, product, window, artifacts } } };
      }
      case 'ChangeUnscheduled':
        return { planned: Object.fromEntries(Object.entries(state.planned).filter(([id]) => id !== event.data.changeId)) };
      default:
        return unknownEvent(event);
    }
  },
};

/** How deployments of a product to an environment ended. */
export interface ChangeHistory {
  /** Successes since the last failure. */
  readonly successes: number;
  /** `deploymentId:outcome` of what was noted. */
  readonly noted: readonly string[];
}

export const changeHistory: Aggregate<ChangeHistory, ChangeHistoryEvent> = {
  category: 'changehistory',
  initial: { successes: 0, noted: [] },
  evolve: (state, { data: { deploymentId, outcome } }) => ({
    successes: outcome === 'succeeded' ? state.successes + 1 : 0,
    noted: [...state.noted, `${deploymentId}:${outcome}`],
  }),
};
