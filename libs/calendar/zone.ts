import { DAY, union, type Interval } from './local-time.ts';

/** Edition of the time zone database that this program reckons with, such as `2025c`: another one may give other instants. */
export function tzdataVersion(): string {
  const { tz, icu } = process.versions;
  return tz ?? `icu-${icu ?? 'unknown'}`;
}

/** Whether it is the name of a zone of the IANA database. An offset such as `+02:00` is none: it has no rules for summer. */
export function isZone(zone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{1,63}$/.test(zone)) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** While the clocks of a zone are one offset ahead of UTC; all in milliseconds. */
interface Stretch extends Interval {
  readonly offset: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** By zone and UTC year. The database does not change while the program runs. */
const stretchesOfYears = new Map<string, readonly Stretch[]>();

/** What the wall clocks of a zone show at an instant, in local milliseconds, to the second. */
export function wallClock(zone: string, instant: number): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(instant)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function offsetAt(zone: string, instant: number): number {
  const second = Math.floor(instant / 1000) * 1000;
  return wallClock(zone, second) - second;
}

/** Found by looking at every half day, and then at the very second: no table of rules that could disagree with the clocks. */
function stretchesOfYear(zone: string, year: number): readonly Stretch[] {
  const key = `${zone} ${year}`;
  const known = stretchesOfYears.get(key);
  if (known) return known;
  const end = Date.UTC(year + 1, 0);
  const found: Stretch[] = [];
  let from = Date.UTC(year, 0);
  let offset = offsetAt(zone, from);
  for (let at = from; at < end; at += DAY / 2) {
    const next = Math.min(at + DAY / 2, end - 1000);
    const then = offsetAt(zone, next);
    if (then === offset) continue;
    let [before, after] = [at, next];
    while (after - before > 1000) {
      const middle = Math.floor((before + after) / 2000) * 1000;
      if (offsetAt(zone, middle) === offset) before = middle;
      else after = middle;
    }
    found.push({ from, until: after, offset });
    [from, offset] = [after, then];
  }
  found.push({ from, until: end, offset });
  stretchesOfYears.set(key, found);
  return found;
}

function stretches(zone: string, from: number, until: number): readonly Stretch[] {
  const years = [];
  for (let year = new Date(from).getUTCFullYear(); year <= new Date(until).getUTCFullYear(); year++) years.push(year);
  return years.flatMap((year) => stretchesOfYear(zone, year)).filter((s) => s.from < until && s.until > from);
}

/** No clock is further from UTC than this. */
const MOST_OFFSET = 27 * 3_600_000;

/**
 * The instants at which the clocks of a zone show a time in `[from, until)`. Usually one interval; where clocks are put back it may be
 * two, and where they are put forward it may be none: whoever looks at the clock can check it.
 */
export function instantsOf(zone: string, { from, until }: Interval): readonly Interval[] {
  return union(
    stretches(zone, from - MOST_OFFSET, until + MOST_OFFSET).flatMap((s) => {
      const part = { from: Math.max(s.from, from - s.offset), until: Math.min(s.until, until - s.offset) };
      return part.from < part.until ? [part] : [];
    }),
  );
}

/** How often the clocks of a zone show a local time: 0 where they are put forward over it, 2 where they are put back over it, else 1. */
export function timesShown(zone: string, local: number): number {
  return stretches(zone, local - MOST_OFFSET, local + MOST_OFFSET).filter((s) => s.from <= local - s.offset && local - s.offset < s.until)
    .length;
}

/** An instant as the clocks of a zone show it, in local milliseconds. */
export function localOf(zone: string, instant: number): number {
  return instant + offsetAt(zone, instant);
}
