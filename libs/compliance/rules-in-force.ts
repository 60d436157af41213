import type {
  CalendarEvent,
  EnvironmentClass,
  EnvironmentEvent,
  GateRule,
  JudgedRisk,
  PlannedChangeClass,
  PolicyEvent,
  Regime,
  RiskClass,
} from '#libs/contracts';
import { gatesFor, inForceAt, judgeRisk, type PolicyVersion } from '#libs/policy';
import type { Written } from './report.ts';

export interface KnownEnvironment {
  readonly environmentClass: EnvironmentClass;
  readonly policyId: string;
  readonly regimes: readonly Regime[];
  readonly ref: string;
}

interface Publisher {
  readonly principal: string;
  readonly person: string;
}

interface KnownVersion extends PolicyVersion {
  readonly written: Written;
  /** The account that published it, and whom it was taken for; blank where none is on record. */
  readonly publisher: Publisher;
}

/** Policies, what they govern, and whether there was any calendar, as is known so far. */
export class RulesInForce {
  private readonly environments = new Map<string, KnownEnvironment>();
  private readonly policies = new Map<string, KnownVersion[]>();
  private readonly asked = new Map<string, readonly GateRule[]>();
  private readonly risks = new Map<string, JudgedRisk>();
  /** Where the last word of a calendar is written; undefined as long as there was none. */
  calendars: string | undefined;

  environment(name: string): KnownEnvironment | undefined {
    return this.environments.get(name);
  }

  defined({ data }: Extract<EnvironmentEvent, { type: 'EnvironmentDefined' }>, { ref }: Written): void {
    const { class: environmentClass, policyId, regimes = [] } = data;
    this.environments.set(data.environment, { environmentClass, policyId, regimes, ref });
  }

  published({ data }: PolicyEvent, written: Written, publisher: Publisher): void {
    const { policyId, title: _title, ...said } = data;
    const versions = this.policies.get(policyId) ?? [];
    this.policies.set(policyId, [...versions, { ...said, written, publisher }]);
  }

  calendarChanged(_event: CalendarEvent, { ref }: Written): void {
    this.calendars = ref;
  }

  /** The version in force at an instant, of those that were on record by then. */
  inForce(policyId: string, at: string): KnownVersion | undefined {
    return inForceAt(
      (this.policies.get(policyId) ?? []).filter(({ written }) => written.at <= at),
      at,
    );
  }

  /** The gates that a version asks for here; undefined where no such version is on record. Without a risk every clause counts that names one. */
  gates(
    { id, version }: { readonly id: string; readonly version: number },
    environment: KnownEnvironment | undefined,
    kind: 'deployment' | 'rollback',
    change: { readonly changeClass: PlannedChangeClass; readonly risk: RiskClass | undefined },
  ): readonly GateRule[] | undefined {
    const known = this.policies.get(id)?.find((v) => v.version === version);
    if (!known) return undefined;
    if (kind === 'rollback') return known.rollbackGates;
    const place = { environmentClass: environment?.environmentClass, regimes: environment?.regimes ?? [] };
    const { changeClass, risk } = change;
    const key = `${id} ${version} ${environment?.environmentClass ?? ''} ${place.regimes.join()} ${changeClass} ${risk ?? ''}`;
    const rules = this.asked.get(key) ?? gatesFor(known, { ...place, changeClass, risk });
    this.asked.set(key, rules);
    return rules;
  }

  /** How risky a version judges a change to be that its plan declares as this; undefined where no such version is on record. */
  risk(
    { id, version }: { readonly id: string; readonly version: number },
    environment: KnownEnvironment | undefined,
    declared: RiskClass | undefined,
    artifacts: number,
  ): JudgedRisk | undefined {
    const known = this.policies.get(id)?.find((v) => v.version === version);
    if (!known) return undefined;
    const place = { environmentClass: environment?.environmentClass, regimes: environment?.regimes ?? [], artifacts };
    // There are few of them, and very many changes.
    const key = `${id} ${version} ${place.environmentClass ?? ''} ${place.regimes.join()} ${declared ?? ''} ${artifacts}`;
    const risk = this.risks.get(key) ?? judgeRisk(declared, known.riskFloors ?? [], place);
    this.risks.set(key, risk);
    return risk;
  }

  /** Where a version is written. */
  refOf({ id, version }: { readonly id: string; readonly version: number }): string | undefined {
    return this.policies.get(id)?.find((v) => v.version === version)?.written.ref;
  }
}
