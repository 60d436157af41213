import { REGIMES, type Regime, type RetentionPolicyEvent, type RetentionRule } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

const DAY_MS = 86_400_000;

/** The least that a regulation asks for. Days are of the longest such years and months: 7 years hold at most two leap days. */
export interface RetentionFloor {
  readonly regime: Regime;
  /** Where the regulation does not tell at hand from archived, what it asks for counts for both. */
  readonly atHandDays: number;
  readonly keepDays: number;
  /** What says so. */
  readonly source: string;
}

export const FLOORS: readonly RetentionFloor[] = [
  { regime: 'SOX', atHandDays: 2557, keepDays: 2557, source: '17 CFR 210.2-06: seven years' },
  { regime: 'HIPAA', atHandDays: 2192, keepDays: 2192, source: '45 CFR 164.316(b)(2)(i): six years' },
  { regime: 'PCI', atHandDays: 92, keepDays: 366, source: 'PCI DSS 4.0.1, 10.5.1: twelve months, the last three at hand' },
  { regime: 'none', atHandDays: 0, keepDays: 0, source: 'no regulation' },
];

/** What holds where no policy says anything of a regime: its floor, and a quarter at hand and a year in the archive under none. */
export const DEFAULT_RULES: readonly RetentionRule[] = FLOORS.map(({ regime, atHandDays, keepDays }) =>
  regime === 'none' ? { regime, atHandDays: 92, keepDays: 366 } : { regime, atHandDays, keepDays },
);

export interface RetentionVersion {
  /** 0 are the rules that the program brings. */
  readonly version: number;
  readonly title: string;
  readonly effectiveFrom: string;
  readonly rules: readonly RetentionRule[];
}

/** The retention rules of the organisation with all their versions; its stream is `retentionpolicy-organisation`. */
export interface RetentionPolicy {
  readonly versions: readonly RetentionVersion[];
}

export const retentionPolicy: Aggregate<RetentionPolicy, RetentionPolicyEvent> = {
  category: 'retentionpolicy',
  initial: { versions: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'RetentionPolicyPublished': {
        const { version, title, effectiveFrom, rules } = event.data;
        return { versions: [...state.versions, { version, title, effectiveFrom, rules }] };
      }
      default:
        return unknownEvent(event as never);
    }
  },
};

/** The rules in force at an instant (ISO 8601, UTC), one for every regime. */
export function rulesInForce({ versions }: RetentionPolicy, at: string): RetentionVersion {
  const current = versions.findLast(({ effectiveFrom }) => effectiveFrom <= at);
  const { version, title, effectiveFrom, rules } = current ?? {
    version: 0,
    title: 'What the program brings',
    effectiveFrom: '1970-01-01T00:00:00.000Z',
    rules: [],
  };
  return { version, title, effectiveFrom, rules: REGIMES.map((regime) => ruleOf(rules, regime)) };
}

/** What holds for something under several regimes: the longest of each time; a ceiling is the shortest, and never below what must be kept. */
export interface CombinedRule extends Omit<RetentionRule, 'regime'> {
  readonly regimes: readonly Regime[];
}

/** @param regimes under which the thing is; absent where that is not known, and then every regime counts */
export function combined(rules: readonly RetentionRule[], regimes: readonly Regime[] = REGIMES): CombinedRule {
  const counting = [...new Set<Regime>(regimes.length > 0 ? regimes : ['none'])].sort();
  const those = counting.map((regime) => ruleOf(rules, regime));
  const atHandDays = Math.max(...those.map((rule) => rule.atHandDays));
  const keepDays = Math.max(...those.map((rule) => rule.keepDays));
  const ceilings = those.flatMap((rule) => rule.ceilingDays ?? []);
  return {
    regimes: counting,
    atHandDays,
    keepDays,
    ...(ceilings.length > 0 ? { ceilingDays: Math.max(keepDays, Math.min(...ceilings)) } : {}),
  };
}

/** `days` after an instant, ISO 8601. */
export function daysAfter(instant: string, days: number): string {
  return new Date(Date.parse(instant) + days * DAY_MS).toISOString();
}

function ruleOf(rules: readonly RetentionRule[], regime: Regime): RetentionRule {
  const own = rules.find((rule) => rule.regime === regime);
  const known = own ?? DEFAULT_RULES.find((rule) => rule.regime === regime);
  if (!known) throw new Error(`There is no retention rule for the regime ${regime}.`);
  return known;
}
