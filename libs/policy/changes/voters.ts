import { own, type ReadAggregate } from '#libs/event-sourcing';
import type { DutyAssignment } from '#libs/identity';
import { Entitlements, isStale, wasOutSince, type LeftAt, type Whereabouts } from '../entitlement.ts';
import { groupSource, type GroupSource } from '../groups.ts';
import { personSource } from '../person-source.ts';
import { personsOf, readPersons, type OnRecord, type PersonsNow } from '../persons.ts';
import type { GateFacts } from '../sources.ts';
import type { CastVote, Change } from './change.ts';
import { dutiesOfChange } from './dossier.ts';

/** Who took part in a change, as known at the time of a decision. */
export interface ChangeHands {
  readonly requesters: readonly OnRecord[];
  /** By the person on record, as votes have it. */
  readonly voters: Readonly<Record<string, OnRecord>>;
  /** By condition. */
  readonly confirmers: Readonly<Record<string, OnRecord>>;
  readonly reviewers: readonly OnRecord[];
  readonly persons: PersonsNow;
  /** Voters who have left, by whoever they were or are known to be; sorted. */
  readonly left: readonly string[];
  /** Why a vote counts no more although its voter is there, by the person on record, each as a sentence; absent where all count. */
  readonly lapsed?: Readonly<Record<string, string>>;
}

/** Where a board votes, and who is in it. */
export interface Voting extends Whereabouts {
  readonly group: string;
  readonly members: readonly string[];
}

/** Everybody as the change's own events have her. */
export function handsAsRecorded(change: Change): ChangeHands {
  const { requester, accounts, votes, conditions, review } = change;
  const of = (person: string, principal: string | undefined): OnRecord => ({ person, ...(principal ? { principal } : {}) });
  return {
    requesters: requester === undefined ? [] : [of(requester, accounts?.requester)],
    voters: Object.fromEntries(votes.map(({ person }) => [person, of(person, accounts?.voters[person])])),
    confirmers: Object.fromEntries(
      conditions.flatMap(({ conditionId, confirmedBy }) =>
        confirmedBy === undefined ? [] : [[conditionId, of(confirmedBy, accounts?.confirmers[conditionId])]],
      ),
    ),
    reviewers: review ? [of(review.reviewer, accounts?.reviewer)] : [],
    persons: { now: {}, refs: [] },
    left: [],
  };
}

/**
 * Who took part in a change, and who they are known to be now; and which voters have left.
 *
 * @param voting absent where the engine did not ask by virtue of what they voted
 * @returns `members` are those who are there: not who has left, nor who came back and was not taken in anew
 */
export async function readChangeHands(
  read: ReadAggregate,
  change: Change,
  voting?: Voting,
): Promise<{ readonly hands: ChangeHands; readonly refs: readonly string[]; readonly members?: readonly string[] }> {
  const known = await knownNow(read, handsAsRecorded(change));
  return voting ? await byVirtueOf(read, change, known, voting) : known;
}

async function byVirtueOf(
  read: ReadAggregate,
  { votes, accounts }: Change,
  { hands, refs }: { readonly hands: ChangeHands; readonly refs: readonly string[] },
  voting: Voting,
): Promise<{ readonly hands: ChangeHands; readonly refs: readonly string[]; readonly members: readonly string[] }> {
  const roles = new Entitlements(read, voting);
  const everybody = [
    ...new Set([...voting.members, ...votes.flatMap((vote) => personsOf(hands.voters[vote.person] ?? vote, hands.persons))]),
  ];
  const [group, persons] = await Promise.all([
    read(groupSource, voting.group),
    Promise.all(everybody.sort().map((id) => read(personSource, id))),
    roles.read(votes.map(({ person }) => person)),
  ]);
  const presence = new Map(persons.map(({ id, state }) => [id, state]));
  const leftAt = (person: string): string | undefined => presence.get(person)?.leftAt;
  const lapsed = votes.flatMap(({ person }): readonly (readonly [string, string])[] => {
    const at = own(accounts?.votedAt ?? {}, person);
    if (at === undefined) return [];
    const all = personsOf(hands.voters[person] ?? { person }, hands.persons);
    const why = whyLapsed({ person, all, at }, group.state, leftAt, () => roles.revokedSince(person, at));
    return why === undefined ? [] : [[person, why]];
  });
  const { grants, ownership } = roles.refs;
  return {
    hands: { ...hands, ...(lapsed.length > 0 ? { lapsed: Object.fromEntries(lapsed) } : {}) },
    refs: [
      ...new Set([...refs, ...persons.map(({ ref }) => ref), ...Object.values(grants), ...(ownership === undefined ? [] : [ownership])]),
    ].sort(),
    members: voting.members.filter((person) => !presence.get(person)?.left && !isStale(group.state, person, leftAt)),
  };
}

/** Why a vote counts no more although its voter is there, as a sentence; undefined where it does. @param all whoever she was or is */
export function whyLapsed(
  { person, all, at }: { readonly person: string; readonly all: readonly string[]; readonly at: string },
  group: Pick<GroupSource, 'removedAt'>,
  leftAt: LeftAt,
  isRevoked: () => boolean,
): string | undefined {
  if (all.some((one) => (leftAt(one) ?? '') >= at)) return `${person} has left since, and came back.`;
  if (wasOutSince(group, all, at)) return `${person} has been out of the board since.`;
  return isRevoked() ? `The role in which ${person} voted was revoked.` : undefined;
}

/** The same, of hands that were found elsewhere. */
export async function knownNow(
  read: ReadAggregate,
  recorded: ChangeHands,
): Promise<{ readonly hands: ChangeHands; readonly refs: readonly string[] }> {
  const { requesters, voters, confirmers, reviewers } = recorded;
  const everybody = [...requesters, ...Object.values(voters), ...Object.values(confirmers), ...reviewers];
  const persons = await readPersons(read, everybody);
  const ids = [...new Set(Object.values(voters).flatMap((voter) => personsOf(voter, persons)))].sort();
  const known = await Promise.all(ids.map((id) => read(personSource, id)));
  return {
    hands: { ...recorded, persons, left: known.filter(({ state }) => state.left).map(({ id }) => id) },
    refs: [...new Set([...persons.refs, ...known.map(({ ref }) => ref)])].sort(),
  };
}

/** Who has a duty for a change, by who they are known to be now as well as by who they were. */
export function dutiesKnown(facts: GateFacts, { requesters, persons }: ChangeHands, deployer?: string): readonly DutyAssignment[] {
  const { refs, testers = [] } = facts;
  const asked = [...new Set(requesters.flatMap((one) => personsOf(one, persons)))].sort();
  return [
    ...dutiesOfChange(facts, undefined, deployer),
    ...testers.map((person): DutyAssignment => ({ person, duty: 'tester', evidence: refs.reports })),
    ...asked.map((person): DutyAssignment => ({ person, duty: 'requester', evidence: refs.change?.['change'] ?? refs.release })),
  ];
}

/** The votes that count at the time of a decision, and why others do not. */
export interface VotesNow {
  readonly votes: readonly CastVote[];
  /** Each as a sentence. */
  readonly gone: readonly string[];
  /** Who cast those that do not count, by the person on record. */
  readonly uncounted: readonly string[];
}

/**
 * Of every person one vote, the first; and only of members who have not left. A person is a member by who she was when she voted or by who
 * she is known to be now, and counts by that.
 */
export function votesNow(
  votes: readonly CastVote[],
  { voters, persons, left, lapsed = {} }: ChangeHands,
  members: readonly string[],
): VotesNow {
  const counted: CastVote[] = [];
  const gone: string[] = [];
  const uncounted: string[] = [];
  const seen = new Set<string>();
  for (const vote of votes) {
    const all = personsOf(voters[vote.person] ?? { person: vote.person }, persons);
    const member = [...all].reverse().find((person) => members.includes(person));
    const why = own(lapsed, vote.person);
    if (all.some((person) => left.includes(person))) gone.push(`${vote.person} has left.`);
    else if (why !== undefined) gone.push(why);
    else if (member === undefined) gone.push(`${vote.person} is no member of the board any more.`);
    else if (all.some((person) => seen.has(person))) gone.push(`${vote.person} is a person who has voted with another account.`);
    else {
      counted.push({ ...vote, person: member });
      for (const person of all) seen.add(person);
      continue;
    }
    uncounted.push(vote.person);
  }
  return { votes: counted, gone, uncounted };
}
