import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { REGIMES, SAYS_SOMETHING, type Regime, type RetentionPolicyEvent, type RetentionRule } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type Reason, type Refusal } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import { hashOf } from '#libs/policy';
import { FLOORS, retentionPolicy, type RetentionPolicy } from '#libs/retention';

/** A hundred years. */
const MOST_DAYS = 36_525;

export class RetentionRuleField implements RetentionRule {
  @IsIn([...REGIMES]) regime: Regime;
  @IsInt() @Min(0) @Max(MOST_DAYS) atHandDays: number;
  @IsInt() @Min(0) @Max(MOST_DAYS) keepDays: number;
  @IsOptional() @IsInt() @Min(1) @Max(MOST_DAYS) ceilingDays?: number;
}

export class PublishRetentionPolicy {
  @Matches(SAYS_SOMETHING, { message: 'title must say something that can be seen' }) @MaxLength(200) title: string;
  /** At most one for each regime; where there is none, what the program brings counts. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(REGIMES.length)
  @ValidateNested({ each: true })
  @Type(() => RetentionRuleField)
  rules: readonly RetentionRuleField[];
  /** An instant with its offset, not before now; now unless told. */
  @IsOptional() @IsInstant() effectiveFrom?: string;
  @Matches(SAYS_SOMETHING, { message: 'justification must say why: at least one letter or digit that can be seen' })
  @MaxLength(2000)
  justification: string;
}

/** No rule goes below what its regulation asks for; more is the organisation's own affair. */
export function publishRetentionPolicy(command: Issued<PublishRetentionPolicy>, state: RetentionPolicy): Decision<RetentionPolicyEvent> {
  const { title, justification, meta } = command;
  const rules = (JSON.parse(JSON.stringify(command.rules)) as RetentionRule[]).sort((a, b) => (a.regime < b.regime ? -1 : 1));
  if (new Set(rules.map(({ regime }) => regime)).size < rules.length)
    return refuse('meaning', 'rules-ambiguous', 'There is at most one rule for each regime.');
  const below = rules.flatMap(belowFloor);
  if (below.length > 0)
    return refuse(
      'meaning',
      'below-floor',
      `A rule would let go of what a regulation keeps: ${below.map((r) => r.detail).join(' ')}`,
      below,
    );
  const wrong = rules.find((r) => r.atHandDays > r.keepDays || (r.ceilingDays !== undefined && r.ceilingDays < r.keepDays));
  if (wrong)
    return refuse('meaning', 'rule-contradicts-itself', `The rule for ${wrong.regime} must have atHandDays ≤ keepDays ≤ ceilingDays.`);
  const effectiveFrom = effectiveOf(command.effectiveFrom, meta.now);
  if (typeof effectiveFrom !== 'string') return effectiveFrom;
  const last = state.versions.at(-1);
  if (last && last.title === title && hashOf(last.rules) === hashOf(rules) && last.effectiveFrom <= effectiveFrom) return [];
  return [
    {
      type: 'RetentionPolicyPublished',
      data: { version: state.versions.length + 1, title, effectiveFrom, rules, justification, publishedBy: meta.actor.person },
    },
  ];
}

function belowFloor({ regime, atHandDays, keepDays }: RetentionRule): Reason[] {
  const floor = FLOORS.find((f) => f.regime === regime);
  if (!floor || (atHandDays >= floor.atHandDays && keepDays >= floor.keepDays)) return [];
  const detail = `${regime} asks for ${floor.keepDays} days, ${floor.atHandDays} of them at hand (${floor.source}); the rule says ${keepDays} and ${atHandDays}.`;
  const unblockedBy = `Say at least keepDays ${floor.keepDays} and atHandDays ${floor.atHandDays} for ${regime}.`;
  return [{ code: 'below-floor', detail, unblockedBy }];
}

/** Nothing counts before it was on record. */
function effectiveOf(given: string | undefined, now: string): string | Refusal {
  if (given === undefined) return now;
  const at = new Date(given);
  if (Number.isNaN(at.getTime()) || at.getTime() > Date.UTC(2099, 0))
    return refuse('meaning', 'effective-from-invalid', 'effectiveFrom must be an instant before the year 2099.');
  if (at.toISOString() < now)
    return refuse('meaning', 'effective-in-the-past', `effectiveFrom ${at.toISOString()} is before now, ${now}: nothing is back-dated.`);
  return at.toISOString();
}

export const publishRetentionPolicyCommand = defineCommand({
  type: PublishRetentionPolicy,
  aggregate: retentionPolicy,
  decide: publishRetentionPolicy,
  personal: ['justification'],
  governed: () => ({ policyId: 'retention' }),
});
