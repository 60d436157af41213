import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
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
import { WEEKDAYS, windowProblem } from '#libs/calendar';
import type { CalendarContents, CalendarScope, CalendarWindow, ChangeClass, FiscalYear, Weekday } from '#libs/contracts';
import { refuse, type Refusal } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** A letter or digit that can be seen: neither blanks nor characters without width, nor letters that show nothing. */
const SAYS_SOMETHING = /(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{N}]/u;
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;
const LOCAL_MESSAGE = 'this must be local time such as 2026-12-20T18:00, without seconds, offset or Z: the zone says what it means';

export class ScopeField implements CalendarScope {
  @IsOptional() @IsIn(['development', 'test', 'staging', 'production']) environmentClass?: string;
  @IsOptional() @Matches(SLUG, { message: 'environment must be the name of an environment' }) environment?: string;
  @IsOptional() @Matches(SLUG, { message: 'product must be the name of a product' }) product?: string;
  @IsOptional() @IsString() @Matches(/\S/) @MaxLength(200) service?: string;
}

export class FiscalYearField {
  @IsIn(['months', '4-4-5', '4-5-4', '5-4-4']) pattern: FiscalYear['pattern'];
  @IsOptional() @IsInt() @Min(1) @Max(12) firstMonth?: number;
  @IsOptional() @IsInt() @Min(1) @Max(12) endMonth?: number;
  @IsOptional() @IsIn([...WEEKDAYS]) endWeekday?: Weekday;
  @IsOptional() @IsIn(['last', 'nearest']) end?: 'last' | 'nearest';
}

/** Which members it has depends on its kind; see `CalendarWindow`. */
export class WindowField {
  @IsIn(['one-off', 'recurring', 'fiscal']) kind: CalendarWindow['kind'];
  @IsOptional() @Matches(LOCAL, { message: LOCAL_MESSAGE }) start?: string;
  @IsOptional() @Matches(LOCAL, { message: LOCAL_MESSAGE }) end?: string;
  @IsOptional() @IsInt() @Min(1) @Max(527_040) durationMinutes?: number;
  @IsOptional() @IsString() @MaxLength(500) rule?: string;
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(200)
  @ArrayUnique()
  @Matches(LOCAL, { each: true, message: LOCAL_MESSAGE })
  except?: readonly string[];
  @IsOptional() @ValidateNested() @Type(() => FiscalYearField) fiscalYear?: FiscalYearField;
  @IsOptional() @IsIn(['period', 'quarter', 'year']) close?: 'period' | 'quarter' | 'year';
  @IsOptional() @IsInt() @Min(0) @Max(180) daysBefore?: number;
  @IsOptional() @IsInt() @Min(0) @Max(180) daysAfter?: number;
}

export class JustifiedFields {
  @IsString()
  @Matches(SAYS_SOMETHING, { message: 'justification must say something that can be seen' })
  @MaxLength(2000)
  justification: string;
  /** An instant with its offset, not before now; now unless told. */
  @IsOptional() @IsInstant() effectiveFrom?: string;
}

export class CalendarFields extends JustifiedFields {
  @IsString() @Matches(SAYS_SOMETHING, { message: 'title must say something that can be seen' }) @MaxLength(200) title: string;
  @IsIn(['freeze', 'window']) kind: 'freeze' | 'window';
  /** Nothing in it is the whole organisation. */
  @ValidateNested() @Type(() => ScopeField) scope: ScopeField;
  @IsString() @MaxLength(64) zone: string;
  @ValidateNested() @Type(() => WindowField) window: WindowField;
  /** Further classes that it lets pass; `emergency` and `rollback` pass always. */
  @IsOptional() @IsArray() @ArrayUnique() @IsIn(['standard', 'normal', 'emergency', 'rollback'], { each: true }) passes?: ChangeClass[];
}

/** What a calendar would say, in its plain form, or why it can't mean that. */
export function contentsOf(fields: CalendarFields): CalendarContents | Refusal {
  const { title, kind, zone } = fields;
  const scope = JSON.parse(JSON.stringify(fields.scope)) as CalendarScope;
  const window = windowOf(fields.window);
  if (typeof window === 'string') return refuse('meaning', 'window-invalid', window);
  const problem = windowProblem(window, zone);
  if (problem) return refuse('meaning', 'window-invalid', problem);
  const passes = [...new Set<ChangeClass>([...(fields.passes ?? []), 'emergency', 'rollback'])].sort();
  if (passes.includes('normal') && passes.includes('standard'))
    return refuse(
      'meaning',
      'calendar-binds-nothing',
      'A calendar that lets normal and standard changes pass binds nothing: leave one out.',
    );
  return { title, kind, scope, zone, window, passes };
}

const MEMBERS: Readonly<Record<CalendarWindow['kind'], readonly (keyof WindowField)[]>> = {
  'one-off': ['start', 'end'],
  recurring: ['start', 'durationMinutes', 'rule', 'except'],
  fiscal: ['fiscalYear', 'close', 'daysBefore', 'daysAfter'],
};
const OPTIONAL: readonly string[] = ['except'];

function windowOf(field: WindowField): CalendarWindow | string {
  const given = JSON.parse(JSON.stringify(field)) as Record<string, unknown>;
  const { fiscalYear } = field;
  const problem = membersProblem(`A ${field.kind} window`, MEMBERS[field.kind], Object.keys(given), 'kind');
  if (problem) return problem;
  if (fiscalYear) {
    const members = fiscalYear.pattern === 'months' ? ['firstMonth'] : ['endMonth', 'endWeekday', 'end'];
    const wrong = membersProblem(
      `A fiscal year of ${fiscalYear.pattern}`,
      members,
      Object.keys(JSON.parse(JSON.stringify(fiscalYear)) as object),
      'pattern',
    );
    if (wrong) return wrong;
  }
  return given as unknown as CalendarWindow;
}

function membersProblem(what: string, members: readonly string[], given: readonly string[], discriminator: string): string | undefined {
  const missing = members.filter((m) => !OPTIONAL.includes(m) && !given.includes(m));
  const foreign = given.filter((m) => m !== discriminator && !members.includes(m));
  return missing.length + foreign.length > 0 ? `${what} has ${members.join(', ')}.` : undefined;
}
