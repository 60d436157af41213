import fc from 'fast-check';
import { checkAll, evaluateExpression } from './evaluate.ts';

/** What an expression finds a part of a time to be. */
const part = (name: string, now: string, zone?: string): number | undefined => {
  const call = `now.${name}(${zone === undefined ? '' : JSON.stringify(zone)})`;
  return Array.from({ length: 367 }, (_, i) => i).find((i) => evaluateExpression(`${call} == ${i}`, { now }, false).verdict === 'pass');
};
const holds = (text: string, now: string): boolean => evaluateExpression(text, { now }, false).verdict === 'pass';

describe('the clock of expressions', () => {
  it('begins the day at midnight: Sunday is Sunday in its first hour', () => {
    // 8 March 2026 is a Sunday, which CEL counts as day 0 of the week.
    const weekdays = 'now.getDayOfWeek("Europe/Zurich") in [1, 2, 3, 4, 5]';
    expect(holds(weekdays, '2026-03-06T22:59:59.999Z')).toBe(true);
    expect(holds(weekdays, '2026-03-07T23:00:00.000Z')).toBe(false);
    expect(holds(weekdays, '2026-03-07T23:59:59.999Z')).toBe(false);
    expect(holds(weekdays, '2026-03-08T22:59:59.999Z')).toBe(false);
    expect(holds(weekdays, '2026-03-08T23:00:00.000Z')).toBe(true);
    expect(evaluateExpression('now.getDayOfWeek("America/New_York") == 1', { now: '2026-03-07T10:15:30.000Z' })).toEqual({
      verdict: 'fail',
      opensAt: '2026-03-09T04:00:00.000Z',
    });
  });

  it.each<[string, string, readonly (string | number)[], string | undefined]>([
    // year, month, date, day of the month, of the week and of the year, hours, minutes, seconds: months and days of CEL begin at 0, dates at 1
    ['the first second of a year', '2026-01-01T00:00:00.000Z', [2026, 0, 1, 0, 4, 0, 0, 0, 0], undefined],
    ['the last of one', '2025-12-31T23:59:59.999Z', [2025, 11, 31, 30, 3, 364, 23, 59, 59], undefined],
    ['the same in UTC', '2025-12-31T23:59:59.999Z', [2025, 11, 31, 30, 3, 364, 23, 59, 59], 'UTC'],
    ['a new year that begins earlier', '2025-12-31T23:00:00.000Z', [2026, 0, 1, 0, 4, 0, 0, 0, 0], 'Europe/Zurich'],
    ['an old one that goes on', '2026-01-01T04:59:59.000Z', [2025, 11, 31, 30, 3, 364, 23, 59, 59], 'America/New_York'],
    ['midnight of a day', '2026-03-08T05:00:00.000Z', [2026, 2, 8, 7, 0, 66, 0, 0, 0], 'America/New_York'],
    ['the second before the gap', '2026-03-29T00:59:59.000Z', [2026, 2, 29, 28, 0, 87, 1, 59, 59], 'Europe/Zurich'],
    ['the second after it', '2026-03-29T01:00:00.000Z', [2026, 2, 29, 28, 0, 87, 3, 0, 0], 'Europe/Zurich'],
    ['an hour that comes twice', '2026-10-25T00:30:00.000Z', [2026, 9, 25, 24, 0, 297, 2, 30, 0], 'Europe/Zurich'],
    ['and its second time', '2026-10-25T01:30:00.000Z', [2026, 9, 25, 24, 0, 297, 2, 30, 0], 'Europe/Zurich'],
    ['a zone with quarters of an hour', '2026-03-08T18:15:00.000Z', [2026, 2, 9, 8, 1, 67, 0, 0, 0], 'Asia/Kathmandu'],
    ['a leap day', '2028-02-29T12:00:00.000Z', [2028, 1, 29, 28, 2, 59, 12, 0, 0], 'UTC'],
    ['the last day of a leap year', '2028-12-31T12:00:00.000Z', [2028, 11, 31, 30, 0, 365, 12, 0, 0], undefined],
    ['an offset', '2026-03-08T22:29:10.000Z', [2026, 2, 9, 8, 1, 67, 0, 29, 10], '+02:00'],
    ['one without a sign', '2026-03-08T22:29:10.000Z', [2026, 2, 9, 8, 1, 67, 0, 29, 10], '02:00'],
    ['one that is behind', '2026-03-08T03:15:00.000Z', [2026, 2, 7, 6, 6, 65, 23, 45, 0], '-03:30'],
  ])('shows %s', (_what, now, [year, ...others], zone) => {
    const call = `now.getFullYear(${zone === undefined ? '' : JSON.stringify(zone)})`;
    expect(holds(`${call} == ${year}`, now)).toBe(true);
    const names = ['getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getDayOfYear', 'getHours', 'getMinutes', 'getSeconds'];
    expect(names.map((name) => part(name, now, zone))).toEqual(others);
  });

  it('goes on by an hour with every hour, whatever the zone of the machine is', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2040, 0, 1) }), (instant) => {
        const date = new Date(instant);
        const now = date.toISOString();
        const said = `now.getHours() == ${date.getUTCHours()} && now.getDayOfWeek("UTC") == ${date.getUTCDay()} && now.getDate("+00:00") == ${date.getUTCDate()}`;
        expect(holds(said, now)).toBe(true);
      }),
    );
  });

  it('knows the zones that there are, and says so where there is none', () => {
    expect(checkAll({ texts: ['now.getHours("Europe/Zurich") == 1', 'now.getHours("-03:30") == 1'], together: [] })).toEqual([]);
    for (const zone of ['Mars/Olympus', '+2:00', '+02:00:00', 'x+02:00', '']) {
      expect(checkAll({ texts: [`now.getHours(${JSON.stringify(zone)}) == 1`], together: [] })).toMatchObject([
        { code: 'expression-malformed' },
      ]);
    }
  });

  it('is that of the library where a receipt was made by an engine that had it', () => {
    const sunday = { now: '2026-03-07T23:30:00.000Z' };
    expect(evaluateExpression('now.getDayOfWeek("Europe/Zurich") == 0', sunday, false).verdict).toBe('pass');
    expect(evaluateExpression('now.getDayOfWeek("Europe/Zurich") == 0', sunday, false, 'library').verdict).toBe('fail');
    expect(evaluateExpression('now.getDayOfWeek("Europe/Zurich") == 1', sunday, false, 'library').verdict).toBe('pass');
    expect(evaluateExpression('now.getDayOfWeek("Europe/Zurich") == 0', sunday, false, 'own').verdict).toBe('pass');
  });
});
