import { Matches } from 'class-validator';
import { HORIZON, intervalsOf, tzdataVersion } from '#libs/calendar';
import type { CalendarContents, CalendarEvent } from '#libs/contracts';
import { defineCommand, own, refuse, type Decision, type Issued, type Refusal } from '#libs/event-sourcing';
import { hashOf } from '#libs/policy';
import { CalendarFields, contentsOf, JustifiedFields } from './calendar-fields.ts';
import { calendars, type Calendars } from './calendar.ts';

/** So many calendars may count at once: every decision reads them all. */
export const MOST_CALENDARS = 200;
const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

export class DeclareCalendar extends CalendarFields {
  @Matches(SLUG, { message: 'calendarId must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) calendarId: string;
}

export class ChangeCalendar extends CalendarFields {
  /** From the path. */
  calendarId: string;
}

export class WithdrawCalendar extends JustifiedFields {
  /** From the path. */
  calendarId: string;
}

export interface CalendarFacts {
  /** Edition of the time zone database at hand. */
  readonly tzdata: string;
}

/** A calendar that is there is changed or withdrawn, not declared again. */
export function declareCalendar(command: Issued<DeclareCalendar>, state: Calendars, facts: CalendarFacts): Decision<CalendarEvent> {
  const { calendarId, justification } = command;
  const current = newest(state, calendarId);
  const prepared = prepare(command, command.meta.now);
  if ('refused' in prepared) return prepared;
  if (current && hashOf(current) === hashOf(prepared.contents)) return [];
  if (current)
    return refuse('conflict', 'calendar-exists', `There is a calendar ${calendarId} that says something else: change it instead.`);
  if (Object.keys(state.calendars).filter((id) => newest(state, id)).length >= MOST_CALENDARS) {
    return refuse('limit', 'too-many-calendars', `There are ${MOST_CALENDARS} calendars: withdraw one that is not needed any more.`);
  }
  const { contents, effectiveFrom } = prepared;
  return [
    {
      type: 'CalendarDeclared',
      data: { calendarId, version: nextVersion(state, calendarId), effectiveFrom, ...contents, tzdata: facts.tzdata, justification },
    },
  ];
}

/** What it said before stays on record, and counts for what was decided before. */
export function changeCalendar(command: Issued<ChangeCalendar>, state: Calendars, facts: CalendarFacts): Decision<CalendarEvent> {
  const { calendarId, justification } = command;
  const current = newest(state, calendarId);
  if (!current) return unknownCalendar(calendarId);
  const prepared = prepare(command, command.meta.now);
  if ('refused' in prepared) return prepared;
  const { contents, effectiveFrom } = prepared;
  if (hashOf(current) === hashOf(contents)) return [];
  return [
    {
      type: 'CalendarChanged',
      data: { calendarId, version: nextVersion(state, calendarId), effectiveFrom, ...contents, tzdata: facts.tzdata, justification },
    },
  ];
}

export function withdrawCalendar(command: Issued<WithdrawCalendar>, state: Calendars): Decision<CalendarEvent> {
  const { calendarId, justification, meta } = command;
  if (!own(state.calendars, calendarId)) return unknownCalendar(calendarId);
  if (!newest(state, calendarId)) return [];
  const effectiveFrom = effectiveOf(command, meta.now);
  if (typeof effectiveFrom !== 'string') return effectiveFrom;
  return [{ type: 'CalendarWithdrawn', data: { calendarId, version: nextVersion(state, calendarId), effectiveFrom, justification } }];
}

/** What the newest version says; undefined where there is none or it is a withdrawal. */
function newest(state: Calendars, calendarId: string): CalendarContents | undefined {
  return own(state.calendars, calendarId)?.at(-1)?.contents;
}

function nextVersion(state: Calendars, calendarId: string): number {
  return (own(state.calendars, calendarId)?.length ?? 0) + 1;
}

function prepare(fields: CalendarFields, now: string): { contents: CalendarContents; effectiveFrom: string } | Refusal {
  const contents = contentsOf(fields);
  if ('refused' in contents) return contents;
  const effectiveFrom = effectiveOf(fields, now);
  if (typeof effectiveFrom !== 'string') return effectiveFrom;
  const from = Date.parse(effectiveFrom);
  // Nine years hold a 29 February whatever the year.
  const holds = [HORIZON, 9 * 366 * 86_400_000].some((span) => intervalsOf(contents.window, contents.zone, from, from + span).length > 0);
  if (!holds)
    return refuse(
      'meaning',
      'calendar-never-holds',
      `Nothing in this window is ever shown by the clocks of ${contents.zone} after ${effectiveFrom}.`,
    );
  return { contents, effectiveFrom };
}

/** Nothing counts before it was on record. */
function effectiveOf({ effectiveFrom }: JustifiedFields, now: string): string | Refusal {
  if (effectiveFrom === undefined) return now;
  const at = new Date(effectiveFrom);
  if (Number.isNaN(at.getTime()) || at.getTime() > Date.UTC(2099, 0))
    return refuse('meaning', 'effective-from-invalid', 'effectiveFrom must be an instant before the year 2099.');
  if (at.toISOString() < now)
    return refuse('meaning', 'effective-in-the-past', `effectiveFrom ${at.toISOString()} is before now, ${now}: nothing is back-dated.`);
  return at.toISOString();
}

function unknownCalendar(calendarId: string): Refusal {
  return refuse('not-found', 'calendar-unknown', `There is no calendar ${calendarId}.`);
}

const governed = (command: { readonly calendarId: string }): Readonly<Record<string, string>> => ({ calendarId: command.calendarId });
const facts = async (): Promise<CalendarFacts> => ({ tzdata: tzdataVersion() });

export const declareCalendarCommand = defineCommand({
  type: DeclareCalendar,
  personal: ['justification'],
  aggregate: calendars,
  decide: declareCalendar,
  facts,
  governed,
});
export const changeCalendarCommand = defineCommand({
  type: ChangeCalendar,
  personal: ['justification'],
  aggregate: calendars,
  decide: changeCalendar,
  facts,
  governed,
});
export const withdrawCalendarCommand = defineCommand({
  type: WithdrawCalendar,
  personal: ['justification'],
  aggregate: calendars,
  decide: withdrawCalendar,
  governed,
});
