import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  PLANNED_CHANGE_CLASSES,
  REGIMES,
  RISK_CLASSES,
  type BuiltInGate,
  type ExpressionGate,
  type GateRule,
  type PlannedChangeClass,
  type PolicyClause,
  type PolicyScope,
  type Regime,
  type RiskClass,
  type RiskFloor,
  type RiskFloorScope,
} from '#libs/contracts';
import { own, refuse, type Reason, type Refusal } from '#libs/event-sourcing';
import { DUTIES, type Duty } from '#libs/identity';
import {
  asksAsMuch,
  gateNames,
  gatesFor,
  isExpression,
  judgeRisk,
  LIMITS,
  hashOf,
  RELEASE_DUTIES,
  nearest,
  tallyVotes,
  type CheckAsked,
  type ExpressionProblem,
  type Members,
} from '#libs/policy';
import { countingSets, ENVIRONMENT_CLASSES, knownOf } from './counting-together.ts';

const EXPRESSION_GATE = /^expression:[a-z0-9][a-z0-9-]{0,62}$/;
/** As many as a release may have. */
const MOST_ARTIFACTS = 200;

export class GroupQuorumField {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'group must be the name of a group' }) group: string;
  @IsInt() @Min(1) @Max(20) quorum: number;
}

export class DutySetField {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'id must name the rule, such as tester-is-not-author' }) id: string;
  @IsArray() @ArrayMinSize(2) @ArrayUnique() @IsIn(DUTIES, { each: true }) duties: readonly Duty[];
  /** How many of them one person may hold; 1 unless told. */
  @IsOptional() @IsInt() @Min(1) @Max(DUTIES.length - 1) atMost?: number;
}

export class GateRuleField {
  /** A gate of the program, or one of the policy's own: `expression:<slug>`. */
  @IsString() @MaxLength(100) gate: string;
  /** For `approved`: how many distinct persons. */
  @IsOptional() @IsInt() @Min(1) @Max(20) quorum?: number;
  /** For `approved`: how many of them from which group. A person counts for one group only, however many she is in. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ValidateNested({ each: true })
  @Type(() => GroupQuorumField)
  groups?: readonly GroupQuorumField[];
  /** For `duties-separated`: what is kept apart besides what is kept apart everywhere. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ValidateNested({ each: true })
  @Type(() => DutySetField)
  apart?: readonly DutySetField[];
  /** For `expression:…`: CEL over declared facts; true or false, or one of pass, fail, inconclusive, stale. */
  @IsOptional() @IsString() @MaxLength(LIMITS.length) expression?: string;
  /** For `expression:…`: what would unblock it, as a sentence. */
  @IsOptional() @IsString() @MaxLength(300) unblockedBy?: string;
}

export class PolicyScopeField {
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(ENVIRONMENT_CLASSES, { each: true })
  environmentClasses?: readonly string[];
  @IsOptional() @IsArray() @ArrayMinSize(1) @ArrayUnique() @IsIn(REGIMES, { each: true }) regimes?: readonly Regime[];
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(PLANNED_CHANGE_CLASSES, { each: true })
  changeClasses?: readonly PlannedChangeClass[];
  /** What the change is judged to be: as its plan declares, or the floor of the policy where that is higher; `high` where none is declared. */
  @IsOptional() @IsArray() @ArrayMinSize(1) @ArrayUnique() @IsIn(RISK_CLASSES, { each: true }) riskClasses?: readonly RiskClass[];
}

export class RiskFloorScopeField {
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(ENVIRONMENT_CLASSES, { each: true })
  environmentClasses?: readonly string[];
  @IsOptional() @IsArray() @ArrayMinSize(1) @ArrayUnique() @IsIn(REGIMES, { each: true }) regimes?: readonly Regime[];
  /** Releases of more artifacts than this. */
  @IsOptional() @IsInt() @Min(1) @Max(MOST_ARTIFACTS - 1) moreArtifactsThan?: number;
}

export class RiskFloorField {
  @ValidateNested() @Type(() => RiskFloorScopeField) when: RiskFloorScopeField;
  @IsIn(['medium', 'high']) atLeast: RiskFloor['atLeast'];
}

export class PolicyClauseField {
  @ValidateNested() @Type(() => PolicyScopeField) when: PolicyScopeField;
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @ValidateNested({ each: true }) @Type(() => GateRuleField) gates: readonly GateRuleField[];
}

/** What a policy asks for, as it is published and as it is tried on the past. */
export class PolicyContents {
  /** They count everywhere. */
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @ValidateNested({ each: true }) @Type(() => GateRuleField) gates: readonly GateRuleField[];
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @ValidateNested({ each: true })
  @Type(() => GateRuleField)
  rollbackGates: readonly GateRuleField[];
  /** Gates besides, by class of environment, regime, class of change and risk. A clause adds, it never takes away. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @ValidateNested({ each: true })
  @Type(() => PolicyClauseField)
  clauses?: readonly PolicyClauseField[];
  /** No change that a floor is about is judged to be of less risk than it says, whatever its plan declares. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ValidateNested({ each: true })
  @Type(() => RiskFloorField)
  riskFloors?: readonly RiskFloorField[];
}

export interface PolicyRules {
  readonly gates: readonly GateRule[];
  readonly rollbackGates: readonly GateRule[];
  readonly clauses: readonly PolicyClause[];
  readonly riskFloors?: readonly RiskFloor[];
}

export type ExpressionFinding = ExpressionProblem & { readonly text: string };

/** What was found about a policy's expressions before it is decided on. */
export interface ExpressionFindings {
  readonly problems: readonly ExpressionFinding[];
  /** Members of the groups that the policy names; without them nobody asks whether the groups suffice. */
  readonly members?: Members;
  /** Members who can't approve under the policy, each with a sentence why. */
  readonly barred?: Readonly<Record<string, string>>;
}

/** The groups that a policy names anywhere. */
export function groupsIn({ gates, rollbackGates, clauses = [] }: PolicyContents): readonly string[] {
  const all = [...gates, ...rollbackGates, ...clauses.flatMap((clause) => clause.gates)];
  return [...new Set(all.flatMap((f) => (f.groups ?? []).map((g) => g.group)))];
}

/** The rules that contents say; a refusal where a gate is unknown, misused, or can't be satisfied (principle 6). */
export function rulesOfPolicy(contents: PolicyContents, { problems, members, barred = {} }: ExpressionFindings): PolicyRules | Refusal {
  const gates = rulesOf(contents.gates);
  if ('refused' in gates) return gates;
  const rollbackGates = rulesOf(contents.rollbackGates);
  if ('refused' in rollbackGates) return rollbackGates;
  const clauses: PolicyClause[] = [];
  for (const { when, gates: fields } of contents.clauses ?? []) {
    const rules = rulesOf(fields);
    if ('refused' in rules) return rules;
    clauses.push({ when: scopeOf(when), gates: rules });
  }
  const riskFloors = floorsOf(contents);
  const risks = risksRefused(gates, clauses, riskFloors);
  if (risks) return risks;
  if (rollbackGates.some((r) => r.gate === 'change-approved')) {
    return refuse(
      'meaning',
      'gate-unsatisfiable',
      'A rollback is a class of its own and no change of a board: leave change-approved out of rollbackGates.',
    );
  }
  const together = [{ gates: rollbackGates, where: 'the gates of rollbacks' }, ...countingSets({ gates, clauses }, riskFloors)];
  for (const { gates: rules } of together) {
    if (rules.some((r) => r.gate === 'duties-separated') && !rules.some((r) => r.gate === 'approved')) {
      return refuse('meaning', 'gate-unsatisfiable', 'Gate duties-separated judges approvals: name approved beside it.');
    }
  }
  const short = members ? shortGroups(together, members, barred) : [];
  if (short.length > 0)
    return refuse('meaning', 'gate-unsatisfiable', 'Gate approved asks for more persons than its groups have who can approve.', short);
  const redefined = redefinedIn([...gates, ...rollbackGates, ...clauses.flatMap((clause) => clause.gates)]);
  if (redefined)
    return refuse('meaning', 'gate-twice', `${redefined} says different things in different places: give one of them another name.`);
  const sets = [...gates, ...rollbackGates, ...clauses.flatMap((clause) => clause.gates)].flatMap((rule) =>
    rule.gate === 'duties-separated' ? (rule.apart ?? []) : [],
  );
  const unclear = sets.find((set) => sets.some((other) => other.id === set.id && hashOf(other) !== hashOf(set)));
  if (unclear) {
    const detail = `The rule ${unclear.id} says different things in different places: give one of them another name.`;
    return refuse('meaning', 'separation-twice', detail);
  }
  const [first] = problems;
  if (first) {
    return refuse(
      'meaning',
      first.code,
      first.detail,
      problems.map((p): Reason => ({ code: p.code, detail: `${p.detail} (${p.text})`, unblockedBy: 'Change the expression.' })),
    );
  }
  return { gates, rollbackGates, clauses, ...(riskFloors.length > 0 ? { riskFloors } : {}) };
}

/** What is to be checked of the expressions: each by itself, and those that count together. */
export function expressionsOf(contents: PolicyContents): CheckAsked {
  const plain = (fields: readonly GateRuleField[]): readonly GateRule[] =>
    fields.map(
      (f) =>
        (f.expression === undefined
          ? { gate: f.gate, quorum: f.quorum ?? 1, ...(f.groups ? { groups: f.groups } : {}) }
          : { gate: f.gate, expression: f.expression }) as GateRule,
    );
  const gates = plain(contents.gates);
  const rollbackGates = plain(contents.rollbackGates);
  const clauses = (contents.clauses ?? []).map(({ when, gates: fields }) => ({ when: scopeOf(when), gates: plain(fields) }));
  const floors = floorsOf(contents);
  const texts = (rules: readonly GateRule[]): string[] => rules.filter(isExpression).map((rule) => rule.expression);
  const all = texts([...gates, ...rollbackGates, ...clauses.flatMap((clause) => clause.gates)]);
  return {
    texts: [...new Set(all)],
    together: [
      {
        texts: texts(rollbackGates),
        known: { ...knownOf(rollbackGates, 'rollback'), 'change.risk': risksIn({}, floors) },
        where: 'the gates of rollbacks',
      },
      ...countingSets({ gates, clauses }, floors).map(({ gates: rules, known, where }) => ({ texts: texts(rules), known, where })),
    ],
  };
}

function scopeOf({ environmentClasses, regimes, changeClasses, riskClasses }: PolicyScopeField): PolicyScope {
  return {
    ...(environmentClasses ? { environmentClasses: [...environmentClasses].sort() } : {}),
    ...(regimes ? { regimes: [...regimes].sort() } : {}),
    ...(changeClasses ? { changeClasses: [...changeClasses].sort() } : {}),
    ...(riskClasses ? { riskClasses: RISK_CLASSES.filter((risk) => riskClasses.includes(risk)) } : {}),
  };
}

function floorsOf({ riskFloors = [] }: PolicyContents): readonly RiskFloor[] {
  return riskFloors.map(({ when, atLeast }) => ({ when: floorScopeOf(when), atLeast }));
}

function floorScopeOf({ environmentClasses, regimes, moreArtifactsThan }: RiskFloorScopeField): RiskFloorScope {
  return {
    ...(environmentClasses ? { environmentClasses: [...environmentClasses].sort() } : {}),
    ...(regimes ? { regimes: [...regimes].sort() } : {}),
    ...(moreArtifactsThan === undefined ? {} : { moreArtifactsThan }),
  };
}

/** The smallest release, in a class of environment and under one regime: what more of either brings is only ever more. */
const PLACES = ENVIRONMENT_CLASSES.flatMap((environmentClass) =>
  REGIMES.map((regime) => ({ environmentClass, regimes: [regime], artifacts: 1 })),
);

/** What a change can be judged to be where a clause is about it; nothing where its floors are above all that it names. */
function risksIn(
  { environmentClasses, regimes, riskClasses = RISK_CLASSES }: PolicyScope,
  floors: readonly RiskFloor[],
): readonly RiskClass[] {
  const places = PLACES.filter(
    (place) =>
      (environmentClasses?.includes(place.environmentClass) ?? true) && (regimes?.some((regime) => place.regimes.includes(regime)) ?? true),
  );
  const possible = places.flatMap((place) => RISK_CLASSES.map((risk) => judgeRisk(risk, floors, place).effective));
  return riskClasses.filter((risk) => possible.includes(risk));
}

/** A clause that no risk reaches, or more risk that is asked for less: it would pay to declare more, and `high` would not be the most that can be asked. */
function risksRefused(gates: readonly GateRule[], clauses: readonly PolicyClause[], floors: readonly RiskFloor[]): Refusal | undefined {
  const never = clauses.findIndex(({ when }) => risksIn(when, floors).length === 0);
  if (never >= 0) {
    return refuse(
      'meaning',
      'clause-never-counts',
      `Clause ${never + 1} is about changes of risk ${clauses[never]?.when.riskClasses?.join(' or ') ?? ''}, and by riskFloors there are none where it counts.`,
    );
  }
  if (!clauses.some(({ when }) => when.riskClasses)) return undefined;
  for (const { environmentClass, regimes, artifacts } of PLACES) {
    for (const changeClass of PLANNED_CHANGE_CLASSES) {
      const [low, medium, high] = RISK_CLASSES.map((declared) => {
        const { effective: risk } = judgeRisk(declared, floors, { environmentClass, regimes, artifacts });
        return { risk, gates: gatesFor({ gates, clauses }, { environmentClass, regimes, changeClass, risk }) };
      }) as [RiskAsks, RiskAsks, RiskAsks];
      for (const [less, more] of [
        [low, medium],
        [medium, high],
      ] as const) {
        const lacks = less.gates.find((rule) => !more.gates.some((other) => asksAsMuch(other, rule)));
        if (!lacks) continue;
        const where = `${environmentClass} under ${regimes.join()}`;
        return refuse(
          'meaning',
          'risk-asks-less',
          `In ${where} a ${changeClass} change of ${less.risk} risk is asked for more of ${lacks.gate} than one of ${more.risk} risk.`,
          [
            {
              code: 'risk-asks-less',
              detail: 'Whatever counts at a risk counts at every higher one.',
              unblockedBy:
                'Name the higher classes of risk in that clause too; what an expression asks of one class alone, it can ask of change.risk.',
            },
          ],
        );
      }
    }
  }
  return undefined;
}

interface RiskAsks {
  readonly risk: RiskClass;
  readonly gates: readonly GateRule[];
}

/** Even with the vote of every member who can approve, some groups would lack persons: each person counts once. */
function shortGroups(
  sets: readonly { readonly gates: readonly GateRule[]; readonly where: string }[],
  members: Members,
  barred: Readonly<Record<string, string>>,
): readonly Reason[] {
  const reasons = new Map<string, Reason>();
  for (const { gates, where } of sets) {
    const rule = gates.find(({ gate }) => gate === 'approved');
    if (rule?.gate !== 'approved') continue;
    const named = [...new Set((rule.groups ?? []).flatMap(({ group }) => members[group] ?? []))];
    const able = named.filter((person) => own(barred, person) === undefined);
    for (const { group, quorum, missing } of tallyVotes(able, rule, members).groups) {
      if (missing === 0 || reasons.has(group)) continue;
      const why = (members[group] ?? []).flatMap((person) => own(barred, person) ?? []).slice(0, MOST_NAMED);
      const sentences = [
        `Group ${group} lacks ${missing} of the ${quorum} persons asked for`,
        where === 'the gates' ? '; ' : ` by ${where}; `,
        'whoever is in several groups counts for one.',
        ...why.map((sentence) => ` ${sentence}`),
      ];
      reasons.set(group, {
        code: 'group-too-small',
        detail: sentences.join(''),
        unblockedBy: `Take ${missing} more into group ${group} who can approve, or ask for fewer.`,
      });
    }
  }
  return [...reasons.values()];
}

/** Most persons of a group of whom is said why they can't approve. */
const MOST_NAMED = 10;

function redefinedIn(rules: readonly GateRule[]): string | undefined {
  const said = new Map<string, string>();
  for (const rule of rules.filter(isExpression)) {
    if ((said.get(rule.gate) ?? rule.expression) !== rule.expression) return rule.gate;
    said.set(rule.gate, rule.expression);
  }
  return undefined;
}

function rulesOf(fields: readonly GateRuleField[]): readonly GateRule[] | Refusal {
  const unknown = fields.filter((f) => !isBuiltIn(f.gate) && !EXPRESSION_GATE.test(f.gate)).map((f) => f.gate);
  if (unknown.length > 0) {
    const near = nearest(unknown[0] ?? '', gateNames);
    return refuse(
      'meaning',
      'gate-unknown',
      `Unknown: ${unknown.join(', ')}${near ? ` (is it ${near}?)` : ''}. Gates are ${gateNames.join(', ')}, and expression:<slug> with an expression.`,
    );
  }
  const twice = fields.map((f) => f.gate).filter((gate, i, all) => all.indexOf(gate) < i);
  if (twice.length > 0) return refuse('meaning', 'gate-twice', `Named twice: ${[...new Set(twice)].join(', ')}.`);
  const misplaced = fields.find((f) => (f.gate === 'approved') !== (f.quorum !== undefined) || (f.gate !== 'approved' && f.groups));
  if (misplaced) {
    return refuse(
      'meaning',
      'gate-parameters',
      misplaced.gate === 'approved'
        ? 'Gate approved needs a quorum from 1 to 20.'
        : `Gate ${misplaced.gate} takes no quorum and no groups.`,
    );
  }
  const again = fields.flatMap((f) => (f.groups ?? []).map((g) => g.group)).filter((group, i, all) => all.indexOf(group) < i);
  if (again.length > 0) return refuse('meaning', 'group-twice', `Named twice: ${[...new Set(again)].join(', ')}.`);
  const unseparated = fields.find((f) => f.apart && f.gate !== 'duties-separated');
  if (unseparated) return refuse('meaning', 'gate-parameters', `Gate ${unseparated.gate} keeps no duties apart: name duties-separated.`);
  const separation = fields.flatMap((f) => f.apart ?? []).flatMap((set) => separationProblem(set) ?? [])[0];
  if (separation) return separation;
  const speaking = fields.find(
    (f) => EXPRESSION_GATE.test(f.gate) !== (f.expression !== undefined) || (isBuiltIn(f.gate) && f.unblockedBy),
  );
  if (speaking) {
    return refuse(
      'meaning',
      'gate-parameters',
      isBuiltIn(speaking.gate) ? `Gate ${speaking.gate} takes no expression.` : `Gate ${speaking.gate} needs an expression.`,
    );
  }
  return fields.map(ruleOf);
}

/** Each of these would forbid nothing or everything, or be taken for a rule that counts everywhere. */
function separationProblem({ id, duties, atMost = 1 }: DutySetField): Refusal | undefined {
  if (atMost >= duties.length)
    return refuse('meaning', 'separation-empty', `The rule ${id} forbids nothing: atMost is less than its duties.`);
  if (atMost >= duties.filter((duty) => duty !== 'committer' && duty !== 'co-author').length) {
    const detail = `The rule ${id} forbids nothing: whoever commits or co-authors is on record as author, so name author.`;
    return refuse('meaning', 'separation-empty', detail);
  }
  if (RELEASE_DUTIES.some((rule) => rule.id === id))
    return refuse('meaning', 'separation-twice', `The rule ${id} counts everywhere already: give yours another name.`);
  return undefined;
}

function ruleOf({ gate, quorum, groups, apart, expression, unblockedBy }: GateRuleField): GateRule {
  if (gate === 'duties-separated') {
    const sets = apart?.map(({ id, duties, atMost }) => ({ id, duties: [...duties], ...(atMost === undefined ? {} : { atMost }) }));
    return { gate, ...(sets ? { apart: sets } : {}) };
  }
  if (gate === 'approved') {
    return { gate, quorum: quorum ?? 1, ...(groups ? { groups: groups.map((g) => ({ group: g.group, quorum: g.quorum })) } : {}) };
  }
  if (expression === undefined) return { gate: gate as Exclude<BuiltInGate, 'approved' | 'duties-separated'> };
  return { gate: gate as ExpressionGate, expression, ...(unblockedBy ? { unblockedBy } : {}) };
}

function isBuiltIn(gate: string): gate is BuiltInGate {
  return (gateNames as readonly string[]).includes(gate);
}
