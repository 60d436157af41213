import type { CalendarScope, ChangeClass } from '#libs/contracts';
import { clip, DAY, subtract, union, type Interval } from './local-time.ts';
import type { CalendarInForce } from './versions.ts';
import { HORIZON, intervalsOf } from './windows.ts';

/** What a calendar is asked about. */
export interface ChangeTarget {
  readonly environment: string;
  readonly environmentClass?: string;
  readonly product?: string;
  /** Names of the release's artifacts. */
  readonly services: readonly string[];
  readonly changeClass: ChangeClass;
}

/** What closes, and until when as far as it alone is concerned. */
export interface Block {
  readonly calendarId: string;
  readonly version: number;
  readonly title: string;
  readonly kind: 'freeze' | 'window';
  /** ISO 8601, UTC; of a window: when it opens next, absent where it does not within 24 months. */
  readonly until?: string;
}

export interface Openness {
  readonly open: boolean;
  readonly blocks: readonly Block[];
  /** Titles of the allowed windows that are open now. */
  readonly windows: readonly string[];
}

/** Whether a calendar is about a change at all. */
export function inScope(scope: CalendarScope, target: Omit<ChangeTarget, 'changeClass'>): boolean {
  return (
    (scope.environmentClass === undefined || scope.environmentClass === target.environmentClass) &&
    (scope.environment === undefined || scope.environment === target.environment) &&
    (scope.product === undefined || scope.product === target.product) &&
    (scope.service === undefined || target.services.includes(scope.service))
  );
}

/** How narrow a scope is: a service counts more than a product, that more than an environment, that more than a class of environments. */
function narrowness(scope: CalendarScope): number {
  const { service, product, environment, environmentClass } = scope;
  return (service ? 8 : 0) + (product ? 4 : 0) + (environment ? 2 : 0) + (environmentClass ? 1 : 0);
}

/** The calendars that bind a change. */
function binding(calendars: readonly CalendarInForce[], target: ChangeTarget): readonly CalendarInForce[] {
  // Whatever a calendar says: no freeze traps a rollback or an emergency fix.
  if (target.changeClass === 'rollback' || target.changeClass === 'emergency') return [];
  return calendars.filter((c) => inScope(c.scope, target) && !c.passes.includes(target.changeClass));
}

function isInForce(calendar: CalendarInForce, at: number): boolean {
  return Date.parse(calendar.from) <= at && (calendar.until === undefined || at < Date.parse(calendar.until));
}

/** The allowed windows that decide: those of the narrowest scope that has any; among equals one that is open is enough. */
function deciding(windows: readonly CalendarInForce[]): readonly CalendarInForce[] {
  const narrowest = Math.max(...windows.map((w) => narrowness(w.scope)));
  return windows.filter((w) => narrowness(w.scope) === narrowest);
}

/**
 * Whether a change may go now. Any freeze that binds it closes, whatever allows; without a freeze it is open, unless allowed windows bind
 * it: then one of those that decide must be open. Pure but for the edition of the time zone database.
 *
 * @param at milliseconds since 1970; the server's time
 */
export function opennessAt(calendars: readonly CalendarInForce[], target: ChangeTarget, at: number): Openness {
  const bound = binding(calendars, target).filter((c) => isInForce(c, at));
  const blocks = bound.filter((c) => c.kind === 'freeze').flatMap((c) => blockOf(c, heldUntil(c, at)));
  const windows = bound.filter((c) => c.kind === 'window');
  const open = windows.length > 0 ? deciding(windows).filter((c) => heldUntil(c, at) !== undefined) : [];
  const shut = windows.length > 0 && open.length === 0 ? deciding(windows) : [];
  const all = [...blocks, ...shut.map((c): Block => ({ ...identityOf(c), ...untilOf(nextStart(c, at)) }))];
  return { open: all.length === 0, blocks: all, windows: open.map((c) => c.title) };
}

/** The first moment from `after` on (inclusive, milliseconds) at which a change may go; undefined where there is none within 24 months. */
export function nextOpen(calendars: readonly CalendarInForce[], target: ChangeTarget, after: number): number | undefined {
  const bound = binding(calendars, target);
  const end = after + HORIZON;
  const edges = bound.flatMap((c) => [Date.parse(c.from), ...(c.until === undefined ? [] : [Date.parse(c.until)])]);
  // Cut where another version begins to count, and into months, so that what is near is not reckoned with what is far.
  const cuts = [...edges, ...Array.from({ length: Math.ceil(HORIZON / (31 * DAY)) }, (_, i) => after + i * 31 * DAY), end]
    .filter((cut) => cut >= after && cut <= end)
    .sort((a, b) => a - b);
  for (const [i, from] of cuts.entries()) {
    const until = cuts[i + 1];
    if (until === undefined || until <= from) continue;
    const [first] = openBetween(
      bound.filter((c) => isInForce(c, from)),
      from,
      until,
    );
    if (first) return first.from;
  }
  return undefined;
}

/** A calendar that closes a change for a part of a time, half-open, milliseconds. */
export interface Closure extends Omit<Block, 'until'>, Interval {}

/**
 * Every part of a time that is closed to a change, by the calendar that closes it: an instant in it is open by `opennessAt` iff no
 * closure holds it. Half-open, milliseconds; in the order of the calendars and of time.
 */
export function closedBetween(
  calendars: readonly CalendarInForce[],
  target: ChangeTarget,
  from: number,
  until: number,
): readonly Closure[] {
  const bound = binding(calendars, target);
  const edges = bound.flatMap((c) => [Date.parse(c.from), ...(c.until === undefined ? [] : [Date.parse(c.until)])]);
  const cuts = [...new Set([from, until, ...edges])].filter((cut) => cut >= from && cut <= until).sort((a, b) => a - b);
  const found = cuts.slice(0, -1).flatMap((begin, i): Closure[] => {
    const part = { from: begin, until: cuts[i + 1] ?? until };
    const counting = bound.filter((c) => isInForce(c, begin));
    const held = (c: CalendarInForce): readonly Interval[] => intervalsOf(c.window, c.zone, part.from, part.until);
    const freezes = counting.filter((c) => c.kind === 'freeze').flatMap((c) => held(c).map((h) => ({ ...identityOf(c), ...h })));
    const windows = deciding(counting.filter((c) => c.kind === 'window'));
    const shut = windows.length > 0 ? subtract([part], union(windows.flatMap(held))) : [];
    return [...freezes, ...windows.flatMap((c) => shut.map((s) => ({ ...identityOf(c), ...s })))];
  });
  return bound.flatMap((c) => {
    const own = found.filter((f) => f.calendarId === c.calendarId && f.version === c.version);
    return union(own).map((interval) => ({ ...identityOf(c), ...interval }));
  });
}

/** When it is open between two instants while the same calendars count. */
function openBetween(bound: readonly CalendarInForce[], from: number, until: number): readonly Interval[] {
  const held = (calendars: readonly CalendarInForce[]): readonly Interval[] =>
    union(calendars.flatMap((c) => intervalsOf(c.window, c.zone, from, until)));
  const windows = bound.filter((c) => c.kind === 'window');
  const allowed = windows.length > 0 ? held(deciding(windows)) : [{ from, until }];
  return subtract(allowed, held(bound.filter((c) => c.kind === 'freeze')));
}

/** The end of what holds at a moment; undefined where nothing does. */
function heldUntil(calendar: CalendarInForce, at: number): number | undefined {
  const { window, zone } = calendar;
  // Milliseconds are the grain of the server's time.
  if (intervalsOf(window, zone, at, at + 1).length === 0) return undefined;
  const inForceUntil = calendar.until === undefined ? Infinity : Date.parse(calendar.until);
  let end = at + 1;
  for (const days of [3, 32, 400, 731]) {
    end = intervalsOf(window, zone, at, at + days * DAY)[0]?.until ?? end;
    if (end < at + days * DAY) break;
  }
  return Math.min(end, inForceUntil);
}

function nextStart(calendar: CalendarInForce, at: number): number | undefined {
  for (const days of [32, 731]) {
    const [first] = clip(intervalsOf(calendar.window, calendar.zone, at, at + days * DAY), at, Infinity);
    if (first) return first.from;
  }
  return undefined;
}

function blockOf(calendar: CalendarInForce, until: number | undefined): readonly Block[] {
  return until === undefined ? [] : [{ ...identityOf(calendar), ...untilOf(until) }];
}

function identityOf({ calendarId, version, title, kind }: CalendarInForce): Omit<Block, 'until'> {
  return { calendarId, version, title, kind };
}

function untilOf(until: number | undefined): { until?: string } {
  return until === undefined ? {} : { until: new Date(until).toISOString() };
}
