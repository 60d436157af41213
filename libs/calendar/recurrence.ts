import { RRuleTemporal } from 'rrule-temporal';
import { Temporal } from 'temporal-polyfill';
import type { Weekday } from '#libs/contracts';
import { parseLocal } from './local-time.ts';

export const WEEKDAYS: readonly Weekday[] = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const FREQUENCIES = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const;
type Frequency = (typeof FREQUENCIES)[number];

const MAX_LENGTH = 500;
const MAX_COUNT = 1000;
const MAX_INTERVAL = 1000;

/** A recurrence rule, understood. At most one occurrence a day: its time of day is that of the start. */
export interface Recurrence {
  readonly freq: Frequency;
  readonly interval: number;
  readonly count?: number;
  /** Local milliseconds, inclusive. */
  readonly until?: number;
  readonly byMonth?: number[];
  readonly byMonthDay?: number[];
  readonly byYearDay?: number[];
  readonly byWeekNo?: number[];
  readonly byDay?: string[];
  readonly bySetPos?: number[];
  readonly wkst?: string;
}

/**
 * Reads an RRULE of RFC 5545, 3.3.10. Read by hand and not by a library, so that nothing costs time before it is known to be cheap:
 * no part below the day is taken, so that a rule has at most 366 occurrences a year whatever it says.
 *
 * @returns the recurrence, or a sentence that says what would be accepted
 */
export function parseRule(text: string): Recurrence | string {
  if (text.length > MAX_LENGTH) return `A rule has at most ${MAX_LENGTH} characters.`;
  const parts = new Map<string, string>();
  for (const part of text.split(';')) {
    const [, name, value] = /^([A-Z]+)=([A-Z0-9,+-]+)$/.exec(part) ?? [];
    if (!name || !value) return 'A rule is like FREQ=WEEKLY;BYDAY=FR: NAME=VALUE in capitals, separated by semicolons.';
    if (parts.has(name)) return `${name} is there twice.`;
    parts.set(name, value);
  }
  const below = ['BYHOUR', 'BYMINUTE', 'BYSECOND'].find((name) => parts.has(name));
  if (below) return `${below} is not taken: the time of day is that of the start. Declare another calendar for another time.`;
  const unknown = [...parts.keys()].find((name) => !KNOWN.has(name));
  if (unknown) return `${unknown} is not taken; known are ${[...KNOWN].join(', ')}.`;
  const freq = FREQUENCIES.find((f) => f === parts.get('FREQ'));
  if (!freq) return `FREQ must be one of ${FREQUENCIES.join(', ')}: nothing recurs more often than daily.`;
  if (parts.has('COUNT') && parts.has('UNTIL')) return 'COUNT and UNTIL exclude each other.';

  const problems: string[] = [];
  const number = (name: string, most: number): number | undefined => {
    const value = parts.get(name);
    if (value === undefined) return undefined;
    if (/^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= most) return Number(value);
    problems.push(`${name} must be a whole number from 1 to ${most}.`);
    return undefined;
  };
  const numbers = (name: string, most: number, negative: boolean): number[] | undefined => {
    const value = parts.get(name);
    if (value === undefined) return undefined;
    const list = value.split(',').map((v) => (/^[+-]?\d{1,3}$/.test(v) ? Number(v) : 0));
    if (list.every((n) => n !== 0 && Math.abs(n) <= most && (negative || n > 0))) return list;
    problems.push(`${name} must list whole numbers from 1 to ${most}${negative ? ', or the same from the end with a minus' : ''}.`);
    return undefined;
  };
  const only = (name: string, ...allowed: readonly Frequency[]): void => {
    if (parts.has(name) && !allowed.includes(freq)) problems.push(`${name} goes with FREQ=${allowed.join(' or ')} only.`);
  };
  only('BYWEEKNO', 'YEARLY');
  only('BYYEARDAY', 'YEARLY');
  only('BYMONTHDAY', 'DAILY', 'MONTHLY', 'YEARLY');
  const byDay = parts.get('BYDAY')?.split(',');
  const ordinal = byDay?.some((day) => day.length > 2) ?? false;
  if (byDay?.some((day) => !/^(?:[+-]?[1-9]\d?)?(?:MO|TU|WE|TH|FR|SA|SU)$/.test(day)))
    problems.push('BYDAY must list weekdays such as MO, or 1MO and -1FR for the first and the last.');
  if (ordinal && (!['MONTHLY', 'YEARLY'].includes(freq) || parts.has('BYWEEKNO')))
    problems.push('A numbered weekday goes with FREQ=MONTHLY or YEARLY without BYWEEKNO only.');
  if (parts.has('BYSETPOS') && ![...parts.keys()].some((name) => name.startsWith('BY') && name !== 'BYSETPOS'))
    problems.push('BYSETPOS needs another BY part to choose from.');
  if (parts.has('WKST') && !(WEEKDAYS as readonly string[]).includes(parts.get('WKST') ?? ''))
    problems.push('WKST must be a weekday such as MO.');
  const until = parts.has('UNTIL') ? localUntil(parts.get('UNTIL') ?? '') : undefined;
  if (parts.has('UNTIL') && until === undefined)
    problems.push('UNTIL must be local time such as 20271231 or 20271231T235900, without Z: the zone says what it means.');

  const read = {
    freq,
    interval: number('INTERVAL', MAX_INTERVAL) ?? 1,
    count: number('COUNT', MAX_COUNT),
    until,
    byMonth: numbers('BYMONTH', 12, false),
    byMonthDay: numbers('BYMONTHDAY', 31, true),
    byYearDay: numbers('BYYEARDAY', 366, true),
    byWeekNo: numbers('BYWEEKNO', 53, true),
    byDay,
    bySetPos: numbers('BYSETPOS', 366, true),
    wkst: parts.get('WKST'),
  };
  if (problems[0]) return problems[0];
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)) as unknown as Recurrence;
}

const KNOWN = new Set([
  'FREQ',
  'INTERVAL',
  'COUNT',
  'UNTIL',
  'BYMONTH',
  'BYMONTHDAY',
  'BYYEARDAY',
  'BYWEEKNO',
  'BYDAY',
  'BYSETPOS',
  'WKST',
]);

function localUntil(text: string): number | undefined {
  const [, year, month, day, hour = '23', minute = '59'] = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d)?$/.exec(text) ?? [];
  return year === undefined ? undefined : parseLocal(`${year}-${month}-${day}T${hour}:${minute}`);
}

/**
 * Starts between two local times, both inclusive, in order; all in local milliseconds. Reckoned on the calendar alone, as if every local
 * time existed: what the clocks make of a start is `instantsOf`'s affair, so that a start which they skip is not lost unseen.
 */
export function startsOf(start: number, rule: Recurrence, from: number, until: number): readonly number[] {
  if (until < start || until < from) return [];
  return ruleOf(start, rule)
    .between(new Date(Math.max(from, start)), new Date(until), true)
    .map((at) => at.epochMilliseconds);
}

/** Rules that were used lately: making one takes longer than asking it. */
const made = new Map<string, RRuleTemporal>();
const MOST_MADE = 500;

function ruleOf(start: number, rule: Recurrence): RRuleTemporal {
  const key = `${start} ${JSON.stringify(rule)}`;
  const known = made.get(key);
  if (known) return known;
  const { until: end, ...options } = rule;
  const utc = (local: number): Temporal.ZonedDateTime => Temporal.Instant.fromEpochMilliseconds(local).toZonedDateTimeISO('UTC');
  const rrule = new RRuleTemporal({
    ...options,
    ...(end === undefined ? {} : { until: utc(end) }),
    dtstart: utc(start),
    tzid: 'UTC',
    maxIterations: 100_000,
  });
  if (made.size >= MOST_MADE) made.clear();
  made.set(key, rrule);
  return rrule;
}
