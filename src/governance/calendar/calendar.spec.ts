import type { CalendarEvent, CalendarWindow } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { calendars } from './calendar.ts';
import {
  changeCalendar,
  ChangeCalendar,
  declareCalendar,
  DeclareCalendar,
  MOST_CALENDARS,
  withdrawCalendar,
  WithdrawCalendar,
} from './declare-calendar.ts';

const organisation = scenario(calendars);
const NOW = '2026-03-02T10:00:00.000Z';
const facts = { tzdata: '2025c' };
const window: CalendarWindow = { kind: 'one-off', start: '2026-12-20T18:00', end: '2027-01-04T06:00' };
const fields = {
  calendarId: 'year-end',
  title: 'Year end',
  kind: 'freeze' as const,
  scope: { environmentClass: 'production' },
  zone: 'Europe/Zurich',
  window,
  justification: 'The books are closed.',
};
const declare = (more: Partial<DeclareCalendar> = {}) => issued(DeclareCalendar, { ...fields, ...more }, 'organisation');
const change = (more: Partial<ChangeCalendar> = {}) => issued(ChangeCalendar, { ...fields, ...more }, 'organisation');
const withdraw = (more: Partial<WithdrawCalendar> = {}) =>
  issued(WithdrawCalendar, { calendarId: 'year-end', justification: 'Not this year.', ...more }, 'organisation');
const declared: CalendarEvent = {
  type: 'CalendarDeclared',
  data: { ...fields, version: 1, effectiveFrom: NOW, passes: ['emergency', 'rollback'], tzdata: '2025c' },
};
const withdrawn: CalendarEvent = {
  type: 'CalendarWithdrawn',
  data: { calendarId: 'year-end', version: 2, effectiveFrom: NOW, justification: 'Not this year.' },
};

describe('declaring a calendar', () => {
  it('counts from now on, with the edition of the zone database, and lets emergencies and rollbacks pass', () => {
    organisation.given().when(declareCalendar, declare(), facts).then(declared);
  });

  it('is nothing new the second time', () => {
    organisation
      .given(declared)
      .when(declareCalendar, declare({ passes: ['rollback'] }), facts)
      .thenNothing();
  });

  it('refuses to say something else under the same name', () => {
    organisation
      .given(declared)
      .when(declareCalendar, declare({ title: 'Another' }), facts)
      .thenRefused('calendar-exists');
  });

  it('takes a name again that was withdrawn, as its next version', () => {
    expect(organisation.given(declared, withdrawn).when(declareCalendar, declare(), facts).decision).toMatchObject([
      { data: { version: 3 } },
    ]);
  });

  it('may count later, and never before it was on record', () => {
    expect(
      organisation.given().when(declareCalendar, declare({ effectiveFrom: '2026-04-01T00:00:00+02:00' }), facts).decision,
    ).toMatchObject([{ data: { effectiveFrom: '2026-03-31T22:00:00.000Z' } }]);
    organisation
      .given()
      .when(declareCalendar, declare({ effectiveFrom: '2026-03-02T09:59:59.999Z' }), facts)
      .thenRefused('effective-in-the-past');
  });

  it.each<[string, Partial<DeclareCalendar>, string]>([
    ['has an offset for a zone', { zone: '+02:00' }, 'window-invalid'],
    [
      'recurs every second',
      { window: { kind: 'recurring', start: '2026-03-02T10:00', durationMinutes: 1, rule: 'FREQ=SECONDLY' } },
      'window-invalid',
    ],
    ['ends when it starts', { window: { kind: 'one-off', start: '2026-03-03T10:00', end: '2026-03-03T10:00' } }, 'window-invalid'],
    ['lacks what its kind needs', { window: { kind: 'recurring', start: '2026-03-03T10:00' } }, 'window-invalid'],
    ['has what its kind does not know', { window: { ...window, rule: 'FREQ=DAILY' } }, 'window-invalid'],
    [
      'lacks what its fiscal year needs',
      { window: { kind: 'fiscal', fiscalYear: { pattern: '4-4-5' }, close: 'year', daysBefore: 1, daysAfter: 0 } },
      'window-invalid',
    ],
    ['is over', { window: { kind: 'one-off', start: '2026-02-01T10:00', end: '2026-02-03T10:00' } }, 'calendar-never-holds'],
    [
      'is never shown by the clocks',
      { window: { kind: 'one-off', start: '2026-03-29T02:10', end: '2026-03-29T02:50' } },
      'calendar-never-holds',
    ],
    ['binds nothing', { passes: ['normal', 'standard'] }, 'calendar-binds-nothing'],
  ])('refuses one that %s', (_what, more, type) => {
    expect(organisation.given().when(declareCalendar, declare(more), facts).thenRefused(type).detail).toMatch(/\w+ .*\./);
  });

  it.each<[string, CalendarWindow]>([
    ['every Friday night', { kind: 'recurring', start: '2026-03-06T18:00', durationMinutes: 3600, rule: 'FREQ=WEEKLY;BYDAY=FR' }],
    ['every 29 February', { kind: 'recurring', start: '2028-02-29T00:00', durationMinutes: 1440, rule: 'FREQ=YEARLY' }],
    [
      'each quarter close',
      { kind: 'fiscal', fiscalYear: { pattern: 'months', firstMonth: 1 }, close: 'quarter', daysBefore: 3, daysAfter: 2 },
    ],
  ])('takes one for %s', (_what, taken) => {
    expect(organisation.given().when(declareCalendar, declare({ window: taken }), facts).decision).toMatchObject([
      { data: { window: taken } },
    ]);
  });

  it('refuses more than every decision should read', () => {
    const many = Array.from(
      { length: MOST_CALENDARS },
      (_, i): CalendarEvent => ({ ...declared, data: { ...declared.data, calendarId: `c${i}` } }) as CalendarEvent,
    );
    organisation
      .given(...many)
      .when(declareCalendar, declare(), facts)
      .thenRefused('too-many-calendars');
    expect(organisation.given(...many.slice(1)).when(declareCalendar, declare(), facts).decision).toHaveLength(1);
  });
});

describe('changing a calendar', () => {
  it('gives it the next version, once', () => {
    const later = change({ title: 'Longer', window: { ...window, end: '2027-01-11T06:00' } });
    const changed = organisation.given(declared).when(changeCalendar, later, facts).decision as CalendarEvent[];
    expect(changed).toMatchObject([{ type: 'CalendarChanged', data: { version: 2, title: 'Longer' } }]);
    organisation
      .given(declared, ...changed)
      .when(changeCalendar, later, facts)
      .thenNothing();
  });

  it('refuses one that is not there, or not any more', () => {
    organisation.given().when(changeCalendar, change(), facts).thenRefused('calendar-unknown');
    organisation.given(declared, withdrawn).when(changeCalendar, change(), facts).thenRefused('calendar-unknown');
    organisation
      .given(declared)
      .when(changeCalendar, change({ calendarId: 'constructor' }), facts)
      .thenRefused('calendar-unknown');
  });
});

describe('withdrawing a calendar', () => {
  it('ends it, once', () => {
    organisation.given(declared).when(withdrawCalendar, withdraw()).then(withdrawn);
    organisation.given(declared, withdrawn).when(withdrawCalendar, withdraw()).thenNothing();
  });

  it('refuses one that never was, and a date that has passed', () => {
    organisation.given().when(withdrawCalendar, withdraw()).thenRefused('calendar-unknown');
    organisation
      .given(declared)
      .when(withdrawCalendar, withdraw({ effectiveFrom: '2026-03-01T00:00:00Z' }))
      .thenRefused('effective-in-the-past');
  });
});
