import { mayCount, type EngineTraits, type QuorumRule } from '#libs/policy';
import type { Vote } from './approvals.ts';
import type { Identities } from './identities.ts';
import type { ChangeApproval, LapsedApproval } from './report.ts';
import type { Standings } from './standings.ts';

/** A vote as it stood at the start of a deployment. */
export interface JudgedVote extends Vote {
  /** Whether it counted towards the quorum. */
  readonly counted: boolean;
  /** Of the groups that are asked for, those for which it counted. */
  readonly groups: readonly string[];
  readonly lapsed: readonly LapsedApproval[];
  /** As it was cast. */
  readonly cast: Vote;
}

export interface VotesAt {
  readonly identities: Identities;
  readonly standings: Standings;
  readonly environment: string;
  readonly product: string | undefined;
  /** As the engine of the decision judged. */
  readonly traits: EngineTraits;
}

const NONE: readonly never[] = [];

/** A vote, and whether anything has ended since in which it was given. */
interface StandingVote {
  readonly cast: Vote;
  readonly person: string;
  /** Whom the account was taken for, and who it is known to be. */
  readonly all: readonly string[];
  readonly ended: LapsedApproval | undefined;
}

/**
 * Which votes of a round count now, as the gate `approved` counts them: of every person one, not of who has left since, nor in a role that was
 * revoked since, and for a group only of who is in it and was all the while; as far as the engine of then asked that.
 */
export function judgeVotes(votes: readonly Vote[], rule: QuorumRule, at: VotesAt): readonly JudgedVote[] {
  const { identities, traits } = at;
  const standing = votes.map((cast): StandingVote => {
    const person = traits.everyDuty ? (identities.known(cast.principal) ?? cast.person) : cast.person;
    const all = person === cast.person ? [person] : [cast.person, person];
    return { cast, person, all, ended: endedSince(cast, person, all, at) };
  });
  const seen = new Set<string>();
  return standing.map((vote): JudgedVote => {
    const { cast, person, ended } = vote;
    const { at: when, principal, ref, sequence } = cast;
    if (ended) return { at: when, groups: NONE, person, principal, ref, sequence, cast, counted: false, lapsed: [ended] };
    const { groups, lapsed } = rule.groups ? inGroups(vote, rule.groups, standing, at) : { groups: NONE, lapsed: NONE };
    const why: LapsedApproval[] = [];
    if (seen.has(person)) why.push({ because: 'voted-before', detail: `${person} had approved it already, with another account.` });
    seen.add(person);
    const places = !rule.groups || mayCount(person, rule, Object.fromEntries(groups.map((group) => [group, [person]])));
    if (!places && lapsed.length === 0)
      why.push({ because: 'in-no-group', detail: `${person} is in none of the groups that are asked for.` });
    const counted = places && why.every(({ because }) => because !== 'voted-before');
    return { at: when, groups, person, principal, ref, sequence, cast, counted, lapsed: why.length > 0 ? [...lapsed, ...why] : lapsed };
  });
}

/** Why a vote counts for nothing any more. */
function endedSince(cast: Vote, person: string, all: readonly string[], at: VotesAt): LapsedApproval | undefined {
  const { standings, traits, environment, product } = at;
  const left = traits.stayed ? (standings.goneSince(cast.person, cast.at) ?? standings.goneSince(all.at(-1) ?? '', cast.at)) : undefined;
  if (left !== undefined) return { because: 'left', detail: `${person} has left since.`, ref: left };
  const revoked = traits.entitled ? standings.revokedSince(cast.person, cast.at, environment, product) : undefined;
  return revoked === undefined
    ? undefined
    : { because: 'role-revoked', detail: `The role in which ${person} approved was revoked.`, ref: revoked };
}

/** For which groups a vote counts, and for which it does no more. */
function inGroups(
  { cast, person, all }: StandingVote,
  asked: NonNullable<QuorumRule['groups']>,
  standing: readonly StandingVote[],
  { standings, traits }: VotesAt,
): { readonly groups: readonly string[]; readonly lapsed: readonly LapsedApproval[] } {
  const groups: string[] = [];
  const lapsed: LapsedApproval[] = [];
  const own = standing.filter((vote) => vote.person === person && !vote.ended);
  for (const { group } of asked) {
    const listed = standings.isListed(group, person);
    const out =
      traits.entitled && (standings.isStale(group, person) || own.every((vote) => standings.wasOutSince(group, vote.all, vote.cast.at)));
    if (listed && !out) groups.push(group);
    else if (listed || cast.groups?.includes(group) || standings.wasOutSince(group, all, cast.at)) {
      const ref = standings.outRef(group, all);
      lapsed.push({ because: 'out-of-group', detail: `${person} has been out of group ${group} since.`, group, ...(ref ? { ref } : {}) });
    }
  }
  return { groups, lapsed };
}

/** Why votes did not count, each as a sentence. */
export function lapsesOf(votes: readonly JudgedVote[]): readonly string[] {
  return votes.flatMap(({ counted, lapsed }) =>
    (counted ? lapsed.filter(({ group }) => group !== undefined) : lapsed).map(({ detail }) => detail),
  );
}

/** A vote as the report has it; in the order of canonical JSON. */
export function reportedApproval({ cast, counted, lapsed }: JudgedVote): ChangeApproval {
  const { at, groups, person, ref, sequence } = cast;
  return { at, counted, groups, lapsed: lapsed.length > 0 ? lapsed : undefined, person, ref, sequence };
}
