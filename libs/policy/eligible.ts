import { own, type Reason } from '#libs/event-sourcing';
import { mayTakeDuty } from '#libs/identity';
import { dutiesOf, separationRules } from './duties.ts';
import { mayCount, tallyVotes, type Members, type QuorumRule, type Tally } from './quorum.ts';
import { membersBut, type GateFacts } from './sources.ts';

/** Who can still approve, and who can't and why. */
export interface Eligible extends Tally {
  readonly approvers: readonly string[];
  /** Members of each group whose approval would bring the quorum nearer; sorted. */
  readonly canApprove: readonly { readonly group: string; readonly persons: readonly string[] }[];
  /** True where anybody with the role of approver who is not among `excluded` would bring it nearer. */
  readonly anybody: boolean;
  /** Persons who hold a duty that is kept apart from approving, and members who have left or lack the role, with what says so. */
  readonly excluded: readonly { readonly person: string; readonly reason: Reason }[];
}

/** Whose approvals count: not of who has left since, nor of whose role was revoked. */
export function countingApprovers({ approval, left = [], unentitled = [] }: GateFacts): readonly string[] {
  return approval.approvers.filter((person) => !left.includes(person) && !unentitled.includes(person));
}

/** Who counts for which group: not who was out of it since approving, nor who has left since joining. */
export function countingMembers({ groups = {}, expelled }: GateFacts): Members {
  return membersBut(groups, expelled);
}

const UNABLE = {
  left: { code: 'person-left', detail: 'This person has left.', unblockedBy: 'Somebody who is there approves.' },
  role: {
    code: 'role-missing',
    detail: 'No role of approver that this person holds is in force for this.',
    unblockedBy: 'Somebody who holds one approves, or two administrators of identities grant it.',
  },
} as const;

/** Pure. `deployer`: who would deploy it, where that is known already; she can't approve either. */
export function eligibleApprovers(facts: GateFacts, rule: QuorumRule, deployer?: string): Eligible {
  const members = countingMembers(facts);
  const approvers = [...new Set(countingApprovers(facts))].sort();
  const tally = tallyVotes(approvers, rule, members);
  const duties = [...dutiesOf(facts), ...(deployer ? [{ person: deployer, duty: 'deployer' as const, evidence: 'this-request' }] : [])];
  const known = [...new Set(duties.map((d) => d.person))].sort();
  const rules = separationRules(facts.policy.gates);
  const { unable = {}, refs } = facts;
  const excluded = [...new Set([...known, ...Object.keys(unable)])].sort().flatMap((person) => {
    const reason = mayTakeDuty(person, 'approver', duties, rules);
    if (reason !== 'ok') return [{ person, reason }];
    const why = own(unable, person);
    if (why === undefined) return [];
    const ref = own((why === 'left' ? refs.persons : refs.grants) ?? {}, person);
    return [{ person, reason: { ...UNABLE[why], ...(ref === undefined ? {} : { evidence: [ref] }) } }];
  });
  const barred = barredFrom(facts, { approvers, excluded });
  const helps = (person: string): boolean =>
    !barred.has(person) && mayCount(person, rule, members) && tallyVotes([...approvers, person], rule, members).missing < tally.missing;
  return {
    ...tally,
    approvers,
    canApprove: (rule.groups ?? []).map(({ group }) => ({ group, persons: (members[group] ?? []).filter(helps).sort() })),
    anybody: tally.free.missing > 0,
    excluded,
  };
}

function barredFrom(
  { left = [], unentitled = [] }: GateFacts,
  { approvers, excluded }: Pick<Eligible, 'approvers' | 'excluded'>,
): Set<string> {
  return new Set([...approvers, ...left, ...unentitled, ...excluded.map((e) => e.person)]);
}

/** How far an approval can come with those who hold a role for it. */
export interface Reach {
  /** Who of them can still approve and would count; sorted. */
  readonly holders: readonly string[];
  /** How many persons would be missing when all of them had approved; 0 where they are enough. */
  readonly tooFew: number;
}

/** Pure. `holding`: everybody who holds a role by which she could approve it. */
export function reachOf(facts: GateFacts, rule: QuorumRule, holding: readonly string[]): Reach {
  const members = countingMembers(facts);
  const eligible = eligibleApprovers(facts, rule);
  const barred = barredFrom(facts, eligible);
  const holders = [...new Set(holding)].filter((person) => !barred.has(person) && mayCount(person, rule, members)).sort();
  return { holders, tooFew: tallyVotes([...eligible.approvers, ...holders], rule, members).missing };
}

/** That an approval can't be brought about as roles are granted, as a sentence; empty where it can. */
export function beyondReach({ holders, tooFew }: Reach): string {
  if (tooFew === 0) return '';
  const [first, ...others] = holders;
  const who =
    first === undefined
      ? 'Nobody else who holds a role for it can'
      : others.length === 0
        ? `Only ${first} holds a role for it and can`
        : `Only ${holders.length} who hold a role for it can (${holders.slice(0, 10).join(', ')}${holders.length > 10 ? ' and others' : ''})`;
  return `${who}, which is ${tooFew} too few: two administrators of identities grant the role to ${tooFew} more, or a policy asks for fewer.`;
}

/** What would bring an approval about, as a sentence. */
export function unblockedByApproval(eligible: Eligible): string {
  const wanted = eligible.groups
    .filter((g) => g.missing > 0)
    .map(({ group, missing }) => {
      const persons = eligible.canApprove.find((g) => g.group === group)?.persons ?? [];
      const who =
        persons.length === 0
          ? 'nobody in it can at present'
          : `${persons.slice(0, 10).join(', ')}${persons.length > 10 ? ' and others' : ''} can`;
      return `${missing} more of group ${group} must approve (${who}).`;
    });
  const { missing } = eligible.free;
  if (missing > 0)
    wanted.push(`${missing} more ${missing === 1 ? 'person' : 'persons'} who did not write, request or deploy it must approve.`);
  return wanted.join(' ');
}
