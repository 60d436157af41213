import { DAY, HORIZON, intervalsOf } from '#libs/calendar';
import type { BoardContents, BoardEvent, BoardMeeting, BoardTally, Recusal } from '#libs/contracts';
import type { Aggregate, Reason } from '#libs/event-sourcing';
import { FOUR_EYES, mayTakeDuty, type DutyAssignment, type SeparationRule } from '#libs/identity';
import type { CastVote } from './change.ts';

export interface Board {
  /** 0 where it was never defined. */
  readonly version: number;
  readonly contents?: BoardContents;
  readonly tzdata?: string;
}

export const board: Aggregate<Board, BoardEvent> = {
  category: 'board',
  initial: { version: 0 },
  evolve: (_state, { data: { boardId: _boardId, version, tzdata, ...contents } }) => ({ version, contents, tzdata }),
};

/** Whoever wrote, tested, asked for or deploys a change does not vote on it. */
export const BOARD_DUTIES: readonly SeparationRule[] = [
  ...FOUR_EYES,
  { id: 'approver-is-not-tester', duties: ['tester', 'approver'] },
  { id: 'approver-is-not-deployer', duties: ['deployer', 'approver'] },
];

/** Who may vote, and who may not and why. */
export interface Standing {
  /** Persons, sorted. */
  readonly eligible: readonly string[];
  readonly recused: readonly Recusal[];
}

/** Members without those whom a duty bars, and those who declared themselves that they do not vote. */
export function standingOf(members: readonly string[], duties: readonly DutyAssignment[], declared: readonly Recusal[]): Standing {
  const recused = members.flatMap((person): readonly Recusal[] => {
    const own = declared.find((r) => r.person === person);
    if (own) return [own];
    const barred = barredBy(person, duties);
    return barred ? [{ person, reason: barred.detail }] : [];
  });
  return { eligible: members.filter((person) => !recused.some((r) => r.person === person)).sort(), recused };
}

/** The duty that keeps a person from voting. */
export function barredBy(person: string, duties: readonly DutyAssignment[]): Reason | undefined {
  const may = mayTakeDuty(person, 'approver', duties, BOARD_DUTIES);
  return may === 'ok' ? undefined : may;
}

export type Outcome = 'approved' | 'rejected' | 'deferred';

/** What a board's votes come to. */
export interface BoardResult {
  readonly tally: BoardTally;
  /** Persons who have to vote yet; 0 where the quorum is there. */
  readonly missing: number;
  /** Undefined until the quorum is there, and while votes are equal and the chair has not said which way. */
  readonly outcome?: Outcome;
}

/**
 * Counts the votes of those who may vote, each once. With the quorum there: more for than against approves, more against rejects; where
 * they are equal the chair's vote decides, and an abstention of everybody defers. Pure, and the same for every order of the votes.
 */
export function countVotes(
  votes: readonly CastVote[],
  { quorum, chair }: Pick<BoardContents, 'quorum' | 'chair'>,
  eligible: readonly string[],
): BoardResult {
  const counted = new Map(votes.filter((v) => eligible.includes(v.person)).map((v) => [v.person, v.vote]));
  const by = (vote: string): readonly string[] =>
    [...counted]
      .filter(([, v]) => v === vote)
      .map(([person]) => person)
      .sort();
  const tally: BoardTally = { for: by('for'), against: by('against'), abstain: by('abstain'), quorum };
  const missing = Math.max(0, quorum - counted.size);
  const outcome = missing > 0 ? undefined : outcomeOf(tally, counted.get(chair));
  return { tally, missing, ...(outcome ? { outcome } : {}) };
}

function outcomeOf({ for: pro, against }: BoardTally, chair: string | undefined): Outcome | undefined {
  if (pro.length > against.length) return 'approved';
  if (against.length > pro.length) return 'rejected';
  if (pro.length === 0) return 'deferred';
  if (chair === 'for') return 'approved';
  return chair === 'against' ? 'rejected' : undefined;
}

export interface Meeting extends BoardMeeting {
  readonly endsAt: string;
}

/**
 * Meetings that begin between two instants (milliseconds), in order. As with every window the wall clock of the zone decides: one that
 * begins while clocks are put forward begins when they have jumped.
 */
export function meetingsBetween(
  { meetings: { zone, window }, cutoffHours }: BoardContents,
  from: number,
  until: number,
): readonly Meeting[] {
  // A day earlier, so that one which is under way is not taken for one that begins.
  return intervalsOf(window, zone, from - DAY, until)
    .filter((i) => i.from >= from && i.from < until)
    .map((i) => ({ startsAt: iso(i.from), endsAt: iso(i.until), cutoffAt: iso(i.from - cutoffHours * 3_600_000) }));
}

/** The first meeting whose cut-off is still to come; undefined where there is none within 24 months. @param now ISO 8601 */
export function nextMeeting(contents: BoardContents, now: string): BoardMeeting | undefined {
  const at = Date.parse(now);
  for (const days of [32, HORIZON / DAY]) {
    const found = meetingsBetween(contents, at, at + days * DAY).find((m) => m.cutoffAt > now);
    if (found) return { startsAt: found.startsAt, cutoffAt: found.cutoffAt };
  }
  return undefined;
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}
