import type { Reason } from '#libs/event-sourcing';

/** What a person can do for a release, as far as separation of duties is concerned. */
export const DUTIES = ['author', 'committer', 'co-author', 'requester', 'tester', 'approver', 'deployer', 'policy-editor'] as const;
export type Duty = (typeof DUTIES)[number];

/** A person took a duty, and where that is written. */
export interface DutyAssignment {
  /** Person id, never an account: link accounts first, see `personOf`. */
  readonly person: string;
  readonly duty: Duty;
  /** `stream@revision` or a digest. */
  readonly evidence: string;
}

/**
 * No person may hold more than `atMost` of `duties`. A nested list counts as one: `[['author', 'committer'], 'approver']` lets an
 * author commit, but neither may approve.
 */
export interface SeparationRule {
  /** Stable, kebab-case: `four-eyes`. */
  readonly id: string;
  readonly duties: readonly (Duty | readonly Duty[])[];
  /** From 1, which it is unless told, to one less than there are duties. */
  readonly atMost?: number;
}

/** One person holds duties that a rule keeps apart. */
export interface DutyViolation {
  readonly rule: string;
  readonly person: string;
  /** The duties held that the rule names, in the order of `DUTIES`. */
  readonly duties: readonly Duty[];
  /** Where each of them is written; sorted, without repeats. */
  readonly evidence: readonly string[];
}

/** Whoever approves judges the work of others: neither their own code, request or test evidence, nor by a policy of their own. */
export const FOUR_EYES: readonly SeparationRule[] = [
  { id: 'approver-is-not-author', duties: [['author', 'committer', 'co-author'], 'approver'] },
  { id: 'approver-is-not-requester', duties: ['requester', 'approver'] },
  { id: 'approver-is-not-tester', duties: ['tester', 'approver'] },
  { id: 'approver-is-not-policy-editor', duties: ['policy-editor', 'approver'] },
];

/**
 * Every breach of separation of duties among the assignments, sorted by rule (in the given order) and person.
 * Pure; there is no administrator's exemption, because roles are not an input. The order of the assignments does not matter.
 *
 * @throws Error where an assignment names no person (an unknown person can't be shown to be somebody else) or a rule is malformed
 */
export function conflicts(assignments: readonly DutyAssignment[], rules: readonly SeparationRule[]): readonly DutyViolation[] {
  checkRules(rules);
  const people = new Map<string, DutyAssignment[]>();
  for (const assignment of assignments) {
    if (!isNamed(assignment.person)) throw new Error(`The ${assignment.duty} of ${assignment.evidence} is no known person.`);
    people.set(assignment.person, [...(people.get(assignment.person) ?? []), assignment]);
  }
  const persons = [...people.keys()].sort();
  return rules.flatMap((rule) =>
    persons.flatMap((person) => {
      const violation = violationOf(rule, person, people.get(person) ?? []);
      return violation ? [violation] : [];
    }),
  );
}

/**
 * Whether a person may take a duty beside the assignments that exist: `'ok'`, or the reason against it. Only rules that the new duty
 * itself would break count: an old violation between other duties does not forbid an innocent one.
 *
 * @throws Error as `conflicts`
 */
export function mayTakeDuty(
  person: string,
  duty: Duty,
  assignments: readonly DutyAssignment[],
  rules: readonly SeparationRule[],
): 'ok' | Reason {
  checkRules(rules);
  if (!isNamed(person)) {
    return {
      code: 'person-unknown',
      detail: `Nobody knows who would be the ${duty}.`,
      unblockedBy: 'Sign in with an account that resolves to a person.',
    };
  }
  const own = assignments.filter((a) => a.person === person);
  for (const rule of rules) {
    const slot = slotOf(rule, duty);
    if (slot < 0) continue;
    const against = own.filter((a) => slotOf(rule, a.duty) >= 0 && slotOf(rule, a.duty) !== slot);
    if (slotsOf(rule, against).size < most(rule)) continue;
    const held = inOrder(against.map((a) => a.duty));
    return {
      code: 'separation-of-duties',
      detail: `The rule ${rule.id} keeps ${duty} apart from ${listed(held, rule)}, which this person is already.`,
      evidence: sortedUnique(against.map((a) => a.evidence)),
      unblockedBy: `Somebody who is not ${listed(held, rule)} here takes the duty of ${duty}.`,
    };
  }
  return 'ok';
}

function violationOf(rule: SeparationRule, person: string, own: readonly DutyAssignment[]): DutyViolation | undefined {
  const named = own.filter((a) => slotOf(rule, a.duty) >= 0);
  if (slotsOf(rule, named).size <= most(rule)) return undefined;
  return { rule: rule.id, person, duties: inOrder(named.map((a) => a.duty)), evidence: sortedUnique(named.map((a) => a.evidence)) };
}

/** Which of the rule's mutually exclusive places a duty takes; -1 where the rule does not name it. */
function slotOf(rule: SeparationRule, duty: Duty): number {
  return rule.duties.findIndex((slot) => (typeof slot === 'string' ? slot === duty : slot.includes(duty)));
}

/** The places of the rule that assignments take. */
function slotsOf(rule: SeparationRule, assignments: readonly DutyAssignment[]): ReadonlySet<number> {
  return new Set(assignments.map((a) => slotOf(rule, a.duty)));
}

function most(rule: SeparationRule): number {
  return rule.atMost ?? 1;
}

/** Rules that were found sound: the same few are asked about in every decision. */
const sound = new WeakSet<SeparationRule>();

/** A rule that can't be broken, or that contradicts itself, is a mistake and not a permission (principle 6). */
function checkRules(rules: readonly SeparationRule[]): void {
  for (const rule of rules) {
    if (sound.has(rule)) continue;
    const named = rule.duties.flat();
    const unknown = named.find((duty) => !DUTIES.includes(duty));
    if (unknown !== undefined) throw new Error(`Rule ${rule.id} names an unknown duty, ${unknown}. Known: ${DUTIES.join(', ')}.`);
    if (rule.duties.length < 2) throw new Error(`Rule ${rule.id} keeps nothing apart: it needs at least two duties.`);
    if (rule.duties.some((slot) => slot.length === 0)) throw new Error(`Rule ${rule.id} has an empty list of duties.`);
    if (new Set(named).size !== named.length) throw new Error(`Rule ${rule.id} names a duty twice.`);
    if (!Number.isInteger(most(rule)) || most(rule) < 1 || most(rule) >= rule.duties.length) {
      throw new Error(`Rule ${rule.id} forbids nothing, or everything: atMost is from 1 to one less than its duties.`);
    }
    sound.add(rule);
  }
}

/** Blank and zero-width names are no names. */
function isNamed(person: string): boolean {
  return /[^\s\p{Cf}\p{Cc}]/u.test(person);
}

function inOrder(duties: readonly Duty[]): readonly Duty[] {
  return DUTIES.filter((duty) => duties.includes(duty));
}

function sortedUnique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}

/** One duty too many is enough where a rule allows one; else it takes all of them. */
function listed(duties: readonly Duty[], rule: SeparationRule): string {
  return duties.join(most(rule) === 1 ? ' or ' : ' and ');
}
