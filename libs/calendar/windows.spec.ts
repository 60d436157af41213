import fc from 'fast-check';
import type { CalendarWindow } from '#libs/contracts';
import {
  DAY,
  formatLocal,
  HORIZON,
  intervalsOf,
  MINUTE,
  occurrencesOf,
  parseLocal,
  parseRule,
  startsOf,
  tzdataVersion,
  WEEKDAYS,
  windowProblem,
} from '#libs/calendar';

/** Zones of every kind: half-hour shifts, shifts at midnight, across the date line, in Ramadan, in the south, and none at all. */
const ZONES = [
  'Europe/Zurich',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Africa/Casablanca',
  'America/Santiago',
  'Asia/Gaza',
  'Asia/Kathmandu',
  'Africa/Cairo',
];

/** The clock on the wall, asked anew for every minute, and by another way than the library's. */
const clocks = new Map<string, Intl.DateTimeFormat>();
function shownAt(zone: string, instant: number): number {
  const clock =
    clocks.get(zone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' });
  clocks.set(zone, clock);
  return Date.parse(`${clock.format(instant).replace(' ', 'T')}Z`);
}

/** Days in which clocks change, found hour by hour over three years; a plain day where they never do. */
function changes(zone: string): readonly number[] {
  const found: number[] = [];
  for (let at = Date.UTC(2025, 0, 1); at < Date.UTC(2028, 0, 1); at += 3_600_000)
    if (shownAt(zone, at + 3_600_000) - shownAt(zone, at) !== 3_600_000) found.push(at);
  return found.length > 0 ? found : [Date.UTC(2026, 2, 29)];
}

const around = ZONES.map((zone) => ({
  zone,
  minutes: changes(zone).map((at) => {
    const from = Math.floor((at - 30 * 3_600_000) / MINUTE) * MINUTE;
    return Array.from({ length: 60 * 60 }, (_, i) => ({ at: from + i * MINUTE, wall: shownAt(zone, from + i * MINUTE) }));
  }),
}));

/** Whether a window's wall-clock intervals hold a local time, by trying every day before it. */
function holds(window: CalendarWindow, wall: number): boolean {
  if (window.kind === 'one-off') return (parseLocal(window.start) ?? 0) <= wall && wall < (parseLocal(window.end) ?? 0);
  if (window.kind !== 'recurring') throw new Error('not asked here');
  const start = parseLocal(window.start) ?? 0;
  const [, freq, interval = '1', byDay] = /^FREQ=(DAILY|WEEKLY)(?:;INTERVAL=(\d+))?(?:;BYDAY=([A-Z,]+))?$/.exec(window.rule) ?? [];
  for (let at = start; at <= wall; at += DAY) {
    const days = Math.round((at - start) / DAY);
    const weekday = WEEKDAYS[(new Date(at).getUTCDay() + 6) % 7] ?? 'MO';
    const isOne = freq === 'DAILY' ? days % Number(interval) === 0 : (byDay ?? '').split(',').includes(weekday);
    if (isOne && wall < at + window.durationMinutes * MINUTE) return true;
  }
  return false;
}

const timeOfDay = fc.integer({ min: 0, max: 1439 });
const shortly = fc.oneof(fc.integer({ min: 1, max: 240 }), fc.integer({ min: 241, max: 3000 }));

describe('windows against the clock on the wall, minute by minute', () => {
  it.each(around)('hold in $zone exactly when the clock shows a time in them, where clocks change too', ({ zone, minutes }) => {
    fc.assert(
      fc.property(fc.nat(), timeOfDay, shortly, fc.nat(3), (seed, minute, durationMinutes, form) => {
        const span = minutes[seed % minutes.length] ?? [];
        const first = span[0]?.wall ?? 0;
        const start = formatLocal(Math.floor(first / DAY) * DAY - DAY + minute * MINUTE);
        const rule = ['FREQ=DAILY', 'FREQ=DAILY;INTERVAL=2', `FREQ=WEEKLY;BYDAY=${seed % 2 ? 'SU,FR' : 'SA,TH'}`][form];
        const window: CalendarWindow = rule
          ? { kind: 'recurring', start, durationMinutes, rule }
          : { kind: 'one-off', start, end: formatLocal((parseLocal(start) ?? 0) + (durationMinutes + 1440) * MINUTE) };
        const from = span[0]?.at ?? 0;
        const intervals = intervalsOf(window, zone, from, from + span.length * MINUTE);
        const wrong = span.filter(({ at, wall }) => intervals.some((i) => i.from <= at && at < i.until) !== holds(window, wall));
        expect({ window, wrong: wrong.slice(0, 3) }).toEqual({ window, wrong: [] });
      }),
      { numRuns: 15 },
    );
  });
});

describe('summer time', () => {
  const nightly: CalendarWindow = { kind: 'recurring', start: '2026-03-01T02:30', durationMinutes: 120, rule: 'FREQ=DAILY' };
  const on = (start: string, window: CalendarWindow = nightly, zone = 'Europe/Zurich') =>
    occurrencesOf(window, zone, Date.parse('2026-01-01T00:00Z'), Date.parse('2027-01-01T00:00Z')).find((o) => o.start === start);

  it('flags a start that the clocks skip, and lets it hold from the moment they have jumped', () => {
    expect(on('2026-03-29T02:30')).toEqual({
      start: '2026-03-29T02:30',
      end: '2026-03-29T04:30',
      instants: [{ from: '2026-03-29T01:00:00.000Z', until: '2026-03-29T02:30:00.000Z' }],
      flags: ['start-skipped'],
    });
    expect(on('2026-03-28T02:30')?.flags).toEqual([]);
  });

  it('flags one that the clocks never show, which does not hold at all', () => {
    const brief: CalendarWindow = { kind: 'one-off', start: '2026-03-29T02:10', end: '2026-03-29T02:50' };
    expect(on('2026-03-29T02:10', brief)).toMatchObject({ instants: [], flags: ['start-skipped', 'end-skipped', 'never-shown'] });
    expect(windowProblem(brief, 'Europe/Zurich')).toBeUndefined();
  });

  it('lets one hold twice where the clocks show it twice', () => {
    const repeated: CalendarWindow = { kind: 'one-off', start: '2026-10-25T02:15', end: '2026-10-25T02:45' };
    expect(on('2026-10-25T02:15', repeated)).toMatchObject({
      instants: [
        { from: '2026-10-25T00:15:00.000Z', until: '2026-10-25T00:45:00.000Z' },
        { from: '2026-10-25T01:15:00.000Z', until: '2026-10-25T01:45:00.000Z' },
      ],
      flags: ['start-repeated', 'end-repeated'],
    });
  });

  it('knows a day that a zone left out', () => {
    const day: CalendarWindow = { kind: 'one-off', start: '2011-12-30T00:00', end: '2011-12-31T00:00' };
    const [left] = occurrencesOf(day, 'Pacific/Apia', Date.parse('2011-12-01T00:00Z'), Date.parse('2012-01-02T00:00Z'));
    expect(left).toMatchObject({ instants: [], flags: expect.arrayContaining(['never-shown']) });
  });

  it('says with which edition of the database it reckons', () => {
    expect(tzdataVersion()).toMatch(/^(?:20\d\d[a-z]|icu-\d+)/);
  });
});

describe('recurrence', () => {
  const starts = (start: string, rule: string, until = '2028-01-01T00:00'): string[] => {
    const parsed = parseRule(rule);
    if (typeof parsed === 'string') throw new Error(parsed);
    return startsOf(parseLocal(start) ?? 0, parsed, parseLocal(start) ?? 0, parseLocal(until) ?? 0).map(formatLocal);
  };

  it.each([
    ['FREQ=MONTHLY;BYDAY=-1FR;COUNT=3', ['2026-01-30T18:00', '2026-02-27T18:00', '2026-03-27T18:00']],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2', ['2026-01-30T18:00', '2026-02-27T18:00']],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;UNTIL=20321231', ['2028-02-29T18:00', '2032-02-29T18:00']],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;UNTIL=20260131T235900', ['2026-01-02T18:00', '2026-01-16T18:00', '2026-01-30T18:00']],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', []],
  ])('%s', (rule, expected) => {
    expect(starts('2026-01-01T18:00', rule, '2033-01-01T00:00')).toEqual(expected);
  });

  it.each([
    'FREQ=SECONDLY',
    'FREQ=MINUTELY;INTERVAL=1',
    'FREQ=DAILY;BYHOUR=1,2;BYMINUTE=1,2',
    'FREQ=DAILY;BYSECOND=1',
    `FREQ=DAILY;BYMONTH=${'1,'.repeat(400)}1`,
    'FREQ=DAILY;COUNT=1;UNTIL=20270101',
    'FREQ=DAILY;COUNT=999999999999',
    'FREQ=DAILY;INTERVAL=0',
    'FREQ=DAILY;FREQ=WEEKLY',
    'FREQ=DAILY;UNTIL=20270101T000000Z',
    'FREQ=WEEKLY;BYDAY=1MO',
    'FREQ=DAILY;X-EVIL=1',
    'freq=daily',
    'RRULE:FREQ=DAILY',
    '',
  ])('refuses %j with a sentence', (rule) => {
    expect(parseRule(rule)).toMatch(/\w+ .*\./);
  });

  it('never throws, takes long or gives more than one start a day, whatever the rule', () => {
    const list = (most: number) => fc.array(fc.integer({ min: -most, max: most }), { minLength: 1, maxLength: 4 }).map((l) => l.join());
    const part = fc.oneof(
      fc.tuple(fc.constantFrom('BYMONTH'), list(13)),
      fc.tuple(fc.constantFrom('BYMONTHDAY'), list(32)),
      fc.tuple(fc.constantFrom('BYYEARDAY', 'BYSETPOS'), list(367)),
      fc.tuple(fc.constantFrom('BYWEEKNO'), list(54)),
      fc.tuple(fc.constantFrom('BYDAY'), fc.constantFrom('MO', 'MO,FR', '5SU', '-53SA')),
      fc.tuple(fc.constantFrom('INTERVAL', 'COUNT'), fc.integer({ min: 0, max: 1001 }).map(String)),
      fc.tuple(fc.constantFrom('BYHOUR', 'WKST'), fc.constantFrom('1', 'SU')),
    );
    fc.assert(
      fc.property(fc.constantFrom('DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY', 'SECONDLY'), fc.array(part, { maxLength: 4 }), (freq, parts) => {
        const rule = parseRule([`FREQ=${freq}`, ...parts.map(([n, v]) => `${n}=${v}`)].join(';'));
        if (typeof rule === 'string') return;
        const from = parseLocal('2020-01-01T12:00') ?? 0;
        const found = startsOf(from, rule, from, from + HORIZON);
        expect(found.every((at, i) => at % DAY === DAY / 2 && (i === 0 || at > (found[i - 1] ?? 0)))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('fiscal periods', () => {
  const closes = (fiscal: Partial<CalendarWindow>, from = '2026-01-01', until = '2027-12-31'): string[] =>
    occurrencesOf(
      { kind: 'fiscal', daysBefore: 2, daysAfter: 1, ...fiscal } as CalendarWindow,
      'UTC',
      Date.parse(`${from}T00:00Z`),
      Date.parse(`${until}T00:00Z`),
    ).map((o) => `${o.start}/${o.end}`);

  it('close with the quarters of a year of months, on every local midnight', () => {
    expect(closes({ fiscalYear: { pattern: 'months', firstMonth: 4 }, close: 'quarter' }, '2026-02-01', '2026-08-01')).toEqual([
      '2026-03-30T00:00/2026-04-02T00:00',
      '2026-06-29T00:00/2026-07-02T00:00',
    ]);
    expect(closes({ fiscalYear: { pattern: 'months', firstMonth: 1 }, close: 'year' }, '2026-02-01')).toEqual([
      '2026-12-30T00:00/2027-01-02T00:00',
      '2027-12-30T00:00/2028-01-02T00:00',
    ]);
  });

  it('close by weeks of 4-4-5, with the 53rd week in the last period', () => {
    // A retail year that ends on the Saturday nearest to the end of January: 2023 has 53 weeks and ends on 3 February 2024.
    const fiscalYear = { pattern: '4-4-5', endMonth: 1, endWeekday: 'SA', end: 'nearest' } as const;
    const years = closes({ fiscalYear, close: 'year' }, '2023-01-01', '2026-12-31').map((o) => o.slice(0, 10));
    expect(years).toEqual(['2023-01-27', '2024-02-02', '2025-01-31', '2026-01-30']);
    const periods = closes({ fiscalYear, close: 'period' }, '2023-02-01', '2024-02-05').map((o) => Date.parse(o.slice(0, 10)) / DAY / 7);
    expect(periods.slice(1).map((week, i) => week - (periods[i] ?? 0))).toEqual([4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 6]);
  });
});

describe('local times', () => {
  it.each(['2026-03-29T02:30Z', '2026-03-29T02:30+02:00', '2026-02-30T10:00', '2026-03-29 02:30', '1999-12-31T23:59', '2100-01-01T00:00'])(
    'refuse %s',
    (text) => {
      expect(parseLocal(text)).toBeUndefined();
    },
  );

  it.each(['+02:00', 'Nowhere/Land', '-05:00', 'GMT+2:00', ''])('refuse the zone %j', (zone) => {
    expect(windowProblem({ kind: 'one-off', start: '2026-01-01T00:00', end: '2026-01-02T00:00' }, zone)).toContain('IANA');
  });
});
