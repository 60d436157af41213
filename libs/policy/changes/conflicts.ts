import { closedBetween, type CalendarInForce, type ChangeTarget } from '#libs/calendar';
import type { ChangeConflict, PlannedWindow, ScheduledChange } from '#libs/contracts';
import { isHopeless, type Dependency } from './dependencies.ts';

export interface ConflictAsked {
  readonly own: ScheduledChange;
  /** Other changes for the same environment; the own one among them does not count. */
  readonly others: readonly ScheduledChange[];
  /** Changes that have to be done before; `done` where they are. Without a window nobody has planned it. */
  readonly dependsOn: readonly Dependency[];
  readonly calendars: readonly CalendarInForce[];
  readonly target: ChangeTarget;
  /** More than so many at one time are a conflict. */
  readonly capacity?: { readonly boardId: string; readonly maxConcurrent: number };
}

/**
 * Everything that gets in the way of a change in its planned window, sorted by kind and what it is with. Pure; between two changes it is
 * mutual: what is in the way of one is in the way of the other.
 */
export function findConflicts(asked: ConflictAsked): readonly ChangeConflict[] {
  const { own } = asked;
  const others = asked.others.filter((other) => other.changeId !== own.changeId && overlap(own.window, other.window) !== undefined);
  const found = [
    ...others.flatMap((other) => between(own, other)),
    ...asked.dependsOn.flatMap((other) => inOrder(own, other)),
    ...closures(asked),
    ...overCapacity(own, others, asked.capacity),
  ];
  return found.sort((a, b) => (`${a.kind} ${a.with} ${a.from}` < `${b.kind} ${b.with} ${b.from}` ? -1 : 1));
}

/** Conflicts now that are not among those known before: of another kind, or with another change or calendar. */
export function newConflicts(now: readonly ChangeConflict[], before: readonly ChangeConflict[]): readonly ChangeConflict[] {
  return now.filter((c) => !before.some((known) => known.kind === c.kind && known.with === c.with));
}

function between(own: ScheduledChange, other: ScheduledChange): readonly ChangeConflict[] {
  const shared = overlap(own.window, other.window);
  if (!shared) return [];
  const both = own.artifacts.flatMap((a) => other.artifacts.filter((b) => b.name === a.name).map((b) => ({ a, b })));
  const replaced = names(both.filter(({ a, b }) => a.digest !== b.digest));
  const same = names(both.filter(({ a, b }) => a.digest === b.digest));
  const conflict = (kind: ChangeConflict['kind'], detail: string): ChangeConflict => ({ kind, with: other.changeId, detail, ...shared });
  return [
    ...(replaced ? [conflict('dependency', `Change ${other.changeId} puts other contents of ${replaced} in place at that time.`)] : []),
    ...(same ? [conflict('service', `Change ${other.changeId} deploys ${same} at that time, too.`)] : []),
    ...(both.length === 0 && own.product === other.product
      ? [conflict('product', `Change ${other.changeId} changes ${own.product} at that time, too.`)]
      : []),
  ];
}

function names(pairs: readonly { readonly a: { readonly name: string } }[]): string {
  return [...new Set(pairs.map(({ a }) => a.name))].sort().join(', ');
}

function inOrder(own: ScheduledChange, { changeId, done, window, status }: Dependency): readonly ChangeConflict[] {
  if (done || (window && window.until <= own.window.from)) return [];
  const detail = window
    ? `It depends on change ${changeId}, which is planned until ${window.until}.`
    : status && isHopeless(status)
      ? `It depends on change ${changeId}, which was ${status === 'rolled-back' ? 'rolled back' : status}.`
      : `It depends on change ${changeId}, which is not planned for any time.`;
  return [{ kind: 'dependency', with: changeId, detail, ...own.window }];
}

function closures({ calendars, target, own }: ConflictAsked): readonly ChangeConflict[] {
  const [from, until] = [Date.parse(own.window.from), Date.parse(own.window.until)];
  return closedBetween(calendars, target, from, until).map((c) => ({
    kind: c.kind,
    with: c.calendarId,
    detail:
      c.kind === 'freeze'
        ? `The freeze ${c.title} (version ${c.version}) holds then.`
        : `The allowed window ${c.title} (version ${c.version}) is not open then.`,
    from: new Date(c.from).toISOString(),
    until: new Date(c.until).toISOString(),
  }));
}

/** The most that go on at one time are found where one begins. */
function overCapacity(
  own: ScheduledChange,
  others: readonly ScheduledChange[],
  capacity: ConflictAsked['capacity'],
): readonly ChangeConflict[] {
  if (!capacity) return [];
  const begins = [own, ...others].map((c) => (c.window.from > own.window.from ? c.window.from : own.window.from));
  const most = Math.max(...begins.map((at) => 1 + others.filter((o) => o.window.from <= at && at < o.window.until).length));
  if (most <= capacity.maxConcurrent) return [];
  const detail = `${most} changes are planned for one time; board ${capacity.boardId} has room for ${capacity.maxConcurrent}.`;
  return [{ kind: 'capacity', with: capacity.boardId, detail, ...own.window }];
}

function overlap(a: PlannedWindow, b: PlannedWindow): PlannedWindow | undefined {
  const from = a.from > b.from ? a.from : b.from;
  const until = a.until < b.until ? a.until : b.until;
  return from < until ? { from, until } : undefined;
}
