import type { DomainEvent } from '#libs/event-sourcing';
import type { PlannedChangeClass } from './values.ts';

/** How a change is treated by gates and calendars (M7.5). Rollbacks and emergency fixes are classes of their own: no freeze traps them. */
export type ChangeClass = PlannedChangeClass | 'rollback';

/** What a calendar is about; every member named must hold, and none at all is the whole organisation. */
export interface CalendarScope {
  readonly environmentClass?: string;
  readonly environment?: string;
  readonly product?: string;
  /** Name of an artifact of the release. */
  readonly service?: string;
}

export type Weekday = 'MO' | 'TU' | 'WE' | 'TH' | 'FR' | 'SA' | 'SU';

/** Fiscal years of whole months, or of 52 and 53 weeks in quarters of three periods. */
export type FiscalYear =
  | { readonly pattern: 'months'; readonly firstMonth: number }
  | {
      readonly pattern: '4-4-5' | '4-5-4' | '5-4-4';
      /** The year ends on the last such weekday in this month (1 to 12), or on the one nearest to the month's end. */
      readonly endMonth: number;
      readonly endWeekday: Weekday;
      readonly end: 'last' | 'nearest';
    };

/** When a calendar holds: half-open intervals of the wall clock of its zone. Local times are `YYYY-MM-DDTHH:mm`, without any offset. */
export type CalendarWindow =
  | { readonly kind: 'one-off'; readonly start: string; readonly end: string }
  | {
      readonly kind: 'recurring';
      /** DTSTART of RFC 5545: the time of day of every occurrence. */
      readonly start: string;
      readonly durationMinutes: number;
      /** RRULE of RFC 5545 without parts below the day. */
      readonly rule: string;
      /** Starts that are left out (EXDATE). */
      readonly except?: readonly string[];
    }
  | {
      readonly kind: 'fiscal';
      readonly fiscalYear: FiscalYear;
      readonly close: 'period' | 'quarter' | 'year';
      /** Whole local days before and after the midnight that ends the period. */
      readonly daysBefore: number;
      readonly daysAfter: number;
    };

/** A calendar as one of its versions says. */
export interface CalendarContents {
  readonly title: string;
  /** A freeze closes while it holds; an allowed window closes while it does not. */
  readonly kind: 'freeze' | 'window';
  readonly scope: CalendarScope;
  /** IANA time zone. */
  readonly zone: string;
  readonly window: CalendarWindow;
  /** Classes of change that it does not bind; `emergency` and `rollback` always. */
  readonly passes: readonly ChangeClass[];
}

interface OfCalendar {
  readonly calendarId: string;
  /** 1-based and dense in each calendar. */
  readonly version: number;
  /** ISO 8601, UTC: from then on this version counts, until a higher one does. Never before it was recorded. */
  readonly effectiveFrom: string;
}

type Versioned = OfCalendar &
  CalendarContents & {
    /** Edition of the time zone database that it was checked with, such as `2025c`. */
    readonly tzdata: string;
  };

/** All calendars of an organisation are one stream: what a decision read of them is one `stream@revision`. */
export type CalendarEvent =
  | DomainEvent<'CalendarDeclared', Versioned & { readonly justification: string }>
  | DomainEvent<'CalendarChanged', Versioned & { readonly justification: string }>
  | DomainEvent<'CalendarWithdrawn', OfCalendar & { readonly justification: string }>;

/** The one organisation that there is. */
export const ORGANISATION = 'organisation';
