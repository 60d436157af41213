import { RISK_CLASSES, type JudgedRisk, type Regime, type RiskClass, type RiskFloor } from '#libs/contracts';
import { regimesHere, type PolicyPlace } from './in-force.ts';
import type { GateFacts } from './sources.ts';

/** What a change is, as far as floors under its risk are concerned. */
export interface RiskPlace {
  readonly environmentClass: string | undefined;
  readonly regimes: readonly Regime[];
  /** How many artifacts the release has. */
  readonly artifacts: number;
}

/**
 * How risky a change is judged to be: what its plan declares, or the highest floor that counts here where that is higher. Where nobody
 * declared anything it is the highest there is: absence is not success (principle 6).
 */
export function judgeRisk(declared: RiskClass | undefined, floors: readonly RiskFloor[], place: RiskPlace): JudgedRisk {
  const floor = highest(floors.filter(({ when }) => floorCounts(when, place)).map(({ atLeast }) => atLeast));
  const effective = declared === undefined ? 'high' : floor === undefined ? declared : higher(declared, floor);
  const said = declared === undefined ? 'Nobody declared its risk, so it is judged as high' : `Its risk was declared ${declared}`;
  const raised = declared !== undefined && effective !== declared ? `, and the policy judges it as ${effective} at least here` : '';
  return { declared: declared ?? 'undeclared', floor: floor ?? 'none', effective, detail: `${said}${raised}.` };
}

/** Where a change would go, as another version of its policy sees it, whose floors may be others. */
export function placeOf(facts: GateFacts, floors: readonly RiskFloor[] = []): PolicyPlace {
  const { environmentClass, regimes = [], artifacts, plan, risk } = facts;
  return {
    environmentClass,
    regimes,
    changeClass: plan?.changeClass ?? 'normal',
    risk: risk && judgeRisk(plan?.riskClass, floors, { environmentClass, regimes, artifacts: artifacts.length }).effective,
  };
}

/** Whether a floor is about a change; one that names nothing is about every one. */
export function floorCounts(when: RiskFloor['when'], { environmentClass, regimes, artifacts }: RiskPlace): boolean {
  return (
    (!when.environmentClasses || (environmentClass !== undefined && when.environmentClasses.includes(environmentClass))) &&
    (!when.regimes || when.regimes.some((regime) => regimesHere(regimes).includes(regime))) &&
    (when.moreArtifactsThan === undefined || artifacts > when.moreArtifactsThan)
  );
}

/** Below 0 where `a` is of less risk than `b`, 0 where they are the same. */
export function compareRisk(a: RiskClass, b: RiskClass): number {
  return RISK_CLASSES.indexOf(a) - RISK_CLASSES.indexOf(b);
}

function higher(a: RiskClass, b: RiskClass): RiskClass {
  return compareRisk(a, b) < 0 ? b : a;
}

function highest(risks: readonly RiskClass[]): RiskClass | undefined {
  return RISK_CLASSES.findLast((risk) => risks.includes(risk));
}
