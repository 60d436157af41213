import {
  PLANNED_CHANGE_CLASSES,
  REGIMES,
  RISK_CLASSES,
  type EnvironmentClass,
  type GateRule,
  type PlannedChangeClass,
  type PolicyClause,
  type Regime,
  type RiskClass,
  type RiskFloor,
} from '#libs/contracts';
import { counts, judgeRisk, unionOf, type KnownFacts } from '#libs/policy';

export const ENVIRONMENT_CLASSES = ['development', 'test', 'staging', 'production'] as const satisfies readonly EnvironmentClass[];

/** Gates that count together somewhere, with what is known of the changes that they are asked of. */
export interface CountingSet {
  readonly gates: readonly GateRule[];
  readonly known: KnownFacts;
  /** `the gates with clauses 1 and 3`. */
  readonly where: string;
}

/** Every regime that an environment can be under at once with others; none is one of them. */
const REGIME_SETS = REGIMES.filter((regime) => regime !== 'none').reduce<readonly (readonly Regime[])[]>(
  (sets, regime) => [...sets, ...sets.map((set) => [...set, regime])],
  [[]],
);

/**
 * The gates that count together, for every place there is: class of environment, regimes, class of change and the risk that it can be judged
 * to be there. So two clauses that are both about a change are seen together, and two that never meet are not. Those of fewer clauses come first.
 */
export function countingSets(
  { gates, clauses }: { readonly gates: readonly GateRule[]; readonly clauses: readonly PolicyClause[] },
  floors: readonly RiskFloor[],
): readonly CountingSet[] {
  const sets = new Map<string, { readonly counting: readonly number[]; readonly places: Place[] }>();
  for (const place of placesUnder(floors)) {
    const counting = clauses.flatMap(({ when }, n) => (counts(when, place) ? [n] : []));
    const key = counting.join();
    const set = sets.get(key) ?? { counting, places: [] };
    set.places.push(place);
    sets.set(key, set);
  }
  return [...sets.values()]
    .sort((a, b) => a.counting.length - b.counting.length)
    .map(({ counting, places }) => {
      const rules = unionOf([gates, ...counting.map((n) => clauses[n]?.gates ?? [])]);
      return { gates: rules, known: { ...knownOf(rules, 'deployment'), ...knownAt(places) }, where: whereOf(counting) };
    });
}

/** What gates of the program make certain of facts wherever they pass, and what every decision has. */
export function knownOf(rules: readonly GateRule[], kind: 'deployment' | 'rollback'): KnownFacts {
  const approved = rules.find((rule) => rule.gate === 'approved');
  const has = (...gates: readonly GateRule['gate'][]): boolean => rules.some(({ gate }) => gates.includes(gate));
  return {
    'change.kind': [kind],
    'plan.steps': { atLeast: 1 },
    // Each person counts for one group, so it takes as many as all of them ask for.
    ...(approved?.gate === 'approved' ? { 'approvals.count': { atLeast: personsAsked(approved) } } : {}),
    ...(has('artifacts-registered', 'tests-passed') ? { 'artifacts.count': { atLeast: 1 } } : {}),
    ...(has('artifacts-registered') ? { 'artifacts.registered': { atLeast: 1 } } : {}),
    ...(has('rollback-target-ran') ? { 'environment.ran_before': [true] } : {}),
  };
}

function personsAsked({ quorum, groups = [] }: Extract<GateRule, { readonly gate: 'approved' }>): number {
  return Math.max(
    quorum,
    groups.reduce((sum, group) => sum + group.quorum, 0),
  );
}

interface Place {
  readonly environmentClass: EnvironmentClass;
  readonly regimes: readonly Regime[];
  readonly changeClass: PlannedChangeClass;
  readonly risk: RiskClass;
}

/** The smallest release everywhere: a larger one is judged to be of more risk at most, which a smaller one can declare. */
function placesUnder(floors: readonly RiskFloor[]): readonly Place[] {
  return ENVIRONMENT_CLASSES.flatMap((environmentClass) =>
    REGIME_SETS.flatMap((regimes) => {
      const judged = RISK_CLASSES.map((declared) => judgeRisk(declared, floors, { environmentClass, regimes, artifacts: 1 }).effective);
      return [...new Set(judged)].flatMap((risk) =>
        PLANNED_CHANGE_CLASSES.map((changeClass) => ({ environmentClass, regimes, changeClass, risk })),
      );
    }),
  );
}

function knownAt(places: readonly Place[]): KnownFacts {
  const among = <T extends string>(all: readonly T[], of: (place: Place) => T): readonly T[] => {
    const there = new Set(places.map(of));
    return all.filter((value) => there.has(value));
  };
  return {
    'environment.class': among(ENVIRONMENT_CLASSES, (place) => place.environmentClass),
    'change.class': among(PLANNED_CHANGE_CLASSES, (place) => place.changeClass),
    'change.risk': among(RISK_CLASSES, (place) => place.risk),
  };
}

function whereOf(counting: readonly number[]): string {
  if (counting.length === 0) return 'the gates';
  const numbers = counting.map((n) => String(n + 1));
  if (numbers.length === 1) return `the gates with clause ${numbers[0] ?? ''}`;
  return `the gates with clauses ${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1) ?? ''}`;
}
