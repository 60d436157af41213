import type {
  BoardContents,
  BoardEvent,
  ChangeCondition,
  ChangeDossier,
  ChangeEvent,
  ChangeHistoryEvent,
  ChangeModelEvent,
  GroupEvent,
  IncidentEvent,
} from '#libs/contracts';
import { changeModel, countVotes, dossierHashOf, type BoardResult, type ChangeModel, type ModelVersion } from '#libs/policy';
import type { Identities } from './identities.ts';
import type { ChangeRecord, Written } from './report.ts';
import { plainText } from './text.ts';

type Submitted = Extract<ChangeEvent, { type: 'ChangeSubmitted' }>['data'];
type Decided = Extract<ChangeEvent, { type: 'ChangeDecided' }>['data'];

/** A member's vote, with the account that cast it. */
export interface BoardVoteCast extends Written {
  readonly person: string;
  readonly principal: string;
  readonly vote: 'for' | 'against' | 'abstain';
  readonly dossierHash: string;
}

/** One submission of a change, as far as its story has been told. */
export interface KnownRecord {
  readonly of: Pick<
    Submitted,
    'changeId' | 'round' | 'releaseId' | 'environment' | 'product' | 'class' | 'route' | 'dossierHash' | 'requester' | 'reviewDueAt'
  >;
  readonly dossier: Pick<
    ChangeDossier,
    'contents' | 'board' | 'model' | 'window' | 'class' | 'incidentId' | 'bypassId' | 'justification' | 'title' | 'risk'
  >;
  readonly requesterPrincipal: string;
  readonly submitted: Written;
  /** Whether the dossier on record is the one of the hash that was voted on. */
  readonly intact: boolean;
  status: ChangeRecord['status'];
  handedToBoard: boolean;
  votes: readonly BoardVoteCast[];
  readonly recused: Set<string>;
  /** The last decision; one that put it off is none that counts. */
  decided?: Written & Pick<Decided, 'outcome' | 'by' | 'dossierHash' | 'itsm'>;
  /** What the votes came to when the board decided, by its own contents and members of then; absent where it did not, or is not on record. */
  counted?: BoardResult;
  conditions: readonly (ChangeCondition & { readonly confirmed?: Written & { readonly person: string; readonly principal: string } })[];
  /** What ended it before its deployment. */
  closed?: Written & { readonly how: 'voided' | 'withdrawn' | 'superseded'; readonly reason: string };
  review?: NonNullable<ChangeRecord['review']> & { readonly principal: string };
  readonly implemented: Set<string>;
  /** When it was over, one way or another. */
  endedAt: string | undefined;
}

/** A version of a model with where its approval is written, and who voted. */
export interface KnownModel {
  readonly version: ModelVersion;
  readonly decided: Written | undefined;
  readonly closed: Written | undefined;
}

/** Every change that was submitted, and what decisions on it rest on: boards, their members, models, incidents. */
export class ChangeRecords {
  /** All rounds, in the order of the log. */
  readonly all: KnownRecord[] = [];
  private readonly current = new Map<string, KnownRecord>();
  private readonly boards = new Map<string, Map<number, BoardContents>>();
  private readonly members = new Map<string, Set<string>>();
  private readonly models = new Map<string, ChangeModel>();
  private readonly modelRefs = new Map<string, Written>();
  /** Changes that were deployed under each version of a model: kept apart from the fold, because there may be very many. */
  private readonly used = new Map<string, Set<string>>();
  private readonly incidents = new Map<string, { readonly environment: string; open: boolean; ref: string }>();
  private readonly successes = new Map<string, number>();

  constructor(private readonly identities: Identities) {}

  /** The newest submission for a release and environment; undefined where there is none. */
  record(releaseId: string, environment: string): KnownRecord | undefined {
    return this.current.get(key(releaseId, environment));
  }

  board(record: KnownRecord): BoardContents | undefined {
    const { board } = record.dossier;
    return board && this.boards.get(board.boardId)?.get(board.version);
  }

  /** The newest version of a board; undefined where it is not on record. */
  boardVersion(boardId: string): number | undefined {
    const versions = this.boards.get(boardId);
    return versions && Math.max(...versions.keys());
  }

  model(modelId: string, version: number): KnownModel | undefined {
    const found = this.models.get(modelId)?.versions.find((v) => v.version === version);
    const of = key(modelId, String(version));
    return (
      found && {
        version: { ...found, used: [...(this.used.get(of) ?? [])] },
        decided: this.modelRefs.get(of),
        closed: this.modelRefs.get(`${of} closed`),
      }
    );
  }

  incident(incidentId: string): { readonly environment: string; readonly open: boolean; readonly ref: string } | undefined {
    return this.incidents.get(incidentId);
  }

  /** Deployments of a product to an environment that succeeded since the last failure. */
  successesOf(product: string, environment: string): number {
    return this.successes.get(key(product, environment)) ?? 0;
  }

  defined({ data }: BoardEvent): void {
    const { boardId, version } = data;
    const versions = this.boards.get(boardId) ?? new Map<number, BoardContents>();
    this.boards.set(boardId, versions.set(version, data));
  }

  member({ type, data }: GroupEvent): void {
    if (type === 'GroupDefined') return;
    const persons = this.members.get(data.group) ?? new Set<string>();
    this.members.set(data.group, persons);
    if (type === 'GroupMemberAdded') persons.add(data.person);
    else persons.delete(data.person);
  }

  modelled(event: ChangeModelEvent, written: Written): void {
    const { modelId, version } = event.data;
    const of = key(modelId, String(version));
    if (event.type === 'ChangeModelUsed') {
      this.used.set(of, (this.used.get(of) ?? new Set<string>()).add(event.data.changeId));
      return;
    }
    if (event.type === 'ChangeModelDecided') this.modelRefs.set(of, written);
    if (event.type === 'ChangeModelSuspended') this.modelRefs.set(`${of} closed`, written);
    this.models.set(modelId, changeModel.evolve(this.models.get(modelId) ?? changeModel.initial, event));
  }

  happened({ data }: ChangeHistoryEvent): void {
    const of = key(data.product, data.environment);
    this.successes.set(of, data.outcome === 'succeeded' ? (this.successes.get(of) ?? 0) + 1 : 0);
  }

  incidentTold({ type, data }: Extract<IncidentEvent, { type: 'IncidentOpened' | 'IncidentResolved' }>, { ref }: Written): void {
    if (type === 'IncidentOpened') this.incidents.set(data.incidentId, { environment: data.environment, open: true, ref });
    const incident = this.incidents.get(data.incidentId);
    if (type === 'IncidentResolved' && incident) {
      incident.open = false;
      incident.ref = ref;
    }
  }

  add(event: ChangeEvent, written: Written, principal: string): void {
    const { releaseId, environment, round } = event.data;
    const record = this.current.get(key(releaseId, environment));
    if (event.type === 'ChangeSubmitted') {
      if (record && (record.status === 'open' || record.status === 'approved')) close(record, 'superseded', '', written);
      const submitted = recordOf(event.data, written, principal);
      this.current.set(key(releaseId, environment), submitted);
      this.all.push(submitted);
      return;
    }
    // A word about another round than the newest is about none that counts.
    if (!record || record.of.round !== round) return;
    switch (event.type) {
      case 'ChangeVoteCast': {
        const { person, vote, dossierHash, lapsed = [] } = event.data;
        const cast = { ...written, person, principal, vote, dossierHash };
        record.votes = [...record.votes.filter((v) => v.person !== person && !lapsed.includes(v.person)), cast];
        // The approval that rested on what lapsed stands no more.
        if (lapsed.length > 0 && record.status === 'approved') record.status = 'open';
        return;
      }
      case 'ChangeRecusalDeclared':
        record.recused.add(event.data.person);
        record.votes = record.votes.filter((v) => v.person !== event.data.person);
        return;
      case 'ChangeDecided':
        return this.decided(record, event.data, written);
      case 'ChangeHandedToBoard':
        record.handedToBoard = true;
        return;
      case 'ChangeConditionMet': {
        const { conditionId, confirmedBy: person } = event.data;
        const confirmed = { ...written, person, principal };
        record.conditions = record.conditions.map((c) => (c.conditionId === conditionId && !c.confirmed ? { ...c, confirmed } : c));
        return;
      }
      case 'ChangeVoided':
        return close(record, 'voided', event.data.reason, written);
      case 'ChangeWithdrawn':
        return close(record, 'withdrawn', event.data.reason, written);
      case 'ChangeImplemented':
        record.implemented.add(event.data.deploymentId);
        if (event.data.outcome === 'failed') return;
        record.status = 'implemented';
        record.endedAt = written.at;
        return;
      case 'ChangeReviewed': {
        const { reviewer, outcome, findings, late } = event.data;
        const overdue = record.of.reviewDueAt !== undefined && written.at >= record.of.reviewDueAt;
        record.review ??= { ...written, reviewer, outcome, findings: plainText(findings), late: late || overdue, principal };
        return;
      }
      default:
        // What calls a vote, tells an ITSM or says that time is up decides nothing.
        return;
    }
  }

  private decided(record: KnownRecord, { outcome, by, dossierHash, itsm, conditions }: Decided, written: Written): void {
    record.decided = { ...written, outcome, by, dossierHash, ...(itsm ? { itsm } : {}) };
    if (by === 'board') {
      const contents = this.board(record);
      const members = contents && this.members.get(contents.group);
      if (contents && members) {
        const eligible = [...members].filter((person) => !record.recused.has(person));
        // By the person that the account was known to be by then: one person votes once.
        const votes = record.votes
          .filter((vote) => vote.dossierHash === record.of.dossierHash)
          .map(({ person, principal, vote }) => ({ person: this.identities.known(principal) ?? person, vote, conditions: [] }));
        record.counted = countVotes(votes, contents, eligible);
      }
    }
    if (outcome === 'deferred') {
      record.votes = [];
      return;
    }
    if (record.status === 'open') record.status = outcome;
    if (outcome === 'rejected') record.endedAt = written.at;
    record.conditions = conditions.map((c) => ({ conditionId: c.conditionId, text: plainText(c.text), by: c.by }));
  }
}

function recordOf(data: Submitted, written: Written, principal: string): KnownRecord {
  const { changeId, round, releaseId, environment, product, route, dossier, dossierHash, requester, reviewDueAt } = data;
  const { contents, board, model, window, incidentId, bypassId, title, justification, risk } = dossier;
  const known: readonly unknown[] = [changeId, releaseId, environment, dossierHash, contents.planHash, window.from, window.until];
  // What is told of at the end must be readable now: only what was appended around Plimsoll may not be.
  if (!known.every((text) => typeof text === 'string') || !Array.isArray(contents.artifacts)) throw new TypeError('It is no change.');
  return {
    of: {
      changeId,
      round,
      releaseId,
      environment,
      product,
      class: data.class,
      route,
      dossierHash,
      requester,
      ...(reviewDueAt === undefined ? {} : { reviewDueAt }),
    },
    dossier: {
      contents,
      window,
      class: dossier.class,
      // The assessment is of no use here, and may be long.
      risk: { level: risk.level, assessment: '' },
      title: plainText(title),
      justification: plainText(justification),
      ...(board ? { board } : {}),
      ...(model ? { model } : {}),
      ...(incidentId === undefined ? {} : { incidentId }),
      ...(bypassId === undefined ? {} : { bypassId }),
    },
    requesterPrincipal: principal,
    submitted: written,
    intact: dossierHashOf(dossier) === dossierHash,
    // A model was approved before; an emergency is reviewed afterwards.
    status: route === 'model' || route === 'emergency' ? 'approved' : 'open',
    handedToBoard: false,
    votes: [],
    recused: new Set(),
    conditions: [],
    implemented: new Set(),
    endedAt: undefined,
  };
}

function close(record: KnownRecord, how: 'voided' | 'withdrawn' | 'superseded', reason: string, written: Written): void {
  record.status = how;
  record.endedAt = written.at;
  record.closed ??= { ...written, how, reason: plainText(reason) };
}

/** How the review of an emergency stands at an instant (ISO 8601); undefined where none is asked for. */
export function reviewState({ of: { route, reviewDueAt }, review }: KnownRecord, now: string): ChangeRecord['reviewState'] {
  if (route !== 'emergency') return undefined;
  if (review) return review.outcome === 'rejected' ? 'rejected' : review.late ? 'reviewed-late' : 'reviewed';
  return reviewDueAt !== undefined && now >= reviewDueAt ? 'overdue' : 'due';
}

/** A change as the report has it. @param changeIds of the population, those that rest on it */
export function reportedRecord(
  record: KnownRecord,
  changeIds: readonly string[],
  model: KnownModel | undefined,
  now: string,
): ChangeRecord {
  const { of, dossier, submitted, status, votes, recused, decided, counted, conditions, closed, review } = record;
  const { at, ref, sequence } = submitted;
  const state = reviewState(record, now);
  return {
    at,
    ref,
    sequence,
    changeId: of.changeId,
    round: of.round,
    changeIds,
    class: of.class,
    conditions: conditions.map(({ conditionId, text, by, confirmed }) => ({
      by,
      conditionId,
      text,
      ...(confirmed ? { confirmed: { ...writtenOf(confirmed), person: confirmed.person } } : {}),
    })),
    dossierHash: of.dossierHash,
    environment: of.environment,
    product: plainText(of.product),
    recused: [...recused].sort(),
    releaseId: of.releaseId,
    requester: of.requester,
    route: of.route,
    status,
    title: dossier.title,
    votes: votes.map((vote) => ({ ...writtenOf(vote), person: vote.person, vote: vote.vote })),
    window: { from: dossier.window.from, until: dossier.window.until },
    ...(dossier.board ? { board: dossier.board } : {}),
    ...(closed ? { closed: { ...writtenOf(closed), how: closed.how, reason: closed.reason } } : {}),
    ...(decided
      ? {
          decided: {
            ...writtenOf(decided),
            by: decided.by,
            outcome: decided.outcome,
            ...(counted ? { quorum: counted.tally.quorum } : {}),
            ...(decided.itsm ? { outside: decided.itsm.decidedBy } : {}),
            ...(decided.itsm?.reference === undefined ? {} : { reference: decided.itsm.reference }),
          },
        }
      : {}),
    ...(dossier.model
      ? {
          model: {
            ...dossier.model,
            ...(model?.decided ? { approved: writtenOf(model.decided) } : {}),
            voters: (model?.version.votes ?? []).filter((vote) => vote.vote === 'for').map((vote) => vote.person),
          },
        }
      : {}),
    ...(dossier.incidentId === undefined ? {} : { incidentId: dossier.incidentId }),
    ...(dossier.bypassId === undefined ? {} : { bypassId: dossier.bypassId }),
    ...(of.reviewDueAt === undefined ? {} : { reviewDueAt: of.reviewDueAt }),
    ...(state === undefined ? {} : { reviewState: state }),
    ...(review
      ? {
          review: {
            ...writtenOf(review),
            findings: review.findings,
            late: review.late,
            outcome: review.outcome,
            reviewer: review.reviewer,
          },
        }
      : {}),
  };
}

function writtenOf({ at, ref, sequence }: Written): Written {
  return { at, ref, sequence };
}

function key(a: string, b: string): string {
  return `${a} ${b}`;
}
