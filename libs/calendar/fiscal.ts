import type { CalendarWindow, FiscalYear } from '#libs/contracts';
import { DAY } from './local-time.ts';
import { WEEKDAYS } from './recurrence.ts';

type Close = Extract<CalendarWindow, { kind: 'fiscal' }>['close'];

const PERIODS_OF: Readonly<Record<Close, number>> = { period: 1, quarter: 3, year: 12 };

/** Midnights (local milliseconds) that end fiscal periods, quarters or years, in order, from and until which are inclusive. */
export function closesOf(fiscal: FiscalYear, close: Close, from: number, until: number): readonly number[] {
  const years = [];
  for (let year = new Date(from).getUTCFullYear() - 1; year <= new Date(until).getUTCFullYear() + 1; year++) years.push(year);
  return years
    .flatMap((year) => periodEnds(fiscal, year).filter((_end, i) => (i + 1) % PERIODS_OF[close] === 0))
    .filter((end) => end >= from && end <= until);
}

/** The midnights that end the twelve periods of the fiscal year which ends in that calendar year. */
function periodEnds(fiscal: FiscalYear, year: number): readonly number[] {
  if (fiscal.pattern === 'months') {
    // The year that ends in `year` begins in the year before, unless it is the calendar year itself.
    const begins = fiscal.firstMonth === 1 ? year : year - 1;
    return Array.from({ length: 12 }, (_, i) => Date.UTC(begins, fiscal.firstMonth - 1 + i + 1));
  }
  const begin = yearEnd(fiscal, year - 1);
  const end = yearEnd(fiscal, year);
  const weeks = fiscal.pattern.split('-').map(Number);
  const lengths = [...weeks, ...weeks, ...weeks, ...weeks];
  let passed = 0;
  // A 53rd week belongs to the last period.
  return lengths.map((length, i) => (i === 11 ? end : begin + (passed += length) * 7 * DAY));
}

/** The midnight after the last day of a year of weeks. */
function yearEnd({ endMonth, endWeekday, end }: Extract<FiscalYear, { endMonth: number }>, year: number): number {
  const lastOfMonth = Date.UTC(year, endMonth) - DAY;
  const isoWeekday = (new Date(lastOfMonth).getUTCDay() + 6) % 7;
  const back = (isoWeekday - WEEKDAYS.indexOf(endWeekday) + 7) % 7;
  // `back` days before is the last one; the one a week later is nearer from four days on.
  const lastDay = end === 'nearest' && back > 3 ? lastOfMonth + (7 - back) * DAY : lastOfMonth - back * DAY;
  return lastDay + DAY;
}
