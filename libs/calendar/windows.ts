import type { CalendarWindow } from '#libs/contracts';
import { closesOf } from './fiscal.ts';
import { clip, DAY, formatLocal, MINUTE, parseLocal, union, type Interval } from './local-time.ts';
import { parseRule, startsOf } from './recurrence.ts';
import { instantsOf, isZone, localOf, timesShown } from './zone.ts';

/** The longest occurrence, milliseconds. */
export const MAX_DURATION = 366 * DAY;
/** How far previews and `next open` look, milliseconds: 24 months. */
export const HORIZON = 731 * DAY;

/** What summer time does to an occurrence. */
export type OccurrenceFlag =
  /** The clocks are put forward over the start: RFC 5545 has no such occurrence. Here it holds from the moment the clocks have jumped. */
  | 'start-skipped'
  | 'end-skipped'
  /** The clocks show it twice. */
  | 'start-repeated'
  | 'end-repeated'
  /** The clocks never show a time in it: it does not hold at all. */
  | 'never-shown';

/** An occurrence of a window. */
export interface Occurrence {
  /** Local times, half-open. */
  readonly start: string;
  readonly end: string;
  /** The instants, ISO 8601 UTC, half-open: two where the clocks are put back within it, none where they never show it. */
  readonly instants: readonly { readonly from: string; readonly until: string }[];
  readonly flags: readonly OccurrenceFlag[];
}

/** What is wrong with a window, as a sentence; undefined where nothing is. */
export function windowProblem(window: CalendarWindow, zone: string): string | undefined {
  if (!isZone(zone)) return `${zone} is no zone of the IANA database, such as Europe/Zurich; an offset is none.`;
  const local = (text: string): number | undefined => parseLocal(text);
  const shape = 'must be local time such as 2026-12-20T18:00, between 2000 and 2099, without offset or Z.';
  switch (window.kind) {
    case 'one-off': {
      const [start, end] = [local(window.start), local(window.end)];
      if (start === undefined || end === undefined) return `start and end ${shape}`;
      if (end <= start) return 'The end must be after the start: the interval is half-open.';
      return end - start > MAX_DURATION ? 'One window lasts 366 days at most.' : undefined;
    }
    case 'recurring': {
      if (local(window.start) === undefined) return `start ${shape}`;
      if (window.except?.some((at) => local(at) === undefined)) return `Every member of except ${shape}`;
      if (!Number.isInteger(window.durationMinutes) || window.durationMinutes < 1 || window.durationMinutes * MINUTE > MAX_DURATION)
        return 'durationMinutes must be from 1 to 527040 (366 days).';
      const rule = parseRule(window.rule);
      return typeof rule === 'string' ? rule : undefined;
    }
    case 'fiscal': {
      const { daysBefore, daysAfter } = window;
      return [daysBefore, daysAfter].every((days) => Number.isInteger(days) && days >= 0 && days <= 180) && daysBefore + daysAfter > 0
        ? undefined
        : 'daysBefore and daysAfter must be from 0 to 180, and not both 0.';
    }
  }
}

type Recurring = Extract<CalendarWindow, { readonly kind: 'recurring' }>;

/** What was asked lately of recurring windows, which are never changed once they are recorded. */
const lately = new WeakMap<Recurring, Interval & { readonly intervals: readonly Interval[] }>();
const NO_LOOK = { from: Infinity, until: -Infinity, intervals: [] };
/** How far one look goes, from what was asked. */
const LOOKED_AT = 32 * DAY;

function lookAt(window: Recurring, from: number): Interval & { readonly intervals: readonly Interval[] } {
  const until = from + LOOKED_AT;
  const look = { from, until, intervals: recurring(window, from, until) };
  lately.set(window, look);
  return look;
}

function recurring(window: Recurring, from: number, until: number): readonly Interval[] {
  const rule = parseRule(window.rule);
  if (typeof rule === 'string') throw new Error(`A recorded rule is no rule: ${rule}`);
  const duration = window.durationMinutes * MINUTE;
  const left = new Set(window.except?.map((at) => parseLocal(at)));
  return startsOf(parseLocal(window.start) ?? 0, rule, from - duration, until)
    .filter((start) => !left.has(start))
    .map((start) => ({ from: start, until: start + duration }));
}

/** The wall-clock intervals that begin or end between two local times, in order. All in local milliseconds. */
function nominal(window: CalendarWindow, from: number, until: number): readonly Interval[] {
  switch (window.kind) {
    case 'one-off': {
      const interval = { from: parseLocal(window.start) ?? 0, until: parseLocal(window.end) ?? 0 };
      return interval.from <= until && interval.until >= from ? [interval] : [];
    }
    case 'recurring': {
      // Whoever asks for a moment asks for the next one soon: a replay asks of every decision.
      if (until - from > LOOKED_AT) return recurring(window, from, until);
      const known = lately.get(window);
      if (!known) {
        // Asked once, as for a live decision, it is not worth more.
        lately.set(window, NO_LOOK);
        return recurring(window, from, until);
      }
      const held = known.from <= from && until <= known.until ? known : lookAt(window, from);
      return held.intervals.filter((i) => i.until >= from && i.from <= until);
    }
    case 'fiscal': {
      const [before, after] = [window.daysBefore * DAY, window.daysAfter * DAY];
      return closesOf(window.fiscalYear, window.close, from - after, until + before).map((end) => ({
        from: end - before,
        until: end + after,
      }));
    }
  }
}

/** How far a local time may be from what UTC shows: more than any offset, on either side. */
const MARGIN = 2 * DAY;

/**
 * When a window holds between two instants (milliseconds), clipped to them, in order.
 * The wall clock decides: an instant is in iff the clocks of the zone then show a time in one of the window's intervals.
 */
export function intervalsOf(window: CalendarWindow, zone: string, from: number, until: number): readonly Interval[] {
  const local = nominal(window, from - MARGIN, until + MARGIN);
  return clip(union(local.flatMap((interval) => instantsOf(zone, interval))), from, until);
}

/** The occurrences that hold, or would hold if the clocks showed them, between two instants (milliseconds); those that summer time touches are flagged. */
export function occurrencesOf(window: CalendarWindow, zone: string, from: number, until: number): readonly Occurrence[] {
  return nominal(window, from - MARGIN, until + MARGIN).flatMap((interval) => {
    const instants = instantsOf(zone, interval);
    const shown = instants.some((i) => i.from < until && i.until > from);
    const skipped = instants.length === 0 && interval.from >= localOf(zone, from) && interval.from < localOf(zone, until);
    if (!shown && !skipped) return [];
    return [
      {
        start: formatLocal(interval.from),
        end: formatLocal(interval.until),
        instants: instants.map((i) => ({ from: new Date(i.from).toISOString(), until: new Date(i.until).toISOString() })),
        flags: flagsOf(zone, interval, instants),
      },
    ];
  });
}

function flagsOf(zone: string, { from, until }: Interval, instants: readonly Interval[]): readonly OccurrenceFlag[] {
  const [start, end] = [timesShown(zone, from), timesShown(zone, until)];
  const flags: (OccurrenceFlag | false)[] = [
    start === 0 && 'start-skipped',
    start > 1 && 'start-repeated',
    end === 0 && 'end-skipped',
    end > 1 && 'end-repeated',
    instants.length === 0 && 'never-shown',
  ];
  return flags.filter((flag): flag is OccurrenceFlag => flag !== false);
}
