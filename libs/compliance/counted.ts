import { mayCount, type EngineTraits, type QuorumRule, type Whereabouts } from '#libs/policy';
import type { Vote } from './approvals.ts';
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
  /** The person that an account is known to be by now; undefined where nothing was said of it. */
  readonly known: (account: string) => string | undefined;
  readonly standings: Standings;
  readonly place: Whereabouts;
  /** As the engine of the decision judged. */
  readonly traits: EngineTraits;
}

/**
 * Which votes of a round count now, as the gate `approved` counts them: of every person one, not of who has left since, nor in a role that was
 * revoked since, and for a group only of who is in it and was all the while; as far as the engine of then asked that.
 */
export function judgeVotes(votes: readonly Vote[], rule: QuorumRule, { known, standings, place, traits }: VotesAt): readonly JudgedVote[] {
  const { everyDuty, stayed, entitled } = traits;
  const asked = (rule.groups ?? []).map(({ group }) => group);
  const standing = votes.map((cast) => {
    const person = everyDuty ? (known(cast.principal) ?? cast.person) : cast.person;
    const all = person === cast.person ? [person] : [cast.person, person];
    const left = stayed ? all.map((one) => standings.goneSince(one, cast.at)).find((ref) => ref !== undefined) : undefined;
    const revoked = entitled ? standings.revokedSince(cast.person, cast.at, place) : undefined;
    return { cast, person, all, left, revoked, counts: left === undefined && revoked === undefined };
  });
  const counting = standing.filter(({ counts }) => counts);
  const isOut = (group: string, person: string): boolean =>
    entitled &&
    (standings.isStale(group, person) ||
      counting.filter((vote) => vote.person === person).every(({ all, cast }) => standings.wasOutSince(group, all, cast.at)));
  const seen = new Set<string>();
  return standing.map(({ cast, person, all, left, revoked, counts }): JudgedVote => {
    const lapsed: LapsedApproval[] = [];
    if (left !== undefined) lapsed.push({ because: 'left', detail: `${person} has left since.`, ref: left });
    if (revoked !== undefined)
      lapsed.push({ because: 'role-revoked', detail: `The role in which ${person} approved was revoked.`, ref: revoked });
    const groups = asked.filter((group) => counts && standings.isListed(group, person) && !isOut(group, person));
    for (const group of counts ? asked : []) {
      const out = standings.isListed(group, person)
        ? isOut(group, person)
        : cast.groups?.includes(group) === true || standings.wasOutSince(group, all, cast.at);
      const ref = standings.outRef(group, all);
      if (out)
        lapsed.push({ because: 'out-of-group', detail: `${person} has been out of group ${group} since.`, group, ...(ref ? { ref } : {}) });
    }
    const again = counts && seen.has(person);
    if (again) lapsed.push({ because: 'voted-before', detail: `${person} had approved it already, with another account.` });
    if (counts) seen.add(person);
    const places = mayCount(person, rule, Object.fromEntries(groups.map((group) => [group, [person]])));
    if (counts && !places && !lapsed.some(({ because }) => because === 'out-of-group'))
      lapsed.push({ because: 'in-no-group', detail: `${person} is in none of the groups that are asked for.` });
    return { ...cast, person, groups, cast, counted: counts && !again && places, lapsed };
  });
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
