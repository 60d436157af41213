import type { DutySet, GateRule, GroupQuorum, PlannedChangeClass, PolicyClause, PolicyScope, Regime, RiskClass } from '#libs/contracts';

/**
 * The version that is in force at an instant: of those whose time has come, the one whose time came last; of two that begin together the
 * one that was published later. A version is in force from its instant on, that instant included. Undefined before the first.
 *
 * @param now ISO 8601 with milliseconds, UTC
 */
export function inForceAt<V extends { readonly version: number; readonly effectiveFrom: string }>(
  versions: readonly V[],
  now: string,
): V | undefined {
  let found: V | undefined;
  for (const version of versions) {
    if (version.effectiveFrom <= now && (!found || version.effectiveFrom >= found.effectiveFrom)) found = version;
  }
  return found;
}

export interface PolicyPlace {
  readonly environmentClass: string | undefined;
  readonly regimes: readonly Regime[];
  readonly changeClass: PlannedChangeClass;
  /** What the change is judged to be; undefined where an engine judges that knows no risks: every clause counts then, whatever risk it names. */
  readonly risk: RiskClass | undefined;
}

/** The regimes that an environment is under; `none` where it is under no other. */
export function regimesHere(regimes: readonly Regime[]): readonly Regime[] {
  return regimes.length > 0 ? regimes : ['none'];
}

/** Whether a clause counts here. */
export function counts(scope: PolicyScope, { environmentClass, regimes, changeClass, risk }: PolicyPlace): boolean {
  return (
    (!scope.environmentClasses || (environmentClass !== undefined && scope.environmentClasses.includes(environmentClass))) &&
    (!scope.regimes || scope.regimes.some((regime) => regimesHere(regimes).includes(regime))) &&
    (!scope.changeClasses || scope.changeClasses.includes(changeClass)) &&
    (!scope.riskClasses || risk === undefined || scope.riskClasses.includes(risk))
  );
}

/** The gates that count here: those of the policy and of every clause that counts. Where several ask for approvals, the greatest quorum counts, in all and of every group. */
export function gatesFor(
  { gates, clauses }: { readonly gates: readonly GateRule[]; readonly clauses: readonly PolicyClause[] },
  place: PolicyPlace,
): readonly GateRule[] {
  return unionOf([gates, ...clauses.filter(({ when }) => counts(when, place)).map((clause) => clause.gates)]);
}

/** All gates of several lists, each once, in the order of their first naming. */
export function unionOf(lists: readonly (readonly GateRule[])[]): readonly GateRule[] {
  const union = new Map<string, GateRule>();
  for (const rule of lists.flat()) {
    const known = union.get(rule.gate);
    if (known?.gate === 'approved' && rule.gate === 'approved') {
      const groups = groupsOfBoth(known.groups, rule.groups);
      union.set(rule.gate, { gate: 'approved', quorum: Math.max(known.quorum, rule.quorum), ...(groups ? { groups } : {}) });
    } else if (known?.gate === 'duties-separated' && rule.gate === 'duties-separated') {
      const apart = bothApart(known.apart, rule.apart);
      union.set(rule.gate, { gate: 'duties-separated', ...(apart ? { apart } : {}) });
    } else if (!known) union.set(rule.gate, rule);
  }
  return [...union.values()];
}

/** Each once; the same id says the same wherever it stands, which is checked at publishing. */
function bothApart(a?: readonly DutySet[], b?: readonly DutySet[]): readonly DutySet[] | undefined {
  if (!a || !b) return a ?? b;
  return [...a, ...b.filter((set) => !a.some((known) => known.id === set.id))];
}

function groupsOfBoth(a?: readonly GroupQuorum[], b?: readonly GroupQuorum[]): readonly GroupQuorum[] | undefined {
  if (!a || !b) return a ?? b;
  const greatest = new Map<string, number>();
  for (const { group, quorum } of [...a, ...b]) greatest.set(group, Math.max(quorum, greatest.get(group) ?? 0));
  return [...greatest].map(([group, quorum]) => ({ group, quorum }));
}

/** Whether a rule asks for all that another one asks for: whoever met it has been asked for that too. */
export function asksAsMuch(rule: GateRule, other: GateRule): boolean {
  if (rule.gate === 'approved' && other.gate === 'approved') {
    const persons = (group: string): number => rule.groups?.find((g) => g.group === group)?.quorum ?? 0;
    return rule.quorum >= other.quorum && (other.groups ?? []).every(({ group, quorum }) => persons(group) >= quorum);
  }
  if (rule.gate === 'duties-separated' && other.gate === 'duties-separated') {
    return (other.apart ?? []).every((set) => rule.apart?.some(({ id }) => id === set.id));
  }
  if ('expression' in rule && 'expression' in other) return rule.expression === other.expression;
  return rule.gate === other.gate;
}
