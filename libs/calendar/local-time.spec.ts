import fc from 'fast-check';
import { clip, DAY, formatLocal, MINUTE, parseLocal, subtract, union, type Interval } from '#libs/calendar';

describe('a local time', () => {
  it('is a number to reckon with: what UTC would show', () => {
    expect([MINUTE, DAY]).toEqual([60_000, 86_400_000]);
    expect(parseLocal('2026-03-29T02:30')).toBe(Date.UTC(2026, 2, 29, 2, 30));
    expect(formatLocal(Date.UTC(2026, 2, 29, 2, 30, 59, 999))).toBe('2026-03-29T02:30');
  });

  it('is from 2000 to 2099, both included', () => {
    expect(parseLocal('2000-01-01T00:00')).toBe(Date.UTC(2000, 0, 1));
    expect(parseLocal('2099-12-31T23:59')).toBe(Date.UTC(2099, 11, 31, 23, 59));
    for (const text of ['1999-12-31T23:59', '2100-01-01T00:00']) expect(parseLocal(text)).toBeUndefined();
  });

  it.each([
    '',
    '2026-03-29',
    '2026-03-29T02:30:00',
    '2026-03-29T02:30Z',
    ' 2026-03-29T02:30',
    '2026-03-29T02:30\n',
    '2026-3-29T02:30',
    '2026-13-01T02:30',
    '2026-02-29T02:30',
    '2026-03-29T24:00',
    '2026-03-29T02:60',
    '12026-03-29T02:30',
    '2026-ab-29T02:30',
  ])('is not %j', (text) => expect(parseLocal(text)).toBeUndefined());
});

describe('sets of intervals', () => {
  const LAST = 40;
  const interval = fc
    .tuple(fc.integer({ min: 0, max: LAST }), fc.integer({ min: 0, max: 8 }))
    .map(([from, length]): Interval => ({ from, until: from + length }));
  const intervals = fc.array(interval, { maxLength: 8 });
  const has = (set: readonly Interval[], at: number): boolean => set.some((i) => i.from <= at && at < i.until);
  const places = Array.from({ length: LAST + 12 }, (_, at) => at);
  /** In order, none empty, and none touching the next. */
  const isUnion = (set: readonly Interval[]): boolean =>
    set.every((i, n) => i.from < i.until && (n === 0 || (set[n - 1]?.until ?? Infinity) < i.from));

  it('have as their union what is in any of them', () => {
    fc.assert(
      fc.property(intervals, (all) => {
        const one = union(all);
        expect(isUnion(one)).toBe(true);
        for (const at of places) expect(has(one, at)).toBe(has(all, at));
      }),
    );
  });

  it('joined are one where they touch, and stay two where they do not', () => {
    expect(union([{ from: 5, until: 9 }, { from: 1, until: 5 }])).toEqual([{ from: 1, until: 9 }]); // prettier-ignore
    expect(union([{ from: 6, until: 9 }, { from: 1, until: 5 }])).toEqual([{ from: 1, until: 5 }, { from: 6, until: 9 }]); // prettier-ignore
    expect(union([{ from: 1, until: 9 }, { from: 2, until: 3 }])).toEqual([{ from: 1, until: 9 }]); // prettier-ignore
    expect(union([{ from: 3, until: 3 }])).toEqual([]);
    expect(union([])).toEqual([]);
  });

  it('less others have what is in them and in none of those', () => {
    fc.assert(
      fc.property(intervals, intervals, (some, less) => {
        const left = subtract(union(some), union(less));
        expect(left.every((i) => i.from < i.until)).toBe(true);
        for (const at of places) expect(has(left, at)).toBe(has(some, at) && !has(less, at));
      }),
    );
  });

  it('less what only touches them are as they were', () => {
    const one = [{ from: 5, until: 9 }];
    expect(subtract(one, [{ from: 1, until: 5 }, { from: 9, until: 12 }])).toEqual(one); // prettier-ignore
    expect(subtract(one, [{ from: 5, until: 6 }])).toEqual([{ from: 6, until: 9 }]);
    expect(subtract(one, [{ from: 8, until: 9 }])).toEqual([{ from: 5, until: 8 }]);
    expect(subtract(one, [{ from: 1, until: 9 }])).toEqual([]);
    expect(subtract(one, [{ from: 6, until: 7 }])).toEqual([{ from: 5, until: 6 }, { from: 7, until: 9 }]); // prettier-ignore
  });

  it('are clipped to what lies between two times', () => {
    fc.assert(
      fc.property(intervals, interval, (all, { from, until }) => {
        const clipped = clip(all, from, until);
        expect(clipped.every((i) => i.from < i.until)).toBe(true);
        for (const at of places) expect(has(clipped, at)).toBe(has(all, at) && from <= at && at < until);
      }),
    );
    expect(clip([{ from: 1, until: 5 }], 5, 9)).toEqual([]);
  });
});
