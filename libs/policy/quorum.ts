import type { GroupQuorum } from '#libs/contracts';

/** What a policy asks of approvals: `quorum` persons in all, and of them so many from each group. */
export interface QuorumRule {
  readonly quorum: number;
  readonly groups?: readonly GroupQuorum[];
}

/** Persons of each group, by its name; a group that is not there has none. */
export type Members = Readonly<Record<string, readonly string[]>>;

export interface Tally {
  /** Persons it takes in all: the quorum, or what the groups add up to where that is more. */
  readonly needed: number;
  /** How many more persons it takes; 0 where the quorum is reached. */
  readonly missing: number;
  /** For whom each person's one vote counts, in the policy's order. */
  readonly groups: readonly {
    readonly group: string;
    readonly quorum: number;
    readonly persons: readonly string[];
    readonly missing: number;
  }[];
  /** Persons it takes besides those of the groups, whoever they are. */
  readonly free: { readonly quorum: number; readonly persons: readonly string[]; readonly missing: number };
}

/**
 * Counts votes: every person once, for one group at most, so that as many places as possible are filled (a maximum matching of
 * persons and places, by augmenting paths). Pure, and the same for every order of the approvers.
 */
export function tallyVotes(approvers: Iterable<string>, rule: QuorumRule, members: Members): Tally {
  const persons = [...new Set(approvers)].sort();
  const asked = rule.groups ?? [];
  const places = asked.flatMap(({ group, quorum }) => Array.from({ length: quorum }, () => group));
  const needed = Math.max(rule.quorum, places.length);
  /** Person in each place. */
  const holder = new Map<number, string>();
  const seat = (person: string, tried: Set<number>): boolean =>
    places.some((group, place) => {
      if (tried.has(place) || !isMember(members, group, person)) return false;
      tried.add(place);
      const before = holder.get(place);
      if (before !== undefined && !seat(before, tried)) return false;
      holder.set(place, person);
      return true;
    });
  for (const person of persons) seat(person, new Set());

  const seated = new Set(holder.values());
  const groups = asked.map(({ group, quorum }) => {
    const own = [...holder].filter(([place]) => places[place] === group).map(([, person]) => person);
    return { group, quorum, persons: own.sort(), missing: quorum - own.length };
  });
  const freePlaces = needed - places.length;
  const others = persons.filter((person) => !seated.has(person)).slice(0, freePlaces);
  const free = { quorum: freePlaces, persons: others, missing: freePlaces - others.length };
  return { needed, missing: groups.reduce((sum, g) => sum + g.missing, free.missing), groups, free };
}

/** Of the groups asked for, those that a person is in. */
export function groupsOf(person: string, rule: QuorumRule, members: Members): readonly string[] {
  return (rule.groups ?? []).map((g) => g.group).filter((group) => isMember(members, group, person));
}

/** Whether a person's vote can count at all: as a member of a group that is asked for, or where it takes more persons than the groups'. */
export function mayCount(person: string, rule: QuorumRule, members: Members): boolean {
  return tallyVotes([], rule, members).free.quorum > 0 || groupsOf(person, rule, members).length > 0;
}

function isMember(members: Members, group: string, person: string): boolean {
  return Object.hasOwn(members, group) && (members[group] ?? []).includes(person);
}

/** The same from votes that say which groups each person was in: for views, which read no groups. */
export function tallyRecorded(votes: readonly { readonly person: string; readonly groups?: readonly string[] }[], rule: QuorumRule): Tally {
  const members: Record<string, string[]> = Object.fromEntries((rule.groups ?? []).map(({ group }) => [group, []]));
  for (const { person, groups = [] } of votes) for (const group of groups) if (Object.hasOwn(members, group)) members[group]?.push(person);
  return tallyVotes(
    votes.map((vote) => vote.person),
    rule,
    members,
  );
}
