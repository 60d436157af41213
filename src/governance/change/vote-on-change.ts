import { IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type BoardVote, type ChangeConflict, type ChangeDossier, type ChangeEvent } from '#libs/contracts';
import { defineCommand, derivedId, refuse, type Decision, type Issued, type ReadAggregate, type Refusal } from '#libs/event-sourcing';
import {
  approvalFallen,
  barredBy,
  change,
  conflictsNow,
  countVotes,
  dossierDifferences,
  dutiesKnown,
  handsAsRecorded,
  newConflicts,
  nextMeeting,
  personsOf,
  readChangeFacts,
  readGateFacts,
  scheduledOf,
  standingOf,
  votesNow,
  type Change,
  type ChangeFacts,
  type ChangeHands,
  type GateFacts,
  type Standing,
} from '#libs/policy';
import { notAMember } from '../change-model/vote-on-change-model.ts';
import { inputsOf } from './submit-change.ts';

const HASH = /^[0-9a-f]{64}$/;
const HASH_MESSAGE = 'dossierHash must be the SHA-256 (hex) of the dossier that you have read, as the change shows it';

export class VoteOnChange {
  /** What is voted on is named, not assumed. */
  @Matches(HASH, { message: HASH_MESSAGE }) dossierHash: string;
  @IsIn(['for', 'against', 'abstain']) vote: BoardVote;
  /** What has to be met before the deployment starts; goes with a vote for it. */
  @IsOptional() @Matches(SAYS_SOMETHING, { message: 'a condition must say something' }) @MaxLength(2000) condition?: string;
  @IsOptional() @IsString() @MaxLength(2000) comment?: string;
}

export class OpenChangeVote {
  @Matches(HASH, { message: HASH_MESSAGE }) dossierHash: string;
  @Matches(SAYS_SOMETHING, { message: 'reason must say why it can not wait for the meeting' }) @MaxLength(2000) reason: string;
}

export class DeclareRecusal {
  @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

export interface ChangeVoteFacts {
  /** What is there now for this release and environment; absent where no change was submitted. */
  readonly now?: GateFacts;
}

/**
 * One person, one vote, on exactly the dossier that was frozen; never by who wrote, tested or asked for it. With the vote that brings the
 * quorum the rule says what the board has decided, and both are stored together. An approval whose votes do not suffice any more, as their
 * voters are no longer there, is voted on further: by others, and by who is back.
 */
export function voteOnChange(command: Issued<VoteOnChange>, state: Change, facts: ChangeVoteFacts): Decision<ChangeEvent> {
  const { target: changeId, meta, vote, dossierHash, comment } = command;
  const { person } = meta.actor;
  const conditions = command.condition === undefined ? [] : [command.condition];
  if (vote !== 'for' && conditions.length > 0)
    return refuse('meaning', 'conditions-without-approval', 'Conditions go with a vote for it: what is not approved has none.');
  const hands = handsOf(state, facts);
  const standingVotes = votesNow(state.votes, hands, facts.now?.change?.members ?? []);
  const again = hasFallen(state, facts) && standingVotes.uncounted.includes(person);
  if (
    state.status !== 'open' &&
    !again &&
    state.votes.some((v) => v.person === person && v.vote === vote) &&
    state.dossierHash === dossierHash
  )
    return [];
  const before = readyToVote(command, state, facts);
  if ('refused' in before) return before;
  const { gates, evidence, dossier, standing } = before;
  const { contents } = evidence.board ?? {};
  if (!contents) return refuse('not-found', 'board-unknown', 'The board that decides is not defined.');
  const barred = mayNotVote(person, standing, evidence, contents.group);
  if (barred) return barred;
  // One vote each, whatever the account; but for one that lapsed, as who comes back votes anew.
  const cast = state.votes
    .filter((v) => !standingVotes.uncounted.includes(v.person))
    .find((v) => personsOf(hands.voters[v.person] ?? v, hands.persons).includes(person));
  if (cast) return cast.vote === vote ? [] : refuse('conflict', 'voted-already', `You voted ${cast.vote}: a vote is cast once.`);
  const closed = noVoteNow(state, meta.now, contents.chair);
  if (closed) return closed;
  const conflicts = conflictsNow(gates, evidence, scheduledOf(dossier), dossier.class, dossier.board?.boardId);
  const late = conflictsUnseen(changeId, state, evidence, conflicts, dossier);
  if (late) return late;

  const of = ofChange(changeId, state);
  const votes = [...standingVotes.votes, { person, vote, conditions }];
  const lapsed = state.status === 'approved' ? { lapsed: [...standingVotes.uncounted].sort() } : {};
  const voted: ChangeEvent = {
    type: 'ChangeVoteCast',
    data: { ...of, person, vote, dossierHash, conditions, ...(comment ? { comment } : {}), ...lapsed },
  };
  const { outcome, tally } = countVotes(votes, contents, standing.eligible);
  if (!outcome) return [voted];
  const after = state.meeting && state.meeting.startsAt > meta.now ? state.meeting.startsAt : meta.now;
  const meeting = outcome === 'deferred' ? nextMeeting(contents, after) : undefined;
  const counted = votes.filter((v) => tally.for.includes(v.person));
  return [
    voted,
    {
      type: 'ChangeDecided',
      data: {
        ...of,
        outcome,
        by: 'board',
        dossierHash,
        tally,
        recused: standing.recused,
        conditions:
          outcome === 'approved'
            ? counted.flatMap((v) =>
                v.conditions.map((text) => ({ conditionId: conditionId(changeId, state.round, v.person, text), text, by: v.person })),
              )
            : [],
        conflicts,
        ...(meeting ? { meeting } : {}),
        inputs: inputsOf(gates, {}),
      },
    },
  ];
}

function conditionId(changeId: string, round: number, person: string, text: string): string {
  return derivedId('condition', changeId, String(round), person, text);
}

/** The chair has the board vote between meetings, where a normal change can't wait. */
export function openChangeVote(command: Issued<OpenChangeVote>, state: Change, facts: ChangeVoteFacts): Decision<ChangeEvent> {
  const { target: changeId, meta, reason } = command;
  const { person } = meta.actor;
  const before = readyToVote(command, state, facts);
  if ('refused' in before) return before;
  const { evidence, standing } = before;
  const { chair = '', group = '' } = evidence.board?.contents ?? {};
  const barred = mayNotVote(person, standing, evidence, group);
  if (barred) return barred;
  if (person !== chair)
    return refuse('duty', 'not-the-chair', 'Only the chair calls a vote between meetings.', [
      {
        code: 'not-the-chair',
        detail: `The chair is ${chair}.`,
        unblockedBy: `The chair calls it, or it waits for ${state.meeting?.startsAt ?? 'a meeting'}.`,
      },
    ]);
  return state.voteOpened ? [] : [{ type: 'ChangeVoteOpened', data: { ...ofChange(changeId, state), chair: person, reason } }];
}

/** A member says herself that she does not vote. The quorum stays what it is. */
export function declareRecusal(command: Issued<DeclareRecusal>, state: Change, facts: ChangeVoteFacts): Decision<ChangeEvent> {
  const { target: changeId, meta, reason } = command;
  const { person } = meta.actor;
  if (state.status === 'none') return refuse('not-found', 'change-unknown', `There is no change ${changeId}.`);
  if (state.recused.some((r) => r.person === person)) return [];
  if (state.status !== 'open') return refuse('conflict', 'change-not-open', `The change was ${state.status}: it is voted on no more.`);
  const { members = [], board } = facts.now?.change ?? {};
  if (!members.includes(person)) return notAMember(board?.contents?.group ?? 'of its board');
  return [{ type: 'ChangeRecusalDeclared', data: { ...ofChange(changeId, state), person, reason } }];
}

interface Ready {
  readonly gates: GateFacts;
  readonly evidence: ChangeFacts;
  readonly dossier: ChangeDossier;
  readonly standing: Standing;
}

/** What has to hold before anybody's vote can count: an open change, the very dossier, and nothing in it that is no longer so. */
function readyToVote(command: Issued<{ readonly dossierHash: string }>, state: Change, { now }: ChangeVoteFacts): Ready | Refusal {
  const { target: changeId, meta, dossierHash } = command;
  const { dossier } = state;
  const again = 'Read the change again; where it is no longer as it was submitted, it is to be submitted again.';
  if (!dossier || !now) return refuse('not-found', 'change-unknown', `There is no change ${changeId}.`);
  if (state.dossierHash !== dossierHash)
    return refuse('conflict', 'dossier-changed', 'What you would vote on is not the dossier of this round.', [
      { code: 'dossier-hash-differs', detail: `Round ${state.round} has the dossier ${state.dossierHash ?? ''}.`, unblockedBy: again },
    ]);
  const open = state.status === 'open' || hasFallen(state, { now });
  if (!open) return refuse('conflict', 'change-not-open', `The change was ${state.status}: it is voted on no more.`);
  if (state.route === 'itsm' && !state.handedToBoard) {
    const then = state.boardTakesOverAt;
    return refuse('conflict', 'itsm-decides', 'The ITSM decides on this change.', [
      {
        code: 'itsm-decides',
        detail: `It waits for the ITSM since ${state.submittedAt ?? 'its submission'}.`,
        unblockedBy: then ? `The board takes over at ${then}.` : 'The ITSM decides; the board does not take over.',
      },
    ]);
  }
  const evidence = now.change;
  const differences = dossierDifferences(dossier, now, evidence?.board?.version);
  if (differences.length > 0 || !evidence)
    return refuse(
      'conflict',
      'dossier-changed',
      'What the dossier says is no longer so.',
      differences.map((detail) => ({ code: 'dossier-stale', detail, evidence: inputsOf(now, {}).slice(0, 50), unblockedBy: again })),
    );
  // Decided on while this was being read: what was read of it is of no use any more.
  if (evidence.change.status !== state.status)
    return refuse('conflict', 'change-not-open', `The change was ${evidence.change.status} meanwhile.`);
  if (meta.now >= dossier.window.until)
    return refuse('conflict', 'window-over', `It was planned until ${dossier.window.until}: submit it again for a time to come.`);
  const duties = dutiesKnown(now, handsOf(state, { now }));
  return { gates: now, evidence, dossier, standing: standingOf(evidence.members ?? [], duties, state.recused) };
}

function mayNotVote(person: string, { eligible, recused }: Standing, { members = [] }: ChangeFacts, group: string): Refusal | undefined {
  if (!members.includes(person)) return notAMember(group);
  const own = recused.find((r) => r.person === person);
  if (!own) return undefined;
  const others = eligible.slice(0, 10).join(', ');
  return refuse('duty', 'recused', 'You do not vote on this change: others of the board do. The quorum stays what it is.', [
    { code: 'recused', detail: own.reason, unblockedBy: others ? `${others} can vote.` : 'Others are taken into the group.' },
  ]);
}

function noVoteNow({ meeting, voteOpened }: Change, now: string, chair: string): Refusal | undefined {
  if (voteOpened || (meeting && now >= meeting.startsAt)) return undefined;
  const when = meeting?.startsAt ?? 'a meeting';
  return refuse('conflict', 'no-vote-now', `It is on the agenda of ${when}: votes are taken from then on.`, [
    {
      code: 'no-vote-now',
      detail: `Its meeting begins at ${when}.`,
      unblockedBy: `Vote then; or the chair, ${chair}, calls a vote before.`,
    },
  ]);
}

/** Every change is on record with the others of its weeks before it is decided on: of two that conflict, the later decision sees the other. */
function conflictsUnseen(
  changeId: string,
  { round }: Change,
  { planned = [] }: ChangeFacts,
  conflicts: readonly ChangeConflict[],
  dossier: ChangeDossier,
): Refusal | undefined {
  if (!planned.some((p) => p.changeId === changeId && p.round === round))
    return refuse('conflict', 'not-scheduled-yet', 'The change is not in the calendar of changes yet: try again in a moment.');
  const unseen = newConflicts(conflicts, dossier.conflicts);
  if (unseen.length === 0) return undefined;
  return refuse(
    'conflict',
    'conflicts-changed',
    'Something is in its way that the dossier does not name: nobody has voted knowing of it.',
    unseen.map((c) => ({
      code: `conflict-${c.kind}`,
      detail: c.detail,
      unblockedBy: 'Submit the change again, for another time or with this conflict in its dossier.',
    })),
  );
}

/** What every event of a round says. */
export function ofChange(
  changeId: string,
  { releaseId = '', environment = '', round }: Change,
): { changeId: string; releaseId: string; environment: string; round: number } {
  return { changeId, releaseId, environment, round };
}

/** Whether the board's approval stands no more, by what is there now. */
function hasFallen(state: Change, { now }: ChangeVoteFacts): boolean {
  return state.status === 'approved' && now !== undefined && approvalFallen(now);
}

/** What is there now for a change that was submitted. */
export async function nowOfChange(read: ReadAggregate, { meta }: Issued<object>, state: Change): Promise<ChangeVoteFacts> {
  const { releaseId, environment, dossier } = state;
  if (!releaseId || !environment) return {};
  const now = await readGateFacts(read, releaseId, environment, meta.now);
  if (!now.change || !dossier?.board || !hasFallen(state, { now })) return { now };
  // What gates look at no more once a change is approved, and whoever votes on it must know.
  const asked = { boardId: dossier.board.boardId, window: dossier.window, dependsOn: dossier.dependsOn };
  const { change: found } = await readChangeFacts(read, { releaseId, environment, product: now.product ?? '' }, asked);
  const { planned = [], dependsOn } = found;
  return { now: { ...now, change: { ...now.change, planned, ...(dependsOn ? { dependsOn } : {}) } } };
}

/** What a denial is about. */
export function aboutChange({ target }: Issued<object>, { releaseId, environment }: Change): Record<string, string> {
  return { changeId: target, ...(releaseId ? { releaseId } : {}), ...(environment ? { environment } : {}) };
}

/** The duty that would keep a person from voting on a change. */
export function dutyAgainst(person: string, gates: GateFacts, state: Change): string | undefined {
  return barredBy(person, dutiesKnown(gates, handsOf(state, { now: gates })))?.detail;
}

/** Who took part in it, as known now. */
function handsOf(state: Change, { now }: ChangeVoteFacts): ChangeHands {
  return now?.change?.hands ?? handsAsRecorded(state);
}

export const voteOnChangeCommand = defineCommand({
  type: VoteOnChange,
  vouches: true,
  personal: ['condition', 'comment'],
  aggregate: change,
  decide: voteOnChange,
  facts: nowOfChange,
  governed: aboutChange,
});
export const openChangeVoteCommand = defineCommand({
  type: OpenChangeVote,
  vouches: true,
  personal: ['reason'],
  aggregate: change,
  decide: openChangeVote,
  facts: nowOfChange,
  governed: aboutChange,
});
export const declareRecusalCommand = defineCommand({
  type: DeclareRecusal,
  personal: ['reason'],
  aggregate: change,
  decide: declareRecusal,
  facts: nowOfChange,
  governed: aboutChange,
});
