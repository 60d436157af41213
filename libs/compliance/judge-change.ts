import { conflicts, type DutyAssignment } from '#libs/identity';
import {
  BOARD_DUTIES,
  compareRisk,
  conditionProblems,
  countVotes,
  dossierDifferences,
  notInForce,
  votesNow,
  whyLapsed,
  type DossierSources,
  type EngineTraits,
  type VotesNow,
} from '#libs/policy';
import type { BoardContents, JudgedRisk, PlannedStep } from '#libs/contracts';
import type { Bypasses } from './bypasses.ts';
import { reviewState, type ChangeRecords, type KnownRecord } from './change-records.ts';
import { exception, no, unknowable, yes } from './judge-start.ts';
import type { Identities } from './identities.ts';
import type { Judged, Written } from './report.ts';
import type { Standings } from './standings.ts';

/** What is on record at the moment at which a change was started, or came to its effect. */
export interface RecordAt {
  /** The newest submission by then; undefined where there is none. */
  readonly record: KnownRecord | undefined;
  readonly records: ChangeRecords;
  readonly bypasses: Bypasses;
  readonly identities: Identities;
  readonly standings: Standings;
  /** As the engine of the decision judged. */
  readonly traits: EngineTraits;
  /** What it was judged to be; undefined where the engine judged none. */
  readonly risk: JudgedRisk | undefined;
  /** Whether the policy asks for the gate, what waived it, and its name: as sentences. */
  readonly asked: boolean;
  readonly waived: string | undefined;
  readonly policy: string;
  readonly policyRefs: readonly string[];
  readonly moment: Written;
  readonly changeClass: string;
  readonly deployer: string;
  /** The account, blank where the event was appended around Plimsoll. */
  readonly deployerPrincipal: string;
  /** What was deployed; undefined at the moment of effect, when the gate has compared it once more. */
  readonly deployed:
    (DossierSources & { readonly plan?: { readonly planHash: string; readonly steps: readonly PlannedStep[] } }) | undefined;
  /** Who wrote, shaped and tested it, as was known then. */
  readonly duties: readonly DutyAssignment[];
}

const NOT_ASKED = yes([], 'Its policy asks for no decision on the change, and nobody submitted one.');

/** Whether a decision on the change stood when it was started, or came to its effect. Pure. */
export function judgeRecord(at: RecordAt): Judged {
  const { record, asked, waived, policy, moment } = at;
  if (!record) return judgeWithoutRecord(at, moment);
  if (waived) return exception(waived, [moment.ref, record.submitted.ref]);
  const judged = standing(at, record);
  return asked || judged.verdict !== 'no'
    ? judged
    : exception(`${policy} asks for no decision on the change. ${judged.reason ?? ''}`, judged.evidence);
}

/** The same where nobody had submitted one. */
export function judgeWithoutRecord(
  { asked, waived, policyRefs }: Pick<RecordAt, 'asked' | 'waived' | 'policyRefs'>,
  { ref }: Written,
): Judged {
  if (waived) return exception(waived, [ref]);
  return asked ? no('Its policy asks for a decision on the change, and nobody submitted one.', policyRefs) : NOT_ASKED;
}

function standing(at: RecordAt, record: KnownRecord): Judged {
  const evidence = evidenceOf(record);
  try {
    const wrong = problemOf(at, record);
    if (wrong !== undefined) return no(wrong, [...new Set([...evidence, ...votesAt(at, record).refs])]);
    const { route, reviewDueAt } = record.of;
    // Until somebody has reviewed it nobody but who asked for it has let it pass.
    if (route === 'emergency')
      return exception(`An emergency: nobody decided before; its review was due at ${reviewDueAt ?? 'no time'}.`, evidence);
    if (route === 'model') return yes([...evidence, ...modelRefs(at, record)]);
    return yes(evidence);
  } catch {
    // Only what came around Plimsoll is not what its type says, and that shows nothing.
    return unknowable('What it rests on is not what it should be.', evidence);
  }
}

/** Why it did not stand, as a sentence. */
function problemOf(at: RecordAt, record: KnownRecord): string | undefined {
  const { of, dossier, status, closed, decided } = record;
  const { moment, deployed } = at;
  if (!record.intact) return `Its dossier is not the one of the hash ${of.dossierHash}, which was voted on.`;
  if (closed) return `The change had been ${closed.how}${closed.reason ? `: ${closed.reason}` : '.'}`;
  if (status === 'rejected') return `The change had been rejected by the ${decided?.by === 'itsm' ? 'ITSM' : 'board'}.`;
  if (status === 'implemented') return `The change was done before, with deployment ${[...record.implemented].join(', ')}.`;
  if (deployed) {
    const differences = dossierDifferences(dossier, deployed, dossier.board && at.records.boardVersion(dossier.board.boardId));
    if (differences.length > 0) return `${differences.join(' ')} What was decided on is another thing.`;
  }
  if (at.changeClass !== dossier.class) return `Of class ${at.changeClass}; what was decided on is of class ${dossier.class}.`;
  if (at.risk && compareRisk(dossier.risk.level, at.risk.effective) < 0)
    return `It was decided on as of ${dossier.risk.level} risk, and is judged as ${at.risk.effective}. ${at.risk.detail}`;
  if (moment.at < dossier.window.from || moment.at >= dossier.window.until)
    return `Outside of its planned window, ${dossier.window.from} to before ${dossier.window.until}.`;
  if (of.route === 'model') return modelProblem(at, record);
  if (of.route === 'emergency') return emergencyProblem(at, record);
  return decisionProblem(at, record);
}

function modelProblem({ records, moment, deployed }: RecordAt, { of, dossier }: KnownRecord): string | undefined {
  if (!dossier.model) return 'It names no change model.';
  const { modelId, version } = dossier.model;
  const model = records.model(modelId, version);
  const problem = notInForce(modelId, model?.version, moment.at, of.changeId);
  if (problem !== undefined || !model || !deployed) return problem;
  const successes = records.successesOf(of.product, of.environment);
  const problems = conditionProblems(model.version.conditions, deployed, successes);
  return problems.length > 0 ? problems.join(' ') : undefined;
}

function modelRefs({ records }: RecordAt, { dossier }: KnownRecord): readonly string[] {
  const decided = dossier.model && records.model(dossier.model.modelId, dossier.model.version)?.decided;
  return decided ? [decided.ref] : [];
}

function emergencyProblem({ records, bypasses, moment }: RecordAt, { of, dossier, review }: KnownRecord): string | undefined {
  const { incidentId, bypassId } = dossier;
  if (review?.outcome === 'rejected') return `${review.reviewer} had rejected the emergency.`;
  const incident = incidentId === undefined ? undefined : records.incident(incidentId);
  const bypass = bypassId === undefined ? undefined : bypasses.byId.get(bypassId)?.data;
  const holds =
    (incident?.open === true && incident.environment === of.environment) ||
    (bypass !== undefined &&
      bypass.releaseId === of.releaseId &&
      bypass.environment === of.environment &&
      moment.at < bypass.tuple.expiresAt);
  if (!holds) return 'The emergency was over: neither an open incident in its environment nor a bypass for it is on record.';
  if (!review && of.reviewDueAt !== undefined && moment.at >= of.reviewDueAt) return `Its review had been due at ${of.reviewDueAt}.`;
  return undefined;
}

function decisionProblem(at: RecordAt, record: KnownRecord): string | undefined {
  const { of, decided, conditions } = record;
  if (record.status !== 'approved' || decided?.outcome !== 'approved')
    return of.route === 'itsm' && !record.handedToBoard ? 'The ITSM had not decided.' : 'The board had not decided.';
  if (decided.dossierHash !== of.dossierHash) return `The decision is on the dossier ${decided.dossierHash}, and not on this one.`;
  const contents = at.records.board(record);
  if (!contents) return 'The board that decided is not on record.';
  if (decided.by === 'itsm') {
    if (of.route !== 'itsm' || !contents.itsm) return 'An ITSM decided, and the board leaves nothing to one.';
    if (record.handedToBoard) return 'The ITSM decided after the board had taken over.';
  } else {
    if (of.route === 'itsm' && !record.handedToBoard) return 'The board decided, and it was for the ITSM to decide.';
    const problem = quorumProblem(at, record, contents);
    if (problem !== undefined) return problem;
  }
  const open = conditions.filter((c) => !c.confirmed);
  if (open.length > 0) return `Of its ${conditions.length} conditions ${open.length} were not met.`;
  const own = conditions.find((c) => c.confirmed && hasPart(at, record, personOf(at, c.confirmed.principal, c.confirmed.person)));
  return own?.confirmed ? `${own.confirmed.person}, who confirmed a condition, had a part in it.` : undefined;
}

/** The board's votes as they stood, without those of anybody who had a part in the change: its quorum must be there all the same. */
function quorumProblem(at: RecordAt, record: KnownRecord, contents: Pick<BoardContents, 'quorum' | 'chair'>): string | undefined {
  const { counted } = record;
  if (!counted) return 'Who is on the board is not on record.';
  const barred = conflicts(boardDuties(at, record), BOARD_DUTIES);
  if (barred.length > 0) {
    const held = barred.map((v) => `${v.person} voted and was ${v.duties.filter((d) => d !== 'approver').join(' and ')}`);
    return `${[...new Set(held)].join('; ')}.`;
  }
  const { tally, missing, outcome } = counted;
  if (missing > 0) return `${contents.quorum - missing} of ${contents.quorum} members who may had voted.`;
  if (outcome !== 'approved') return `The votes (${tally.for.length} for, ${tally.against.length} against) do not approve it.`;
  return votesFallen(at, record, contents);
}

/** What was decided by votes that did not count any more was decided no more. */
function votesFallen(at: RecordAt, record: KnownRecord, contents: Pick<BoardContents, 'quorum' | 'chair'>): string | undefined {
  const { votes, gone } = votesAt(at, record);
  if (gone.length === 0) return undefined;
  const eligible = votes.map(({ person }) => person).filter((person) => !record.recused.has(person));
  const { outcome, missing } = countVotes(votes, contents, eligible);
  if (outcome === 'approved') return undefined;
  const count =
    missing > 0 ? `${contents.quorum - missing} of ${contents.quorum} votes counted by then` : 'the votes that counted by then do not';
  return `The board approved it, and ${count}: ${gone.join(' ')}`;
}

/**
 * The board's votes that count at a moment as the gate counts them: of every person one, and only of who is there and on the board, and was all
 * the while, and whose role was not revoked; as far as the engine of then asked that.
 */
export function votesAt(
  { records, identities, standings, traits }: Pick<RecordAt, 'records' | 'identities' | 'standings' | 'traits'>,
  record: KnownRecord,
): VotesNow & { readonly refs: readonly string[] } {
  const group = records.board(record)?.group;
  if (!traits.countsAgain || group === undefined || record.votes.length === 0 || record.decided?.by !== 'board')
    return { votes: [], gone: [], uncounted: [], refs: [] };
  const { environment, product } = record.of;
  const cast = record.votes.filter((vote) => vote.dossierHash === record.of.dossierHash);
  const allOf = ({ person, principal }: (typeof cast)[number]): readonly string[] => [
    ...new Set([person, identities.known(principal) ?? person]),
  ];
  const everybody = cast.flatMap(allOf);
  const removed = { removedAt: standings.removedAt(group) };
  const lapsed = traits.entitled
    ? cast.flatMap((vote) => {
        const all = allOf(vote);
        const isRevoked = (): boolean => standings.revokedSince(vote.person, vote.at, environment, product) !== undefined;
        const why = whyLapsed({ person: vote.person, all, at: vote.at }, removed, standings.leftAt, isRevoked);
        return why === undefined ? [] : [[vote.person, why] as const];
      })
    : [];
  const hands = {
    requesters: [],
    voters: Object.fromEntries(cast.map(({ person, principal }) => [person, { person, principal }])),
    confirmers: {},
    reviewers: [],
    persons: {
      now: Object.fromEntries(cast.flatMap(({ principal, person }) => [[principal, identities.known(principal) ?? person] as const])),
      refs: [],
    },
    left: everybody.filter((person) => standings.isGone(person)),
    ...(lapsed.length > 0 ? { lapsed: Object.fromEntries(lapsed) } : {}),
  };
  const members = everybody.filter(
    (person) => standings.isListed(group, person) && !(traits.entitled && (standings.isGone(person) || standings.isStale(group, person))),
  );
  const counted = votesNow(
    cast.map(({ person, vote }) => ({ person, vote, conditions: [] })),
    hands,
    members,
  );
  const refs = cast.flatMap((vote) => [
    ...allOf(vote).flatMap((person) => standings.goneSince(person, vote.at) ?? []),
    ...[standings.revokedSince(vote.person, vote.at, environment, product) ?? []].flat(),
    ...[standings.outRef(group, allOf(vote)) ?? []].flat(),
  ]);
  return { ...counted, refs: counted.gone.length > 0 ? refs : [] };
}

/** Everybody's duties, with the board's votes as those of approvers, as was known then. */
export function boardDuties(
  at: Pick<RecordAt, 'identities' | 'duties' | 'deployer' | 'deployerPrincipal' | 'moment' | 'traits'>,
  record: KnownRecord,
): readonly DutyAssignment[] {
  const { votes, of, submitted, requesterPrincipal } = record;
  const duty = (name: DutyAssignment['duty'], person: string, evidence: string): DutyAssignment => ({ duty: name, person, evidence });
  return [
    ...at.duties,
    ...asBoth(at, requesterPrincipal, of.requester).map((person) => duty('requester', person, submitted.ref)),
    duty('deployer', personOf(at, at.deployerPrincipal, at.deployer), at.moment.ref),
    ...votes.flatMap((vote) => asBoth(at, vote.principal, vote.person).map((person) => duty('approver', person, vote.ref))),
  ];
}

function hasPart(at: RecordAt, record: KnownRecord, person: string): boolean {
  return boardDuties(at, { ...record, votes: [] }).some((d) => d.person === person);
}

/** Whom an account was taken for; and who it is known to be, where the engine asked that too. */
function asBoth(at: Pick<RecordAt, 'identities' | 'traits'>, principal: string, taken: string): readonly string[] {
  return at.traits.countsAgain ? [...new Set([taken, personOf(at, principal, taken)])] : [taken];
}

function personOf({ identities }: Pick<RecordAt, 'identities'>, principal: string, taken: string): string {
  return identities.known(principal) ?? taken;
}

/** Where the decision on a change is written: the submission, the votes, what they came to, and what ended it. */
export function evidenceOf({ submitted, votes, decided, conditions, closed, review }: KnownRecord): readonly string[] {
  return [
    submitted.ref,
    ...votes.map((vote) => vote.ref),
    ...(decided ? [decided.ref] : []),
    ...conditions.flatMap((c) => (c.confirmed ? [c.confirmed.ref] : [])),
    ...(closed ? [closed.ref] : []),
    ...(review ? [review.ref] : []),
  ];
}

/** What the review of an emergency came to, by the end of the log: for `bypass-reviewed`. */
export function emergencyReviewed(record: KnownRecord, now: string, part: readonly (string | undefined)[]): Judged {
  const { of, submitted, review } = record;
  const evidence = [submitted.ref, ...(review ? [review.ref] : [])];
  switch (reviewState(record, now)) {
    case 'rejected':
      return no('The review of the emergency rejected it.', evidence);
    case 'overdue':
      return no(`The review of the emergency was due at ${of.reviewDueAt ?? ''}, and is not done.`, evidence);
    case 'reviewed-late':
      return no(`The review of the emergency was due at ${of.reviewDueAt ?? ''}, and came after that.`, evidence);
    case 'reviewed':
      return part.includes(review?.reviewer)
        ? no(`${review?.reviewer ?? ''}, who reviewed the emergency, had a part in it.`, evidence)
        : yes(evidence);
    default:
      return exception(`The review of the emergency is due at ${of.reviewDueAt ?? 'no time'}.`, evidence);
  }
}
