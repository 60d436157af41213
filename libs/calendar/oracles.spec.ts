import fc from 'fast-check';
import {
  DAY,
  formatLocal,
  intervalsOf,
  MINUTE,
  nextOpen,
  opennessAt,
  parseLocal,
  WEEKDAYS,
  type CalendarInForce,
  type ChangeTarget,
} from '#libs/calendar';
import type { CalendarWindow, ChangeClass } from '#libs/contracts';

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

describe('what is open next', () => {
  const at = (text: string): number => Date.parse(text);
  const target = (changeClass: ChangeClass = 'normal', more: Partial<ChangeTarget> = {}): ChangeTarget => ({
    environment: 'production',
    environmentClass: 'production',
    product: 'shop',
    services: ['api'],
    changeClass,
    ...more,
  });
  const calendar = (calendarId: string, contents: Partial<CalendarInForce>): CalendarInForce => ({
    calendarId,
    version: 1,
    title: calendarId,
    kind: 'freeze',
    scope: {},
    zone: 'Europe/Zurich',
    window: { kind: 'one-off', start: '2026-12-20T18:00', end: '2027-01-04T06:00' },
    passes: ['emergency', 'rollback'],
    from: '2026-01-01T00:00:00.000Z',
    ...contents,
  });
  it('next open is open, and nothing before it is', () => {
    const window = fc.record({
      kind: fc.constantFrom<'freeze' | 'window'>('freeze', 'window'),
      start: fc.integer({ min: 0, max: 1439 }),
      durationMinutes: fc.integer({ min: 30, max: 6000 }),
      rule: fc.constantFrom('FREQ=DAILY;INTERVAL=3', 'FREQ=WEEKLY;BYDAY=MO,FR', 'FREQ=MONTHLY;BYDAY=-1SU'),
      zone: fc.constantFrom('Europe/Zurich', 'Australia/Lord_Howe', 'America/Santiago'),
      product: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(window, { minLength: 1, maxLength: 4 }), fc.integer({ min: 0, max: 730 * 24 }), (windows, hour) => {
        const calendars = windows.map(({ kind, start, durationMinutes, rule, zone, product }, i) =>
          calendar(`c${i}`, {
            kind,
            zone,
            scope: product ? { product: 'shop' } : {},
            window: {
              kind: 'recurring',
              start: new Date(at('2026-01-01T00:00Z') + start * 60_000).toISOString().slice(0, 16),
              durationMinutes,
              rule,
            },
          }),
        );
        const after = at('2026-01-05T00:00Z') + hour * 3_600_000;
        const next = nextOpen(calendars, target(), after);
        const isOpen = (when: number): boolean => opennessAt(calendars, target(), when).open;
        if (next !== undefined) expect(isOpen(next)).toBe(true);
        const until = Math.min(next ?? Infinity, after + 60 * DAY);
        // Every minute of the first hours, and then some of every day.
        for (let when = after; when < until; when += when - after < 6 * 3_600_000 ? 10 * 60_000 : 5 * 3_600_000)
          expect(isOpen(when)).toBe(false);
        if (next !== undefined && next > after) expect(isOpen(next - 1)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });
});
