export const MINUTE = 60_000;
export const DAY = 86_400_000;

/** Years that calendars may speak of: what a zone's rules will be after that is anyone's guess. */
const FIRST_YEAR = 2000;
const LAST_YEAR = 2099;

/**
 * A wall-clock time `YYYY-MM-DDTHH:mm` as milliseconds since 1970 would be if that clock showed UTC ("local milliseconds"): a number to
 * reckon with, and no instant. Undefined where it is none: an offset or a Z is refused, since the zone alone says what the clock means.
 */
export function parseLocal(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text)) return undefined;
  const ms = Date.parse(`${text}:00.000Z`);
  if (Number.isNaN(ms) || formatLocal(ms) !== text) return undefined;
  const year = Number(text.slice(0, 4));
  return year >= FIRST_YEAR && year <= LAST_YEAR ? ms : undefined;
}

/** Local milliseconds as `YYYY-MM-DDTHH:mm`. */
export function formatLocal(local: number): string {
  return new Date(local).toISOString().slice(0, 16);
}

/** A half-open interval in milliseconds: of instants, or of a wall clock. */
export interface Interval {
  readonly from: number;
  readonly until: number;
}

/** The union, in order, without overlaps; what touches becomes one. */
export function union(intervals: readonly Interval[]): readonly Interval[] {
  const merged: { from: number; until: number }[] = [];
  for (const { from, until } of [...intervals].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && from <= last.until) last.until = Math.max(last.until, until);
    else if (from < until) merged.push({ from, until });
  }
  return merged;
}

/** The first interval less the second ones; both are unions. */
export function subtract(intervals: readonly Interval[], less: readonly Interval[]): readonly Interval[] {
  return intervals.flatMap(({ from, until }) => {
    const left: Interval[] = [];
    let at = from;
    for (const hole of less) {
      if (hole.until <= at || hole.from >= until) continue;
      if (hole.from > at) left.push({ from: at, until: hole.from });
      at = Math.max(at, hole.until);
    }
    return at < until ? [...left, { from: at, until }] : left;
  });
}

/** What of the intervals lies between two times. */
export function clip(intervals: readonly Interval[], from: number, until: number): readonly Interval[] {
  return intervals.flatMap((i) => {
    const clipped = { from: Math.max(i.from, from), until: Math.min(i.until, until) };
    return clipped.from < clipped.until ? [clipped] : [];
  });
}
