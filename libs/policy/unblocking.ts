import type { BuiltInGate, ChangeClass, GateRule, GateVerdict, Unblocking } from '#libs/contracts';
import { changeWaitsUntil } from './changes/index.ts';
import { countingApprovers, countingMembers } from './eligible.ts';
import { changeClassOf, notFrozen } from './freezes.ts';
import { isExpression } from './judge-expressions.ts';
import { tallyVotes } from './quorum.ts';
import type { GateFacts } from './sources.ts';

/** Minutes that each takes as a rule of thumb, for the order alone: what is known exactly has an instant. */
const MINUTES: Readonly<Record<BuiltInGate, number>> = {
  'version-assigned': 5,
  'artifacts-registered': 10,
  'duties-separated': 30,
  'tests-passed': 60,
  'rollback-target-ran': 240,
  approved: 120,
  'change-approved': 1440,
  // A calendar that somebody would have to change; what opens by itself has an instant.
  'not-frozen': 480,
};
const MINUTES_A_PERSON = 120;
const MINUTES_OF_ANOTHER = 240;

/**
 * What would let the decision pass, soonest first: what comes by itself at a known instant, then persons and work by how long they take
 * as a rule. All of it is needed, so the last says when it could pass at the earliest.
 *
 * @param now ISO 8601
 * @param changeClass what the change counts as where it waits for a calendar
 * @param countingAlone false as engines reckoned that took whoever had approved for somebody who still counts
 */
export function unblockingOf(
  rules: readonly GateRule[],
  gates: readonly GateVerdict[],
  facts: GateFacts,
  now: string,
  changeClass: ChangeClass = changeClassOf(facts, 'deployment'),
  countingAlone = true,
): readonly Unblocking[] {
  return gates
    .flatMap((judged, i): Unblocking[] => {
      const rule = rules[i];
      if (judged.verdict === 'pass' || judged.waivedBy !== undefined || !rule) return [];
      return [unblocking(rule, judged, facts, now, changeClass, countingAlone)];
    })
    .sort((a, b) => a.minutes - b.minutes || (a.gate < b.gate ? -1 : 1));
}

function unblocking(
  rule: GateRule,
  judged: GateVerdict,
  facts: GateFacts,
  now: string,
  changeClass: ChangeClass,
  countingAlone: boolean,
): Unblocking {
  const { gate } = judged;
  const action = judged.unblockedBy ?? judged.detail;
  const at = gate === 'not-frozen' ? notFrozen(facts, now, changeClass).opensAt : facts.expressions?.[gate]?.opensAt;
  if (at !== undefined) return { gate, action, takes: 'time', minutes: Math.ceil((Date.parse(at) - Date.parse(now)) / 60_000), at };
  if (rule.gate === 'approved') {
    // A closed or stale approval has to be asked for again, and everybody votes anew.
    const given = countingAlone ? countingApprovers(facts) : facts.approval.approvers;
    const votes = judged.verdict === 'inconclusive' ? given : [];
    const { missing } = tallyVotes(votes, rule, countingAlone ? countingMembers(facts) : (facts.groups ?? {}));
    return { gate, action, takes: 'persons', minutes: Math.max(1, missing) * MINUTES_A_PERSON };
  }
  if (rule.gate === 'change-approved') {
    const waits = changeWaitsUntil(facts, now);
    if (waits) return { gate, action, ...waits, minutes: Math.ceil((Date.parse(waits.at) - Date.parse(now)) / 60_000) };
    return { gate, action, takes: 'persons', minutes: MINUTES[rule.gate] };
  }
  if (isExpression(rule)) return { gate, action, takes: 'work', minutes: MINUTES_OF_ANOTHER };
  return { gate, action, takes: rule.gate === 'duties-separated' ? 'persons' : 'work', minutes: MINUTES[rule.gate] };
}
