import fc from 'fast-check';
import type { CalendarWindow } from '#libs/contracts';
import {
  closesOf,
  DAY,
  formatLocal,
  HORIZON,
  intervalsOf,
  occurrencesOf,
  parseLocal,
  parseRule,
  startsOf,
  tzdataVersion,
  windowProblem,
} from '#libs/calendar';

describe('when a window holds', () => {
  it('does not hang on what was asked before', () => {
    const rules = ['FREQ=WEEKLY;BYDAY=SU', 'FREQ=DAILY;INTERVAL=3', 'FREQ=MONTHLY;BYMONTHDAY=-1', 'FREQ=DAILY;COUNT=40'];
    const begin = Date.parse('2026-01-01T00:00Z');
    fc.assert(
      fc.property(
        fc.constantFrom(...rules),
        // Up to 50 days long: longer than the time between two starts, and than one look.
        fc.integer({ min: 1, max: 72_000 }),
        fc.array(fc.tuple(fc.integer({ min: -40, max: 400 }), fc.integer({ min: 1, max: 60 * DAY })), { minLength: 2, maxLength: 12 }),
        (rule, durationMinutes, asked) => {
          const window: CalendarWindow = {
            kind: 'recurring',
            start: '2026-01-04T02:00',
            rule,
            durationMinutes,
            except: ['2026-02-01T02:00'],
          };
          for (const [day, span] of asked) {
            const [from, until] = [begin + day * DAY, begin + day * DAY + span];
            expect(intervalsOf(window, 'Europe/Zurich', from, until)).toEqual(intervalsOf({ ...window }, 'Europe/Zurich', from, until));
          }
        },
      ),
      { numRuns: 60 },
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

describe('a window', () => {
  const zone = 'Europe/Zurich';
  const recurring = { kind: 'recurring', start: '2026-01-01T22:00', durationMinutes: 60, rule: 'FREQ=DAILY' } as const;
  const fiscal = {
    kind: 'fiscal',
    fiscalYear: { pattern: 'months', firstMonth: 1 },
    close: 'year',
    daysBefore: 1,
    daysAfter: 1,
  } as const;
  const local = 'must be local time such as 2026-12-20T18:00, between 2000 and 2099, without offset or Z.';
  const oneOff = (start: string, end: string): CalendarWindow => ({ kind: 'one-off', start, end });

  it.each<[string, CalendarWindow, string | undefined]>([
    ['ends after it starts', oneOff('2026-01-01T00:00', '2026-01-01T00:01'), undefined],
    ['starts at no time', oneOff('2026-01-01', '2026-01-01T00:01'), `start and end ${local}`],
    ['ends at no time', oneOff('2026-01-01T00:00', 'x'), `start and end ${local}`],
    ['ends when it starts', oneOff('2026-01-01T00:00', '2026-01-01T00:00'), 'The end must be after the start: the interval is half-open.'],
    ['ends before', oneOff('2026-01-01T00:01', '2026-01-01T00:00'), 'The end must be after the start: the interval is half-open.'],
    ['lasts 366 days', oneOff('2026-01-01T00:00', '2027-01-02T00:00'), undefined],
    ['lasts longer', oneOff('2026-01-01T00:00', '2027-01-02T00:01'), 'One window lasts 366 days at most.'],
    ['recurs', recurring, undefined],
    ['recurs from no time', { ...recurring, start: 'x' }, `start ${local}`],
    ['leaves out a time', { ...recurring, except: ['2026-01-02T22:00'] }, undefined],
    ['leaves out no time', { ...recurring, except: ['2026-01-02T22:00', 'x'] }, `Every member of except ${local}`],
    ['lasts a minute', { ...recurring, durationMinutes: 1 }, undefined],
    ['lasts a year', { ...recurring, durationMinutes: 527_040 }, undefined],
    ...[0, -1, 1.5, 527_041, NaN].map((durationMinutes): [string, CalendarWindow, string] => [
      `lasts ${durationMinutes} minutes`,
      { ...recurring, durationMinutes },
      'durationMinutes must be from 1 to 527040 (366 days).',
    ]),
    [
      'recurs by no rule',
      { ...recurring, rule: 'x' },
      'A rule is like FREQ=WEEKLY;BYDAY=FR: NAME=VALUE in capitals, separated by semicolons.',
    ],
    ['is of a fiscal year', fiscal, undefined],
    ['is before its end alone', { ...fiscal, daysAfter: 0 }, undefined],
    ['is after its end alone', { ...fiscal, daysBefore: 0, daysAfter: 180 }, undefined],
    ...[
      { daysBefore: 0, daysAfter: 0 },
      { daysBefore: -1 },
      { daysAfter: -1 },
      { daysBefore: -1, daysAfter: 2 },
      { daysBefore: 2, daysAfter: -1 },
      { daysBefore: 181 },
      { daysAfter: 181 },
      { daysBefore: 0.5 },
    ].map((more): [string, CalendarWindow, string] => [
      JSON.stringify(more),
      { ...fiscal, ...more },
      'daysBefore and daysAfter must be from 0 to 180, and not both 0.',
    ]),
  ])('that %s is told what is wrong, or nothing', (_what, window, problem) => expect(windowProblem(window, zone)).toBe(problem));

  it('is of a zone with rules', () => {
    expect(windowProblem(recurring, '+02:00')).toBe('+02:00 is no zone of the IANA database, such as Europe/Zurich; an offset is none.');
  });

  it('holds no more where it is left out, and goes on after', () => {
    const days = (except?: readonly string[]) =>
      intervalsOf(
        { ...recurring, ...(except ? { except } : {}) },
        'UTC',
        Date.parse('2026-01-01T00:00Z'),
        Date.parse('2026-01-04T00:00Z'),
      ).map((i) => new Date(i.from).toISOString().slice(8, 10));
    expect(days()).toEqual(['01', '02', '03']);
    expect(days(['2026-01-02T22:00'])).toEqual(['01', '03']);
    expect(days(['2026-01-02T22:01'])).toEqual(['01', '02', '03']);
  });

  it('is clipped to what was asked for, on both sides', () => {
    const between = (window: CalendarWindow, from: string, until: string) =>
      intervalsOf(window, 'UTC', Date.parse(from), Date.parse(until)).map((i) => [
        new Date(i.from).toISOString(),
        new Date(i.until).toISOString(),
      ]);
    const week = oneOff('2026-01-05T00:00', '2026-01-12T00:00');
    expect(between(week, '2026-01-07T00:00Z', '2026-01-08T00:00Z')).toEqual([['2026-01-07T00:00:00.000Z', '2026-01-08T00:00:00.000Z']]);
    expect(between(week, '2026-01-11T23:59Z', '2026-02-08T00:00Z')).toEqual([['2026-01-11T23:59:00.000Z', '2026-01-12T00:00:00.000Z']]);
    expect(between(week, '2026-01-12T00:00Z', '2026-02-08T00:00Z')).toEqual([]);
    expect(between(week, '2025-01-12T00:00Z', '2026-01-05T00:00Z')).toEqual([]);
    expect(between(week, '2025-01-12T00:00Z', '2026-01-05T00:01Z')).toEqual([['2026-01-05T00:00:00.000Z', '2026-01-05T00:01:00.000Z']]);
    // What began days before still holds.
    const long = { ...recurring, durationMinutes: 10 * 1440, rule: 'FREQ=MONTHLY' } as const;
    expect(between(long, '2026-02-10T00:00Z', '2026-02-11T00:00Z')).toEqual([['2026-02-10T00:00:00.000Z', '2026-02-11T00:00:00.000Z']]);
    expect(between(long, '2026-02-11T21:59Z', '2026-02-12T00:00Z')).toEqual([['2026-02-11T21:59:00.000Z', '2026-02-11T22:00:00.000Z']]);
    expect(between({ ...fiscal, daysAfter: 30, daysBefore: 20 }, '2027-01-30T00:00Z', '2027-02-11T00:00Z')).toEqual([
      ['2027-01-30T00:00:00.000Z', '2027-01-31T00:00:00.000Z'],
    ]);
    expect(between({ ...fiscal, daysAfter: 30, daysBefore: 20 }, '2026-12-01T00:00Z', '2026-12-13T00:00Z')).toEqual([
      ['2026-12-12T00:00:00.000Z', '2026-12-13T00:00:00.000Z'],
    ]);
  });

  it('with a rule on record that is none is an error, and not open', () => {
    expect(() => intervalsOf({ ...recurring, rule: 'x' }, 'UTC', 0, 1)).toThrow('A recorded rule is no rule: A rule is like');
  });

  it('is told by its occurrences: those that hold between two instants, or would if the clocks showed them', () => {
    const told = (window: CalendarWindow, of: string, from: string, until: string) =>
      occurrencesOf(window, of, Date.parse(from), Date.parse(until)).map((o) => `${o.start}/${o.end} ${o.flags.join()}`.trim());
    expect(told(recurring, 'UTC', '2026-01-02T22:30Z', '2026-01-03T22:00Z')).toEqual(['2026-01-02T22:00/2026-01-02T23:00']);
    expect(told(recurring, 'UTC', '2026-01-02T23:00Z', '2026-01-03T22:01Z')).toEqual(['2026-01-03T22:00/2026-01-03T23:00']);
    expect(told(recurring, 'UTC', '2026-01-02T23:00Z', '2026-01-03T22:00Z')).toEqual([]);
    const never = oneOff('2026-03-29T02:10', '2026-03-29T02:50');
    const flags = 'start-skipped,end-skipped,never-shown';
    expect(told(never, zone, '2026-03-29T00:00Z', '2026-03-29T02:00Z')).toEqual([`2026-03-29T02:10/2026-03-29T02:50 ${flags}`]);
    expect(told(never, zone, '2026-03-28T00:00Z', '2026-03-29T00:00Z')).toEqual([]);
    expect(told(never, zone, '2026-03-29T01:00Z', '2026-03-30T00:00Z')).toEqual([]);
    const ends = oneOff('2026-03-29T01:30', '2026-03-29T02:30');
    expect(told(ends, zone, '2026-03-29T00:00Z', '2026-03-30T00:00Z')).toEqual(['2026-03-29T01:30/2026-03-29T02:30 end-skipped']);
    const twice = oneOff('2026-10-25T01:30', '2026-10-25T02:30');
    expect(told(twice, zone, '2026-10-25T00:00Z', '2026-10-26T00:00Z')).toEqual(['2026-10-25T01:30/2026-10-25T02:30 end-repeated']);
    const begins = oneOff('2026-10-25T02:30', '2026-10-25T04:30');
    expect(told(begins, zone, '2026-10-25T00:00Z', '2026-10-26T00:00Z')).toEqual(['2026-10-25T02:30/2026-10-25T04:30 start-repeated']);
  });
});

describe('fiscal closes', () => {
  const closes = (
    fiscalYear: Parameters<typeof closesOf>[0],
    close: Parameters<typeof closesOf>[1],
    from: string,
    until: string,
  ): string[] => closesOf(fiscalYear, close, Date.parse(from), Date.parse(until)).map((at) => new Date(at).toISOString().slice(0, 10));

  it('are those from a time until another, both included', () => {
    const months = { pattern: 'months', firstMonth: 1 } as const;
    expect(closes(months, 'period', '2026-01-01', '2026-04-01')).toEqual(['2026-01-01', '2026-02-01', '2026-03-01', '2026-04-01']);
    expect(closes(months, 'quarter', '2025-12-31', '2026-12-31')).toEqual(['2026-01-01', '2026-04-01', '2026-07-01', '2026-10-01']);
    expect(closes(months, 'year', '2026-01-01', '2027-12-31')).toEqual(['2026-01-01', '2027-01-01']);
    expect(closes({ pattern: 'months', firstMonth: 10 }, 'year', '2026-01-01', '2027-12-31')).toEqual(['2026-10-01', '2027-10-01']);
    expect(closes({ pattern: 'months', firstMonth: 2 }, 'quarter', '2026-01-01', '2026-12-31')).toEqual([
      '2026-02-01',
      '2026-05-01',
      '2026-08-01',
      '2026-11-01',
    ]);
  });

  it.each([
    // The last Saturday of January, or the one nearest to its end.
    ['last', 'SA', 1, ['2024-01-28', '2025-01-26', '2026-02-01', '2027-01-31']],
    ['nearest', 'SA', 1, ['2024-02-04', '2025-02-02', '2026-02-01', '2027-01-31']],
    ['last', 'SU', 12, ['2024-12-30', '2025-12-29', '2026-12-28', '2027-12-27']],
    ['nearest', 'SU', 12, ['2024-12-30', '2025-12-29', '2027-01-04', '2028-01-03']],
    ['last', 'FR', 6, ['2024-06-29', '2025-06-28', '2026-06-27', '2027-06-26']],
    ['nearest', 'FR', 6, ['2024-06-29', '2025-06-28', '2026-07-04', '2027-07-03']],
  ] as const)('of a year of weeks that ends on the %s %s of month %d', (end, endWeekday, endMonth, expected) => {
    expect(closes({ pattern: '4-4-5', endMonth, endWeekday, end }, 'year', '2024-01-15', '2028-01-15')).toEqual(expected);
  });

  it.each([
    ['4-4-5', [4, 4, 5]],
    ['4-5-4', [4, 5, 4]],
    ['5-4-4', [5, 4, 4]],
  ] as const)('of the pattern %s have its weeks, and quarters of thirteen', (pattern, weeks) => {
    const year = { pattern, endMonth: 1, endWeekday: 'SA', end: 'last' } as const;
    const periods = closes(year, 'period', '2024-01-28', '2025-01-26').map((day) => Date.parse(day) / DAY / 7);
    expect(periods.slice(1).map((week, i) => week - (periods[i] ?? 0))).toEqual([...weeks, ...weeks, ...weeks, ...weeks]);
    expect(closes(year, 'quarter', '2024-01-29', '2025-01-26')).toEqual(['2024-04-28', '2024-07-28', '2024-10-27', '2025-01-26']);
  });
});
