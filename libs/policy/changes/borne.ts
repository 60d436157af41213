import type { PlannedChangeClass } from '#libs/contracts';
import { bypassReasons } from '../bypass.ts';
import type { GateFacts } from '../sources.ts';
import { judgeChange } from './judge.ts';

/** What a change counts as whose plan claims another class than `normal`. */
export interface CountedClass {
  readonly class: PlannedChangeClass;
  /** A sentence: what bears the claim, or that nothing does. */
  readonly detail: string;
  /** What would bear it, where nothing does. */
  readonly unblockedBy?: string;
}

/**
 * The class that a change counts as: what its plan claims if evidence bears it, else `normal`. A plan is words of who made it, and no freeze
 * opens for words. An emergency is borne by a bypass that holds for exactly this, or by an emergency change whose incident is open or
 * whose bypass holds: either way somebody else reviews it afterwards. A standard change is borne by a model that pre-approves it now.
 *
 * @param now ISO 8601
 */
export function countedClass(facts: GateFacts, claimed: Exclude<PlannedChangeClass, 'normal'>, now: string): CountedClass {
  if (claimed === 'emergency' && facts.bypass?.grant && bypassReasons(facts, now).length === 0)
    return { class: claimed, detail: `Bypass ${facts.bypass.id} holds for exactly this.` };
  // A class other than normal is decided on by no board: who would deploy does not matter.
  const { verdict, detail } = judgeChange(facts, { deployer: '', now });
  if (verdict === 'pass' && facts.change?.change.class === claimed) return { class: claimed, detail };
  const kind = claimed === 'emergency' ? 'an emergency' : 'a standard change';
  return {
    class: 'normal',
    detail: `It is planned as ${kind}, and nothing bears that: it counts as a normal one. ${detail}`,
    unblockedBy:
      claimed === 'emergency'
        ? `Submit it as an emergency change with an incident that is open in ${facts.environment}, or request a bypass for exactly this.`
        : 'Submit it as a standard change by a model that is approved and in force.',
  };
}
