import type { CalendarVersion } from '#libs/calendar';
import type { CalendarEvent } from '#libs/contracts';
import { own, unknownEvent, type Aggregate } from '#libs/event-sourcing';

/**
 * All calendars of the organisation, each with its versions in their order. One stream for all: what a decision read of them is one
 * revision, and a freeze that is declared meanwhile is a higher one.
 */
export interface Calendars {
  readonly calendars: Readonly<Record<string, readonly CalendarVersion[]>>;
}

export const calendars: Aggregate<Calendars, CalendarEvent> = {
  category: 'calendar',
  initial: { calendars: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'CalendarDeclared':
      case 'CalendarChanged': {
        const { calendarId, version, effectiveFrom, title, kind, scope, zone, window, passes } = event.data;
        return withVersion(state, { calendarId, version, effectiveFrom, contents: { title, kind, scope, zone, window, passes } });
      }
      case 'CalendarWithdrawn': {
        const { calendarId, version, effectiveFrom } = event.data;
        return withVersion(state, { calendarId, version, effectiveFrom });
      }
      default:
        return unknownEvent(event);
    }
  },
};

function withVersion({ calendars: known }: Calendars, version: CalendarVersion): Calendars {
  return { calendars: { ...known, [version.calendarId]: [...(own(known, version.calendarId) ?? []), version] } };
}
