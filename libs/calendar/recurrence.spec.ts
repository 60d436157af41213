import { DAY, formatLocal, parseLocal, parseRule, startsOf, WEEKDAYS, type Recurrence } from '#libs/calendar';

const ruleOf = (text: string): Recurrence => {
  const rule = parseRule(text);
  if (typeof rule === 'string') throw new Error(rule);
  return rule;
};
const at = (text: string): number => parseLocal(text) ?? NaN;
const starts = (start: string, rule: string, from: string, until: string): string[] =>
  startsOf(at(start), ruleOf(rule), at(from), at(until)).map(formatLocal);

describe('a rule', () => {
  it('is read as RFC 5545 says, and nothing is in it that it does not say', () => {
    expect(parseRule('FREQ=DAILY')).toEqual({ freq: 'DAILY', interval: 1 });
    expect(
      parseRule('FREQ=YEARLY;INTERVAL=1000;COUNT=1000;BYMONTH=1,12;BYMONTHDAY=1,-31;BYDAY=MO,+2TU,-1FR;BYSETPOS=1,-366;WKST=SU'),
    ).toEqual({
      freq: 'YEARLY',
      interval: 1000,
      count: 1000,
      byMonth: [1, 12],
      byMonthDay: [1, -31],
      byDay: ['MO', '+2TU', '-1FR'],
      bySetPos: [1, -366],
      wkst: 'SU',
    });
    expect(parseRule('FREQ=YEARLY;BYYEARDAY=366,-1')).toMatchObject({ byYearDay: [366, -1] });
    expect(parseRule('FREQ=YEARLY;BYWEEKNO=53,-53;BYDAY=MO')).toMatchObject({ byWeekNo: [53, -53] });
    expect(parseRule('FREQ=DAILY;UNTIL=20261231')).toEqual({ freq: 'DAILY', interval: 1, until: at('2026-12-31T23:59') });
    expect(parseRule('FREQ=DAILY;UNTIL=20261231T080059')).toMatchObject({ until: at('2026-12-31T08:00') });
    expect(parseRule('FREQ=MONTHLY;BYDAY=1MO')).toMatchObject({ byDay: ['1MO'] });
    expect(parseRule('FREQ=WEEKLY;WKST=MO')).toMatchObject({ wkst: 'MO' });
    expect(parseRule(`FREQ=DAILY;BYMONTHDAY=${Array.from({ length: 159 }, () => '10').join()}`)).toMatchObject({ freq: 'DAILY' });
    expect(WEEKDAYS).toEqual(['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']);
  });

  const like = 'A rule is like FREQ=WEEKLY;BYDAY=FR: NAME=VALUE in capitals, separated by semicolons.';
  const known = 'FREQ, INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYYEARDAY, BYWEEKNO, BYDAY, BYSETPOS, WKST';
  const below = 'is not taken: the time of day is that of the start. Declare another calendar for another time.';
  const until = 'UNTIL must be local time such as 20271231 or 20271231T235900, without Z: the zone says what it means.';
  const from = (name: string, most: number) => `${name} must be a whole number from 1 to ${most}.`;
  const lists = (name: string, most: number, negative = true) =>
    `${name} must list whole numbers from 1 to ${most}${negative ? ', or the same from the end with a minus' : ''}.`;
  it.each<readonly [string, string]>([
    [`FREQ=DAILY;BYMONTH=${'1,'.repeat(250)}1`, 'A rule has at most 500 characters.'],
    ['', like],
    ['FREQ', like],
    ['FREQ=', like],
    ['=DAILY', like],
    ['freq=DAILY', like],
    ['FREQ=daily', like],
    ['FREQ=DAILY;', like],
    ['FREQ=DAILY; COUNT=1', like],
    ['XFREQ1=DAILY', like],
    ['FREQ=DAI LY', like],
    ['FREQ=DAILY;FREQ=DAILY', 'FREQ is there twice.'],
    ['FREQ=DAILY;BYHOUR=1', `BYHOUR ${below}`],
    ['FREQ=DAILY;BYMINUTE=1', `BYMINUTE ${below}`],
    ['FREQ=DAILY;BYSECOND=1', `BYSECOND ${below}`],
    ['FREQ=DAILY;BYEASTER=1', `BYEASTER is not taken; known are ${known}.`],
    ['COUNT=1', 'FREQ must be one of DAILY, WEEKLY, MONTHLY, YEARLY: nothing recurs more often than daily.'],
    ['FREQ=HOURLY', 'FREQ must be one of DAILY, WEEKLY, MONTHLY, YEARLY: nothing recurs more often than daily.'],
    ['FREQ=DAILY;COUNT=1;UNTIL=20270101', 'COUNT and UNTIL exclude each other.'],
    ...['0', '1001', '-1', '+1', '1,2', '100000'].map((n) => [`FREQ=DAILY;INTERVAL=${n}`, from('INTERVAL', 1000)] as const),
    ...['0', '1001'].map((n) => [`FREQ=DAILY;COUNT=${n}`, from('COUNT', 1000)] as const),
    ...['0', '13', '-1', '1,', '1,13', 'A'].map((n) => [`FREQ=DAILY;BYMONTH=${n}`, lists('BYMONTH', 12, false)] as const),
    ...['0', '32', '-32', '1-', '1000'].map((n) => [`FREQ=DAILY;BYMONTHDAY=${n}`, lists('BYMONTHDAY', 31)] as const),
    ...['0', '367', '-367'].map((n) => [`FREQ=YEARLY;BYYEARDAY=${n}`, lists('BYYEARDAY', 366)] as const),
    ...['0', '54', '-54'].map((n) => [`FREQ=YEARLY;BYWEEKNO=${n}`, lists('BYWEEKNO', 53)] as const),
    ...['0', '367'].map((n) => [`FREQ=YEARLY;BYMONTH=1;BYSETPOS=${n}`, lists('BYSETPOS', 366)] as const),
    ...['DAILY', 'WEEKLY', 'MONTHLY'].map((f) => [`FREQ=${f};BYWEEKNO=1`, 'BYWEEKNO goes with FREQ=YEARLY only.'] as const),
    ...['DAILY', 'WEEKLY', 'MONTHLY'].map((f) => [`FREQ=${f};BYYEARDAY=1`, 'BYYEARDAY goes with FREQ=YEARLY only.'] as const),
    ['FREQ=WEEKLY;BYMONTHDAY=1', 'BYMONTHDAY goes with FREQ=DAILY or MONTHLY or YEARLY only.'],
    ...['', 'XX', 'MO,', '0MO', '100MO', 'MON', 'XMO', '+MO']
      .filter(Boolean)
      .map((d) => [`FREQ=MONTHLY;BYDAY=${d}`, 'BYDAY must list weekdays such as MO, or 1MO and -1FR for the first and the last.'] as const),
    ...['FREQ=DAILY;BYDAY=1MO', 'FREQ=WEEKLY;BYDAY=MO,1TU', 'FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO'].map(
      (r) => [r, 'A numbered weekday goes with FREQ=MONTHLY or YEARLY without BYWEEKNO only.'] as const,
    ),
    ['FREQ=DAILY;BYSETPOS=1', 'BYSETPOS needs another BY part to choose from.'],
    ['FREQ=DAILY;INTERVAL=2;BYSETPOS=1', 'BYSETPOS needs another BY part to choose from.'],
    ['FREQ=WEEKLY;WKST=XX', 'WKST must be a weekday such as MO.'],
    ['FREQ=WEEKLY;WKST=1MO', 'WKST must be a weekday such as MO.'],
    ...['2027', '20270101T0800', '20270101T080000Z', '20270230', '19991231', '20270101T250000', '120270101', '202701011'].map(
      (t) => [`FREQ=DAILY;UNTIL=${t}`, until] as const,
    ),
  ])('is refused, and what would be taken is said: %s', (text, said) => expect(parseRule(text)).toBe(said));

  it('with several mistakes is refused for the first', () => {
    expect(parseRule('FREQ=WEEKLY;BYMONTHDAY=99;BYMONTH=99')).toBe('BYMONTHDAY goes with FREQ=DAILY or MONTHLY or YEARLY only.');
  });
});

describe('the starts of a rule', () => {
  it('are those between two times, both included, and none before its own', () => {
    const daily = (from: string, until: string) => starts('2026-01-10T08:00', 'FREQ=DAILY', from, until);
    expect(daily('2026-01-01T00:00', '2026-01-11T08:00')).toEqual(['2026-01-10T08:00', '2026-01-11T08:00']);
    expect(daily('2026-01-11T08:00', '2026-01-12T07:59')).toEqual(['2026-01-11T08:00']);
    expect(daily('2026-01-11T08:01', '2026-01-12T07:59')).toEqual([]);
    expect(daily('2026-01-01T00:00', '2026-01-10T08:00')).toEqual(['2026-01-10T08:00']);
    expect(daily('2026-01-01T00:00', '2026-01-10T07:59')).toEqual([]);
    expect(daily('2026-01-12T08:00', '2026-01-12T08:00')).toEqual(['2026-01-12T08:00']);
    expect(daily('2026-01-12T00:00', '2026-01-11T00:00')).toEqual([]);
  });

  it('end with the count or at the end of the rule, which is included', () => {
    const until = '2026-02-01T00:00';
    expect(starts('2026-01-10T08:00', 'FREQ=DAILY;COUNT=2', '2026-01-01T00:00', until)).toEqual(['2026-01-10T08:00', '2026-01-11T08:00']);
    expect(starts('2026-01-10T08:00', 'FREQ=DAILY;UNTIL=20260111', '2026-01-01T00:00', until)).toHaveLength(2);
    expect(starts('2026-01-10T08:00', 'FREQ=DAILY;UNTIL=20260111T080000', '2026-01-01T00:00', until)).toHaveLength(2);
    expect(starts('2026-01-10T08:00', 'FREQ=DAILY;UNTIL=20260111T075900', '2026-01-01T00:00', until)).toHaveLength(1);
  });

  it.each([
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU', ['2026-01-18', '2026-01-19', '2026-02-01']],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO', ['2026-01-11', '2026-01-19', '2026-01-25']],
    ['FREQ=MONTHLY;BYMONTHDAY=-1', ['2026-01-31', '2026-02-28', '2026-03-31']],
    ['FREQ=MONTHLY;BYDAY=1FR', ['2026-02-06', '2026-03-06', '2026-04-03']],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', ['2026-01-30', '2026-02-27', '2026-03-31']],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', ['2028-02-29', '2032-02-29', '2036-02-29']],
    ['FREQ=YEARLY;BYYEARDAY=-1', ['2026-12-31', '2027-12-31', '2028-12-31']],
    ['FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO', ['2027-01-04', '2028-01-03', '2029-01-01']],
    ['FREQ=DAILY;BYMONTH=2;INTERVAL=10', ['2026-02-09', '2026-02-19', '2027-02-04']],
  ])('of %s begin as RFC 5545 has them', (rule, days) => {
    const found = startsOf(at('2026-01-10T08:00'), ruleOf(rule), at('2026-01-11T00:00'), at('2040-01-01T00:00')).map(formatLocal);
    expect(found.slice(0, 3)).toEqual(days.map((day) => `${day}T08:00`));
  });

  it('do not depend on which rules were asked before', () => {
    const ask = (day: number): string[] =>
      startsOf(at('2026-01-01T08:00') + day * DAY, ruleOf('FREQ=DAILY;COUNT=1'), at('2026-01-01T00:00'), at('2030-01-01T00:00')).map(
        formatLocal,
      );
    const before = ask(3);
    for (let day = 0; day < 510; day++) expect(ask(day)).toHaveLength(1);
    expect(ask(3)).toEqual(before);
    const until = (day: string): number =>
      startsOf(at('2026-01-01T08:00'), ruleOf(`FREQ=DAILY;UNTIL=${day}`), at('2026-01-01T00:00'), at('2030-01-01T00:00')).length;
    expect([until('20260101'), until('20260103'), until('20260101')]).toEqual([1, 3, 1]);
  });
});

describe('a rule at its edges', () => {
  it('has 500 characters, and no more', () => {
    const many = Array.from({ length: 159 }, () => '10').join();
    expect(`FREQ=DAILY;BYMONTHDAY=${many},1`).toHaveLength(500);
    expect(parseRule(`FREQ=DAILY;BYMONTHDAY=${many},1`)).toMatchObject({ freq: 'DAILY' });
    expect(parseRule(`FREQ=DAILY;BYMONTHDAY=${many},10`)).toBe('A rule has at most 500 characters.');
  });

  it.each(['1E2', '0X10', '12D', 'X12'])('has numbers in digits alone: not %s', (number) => {
    expect(parseRule(`FREQ=DAILY;INTERVAL=${number}`)).toBe('INTERVAL must be a whole number from 1 to 1000.');
  });

  it.each(['1E1', '0X1', '1,1E1', '5,0X1'])('lists numbers in digits alone: not %s', (list) => {
    expect(parseRule(`FREQ=DAILY;BYMONTH=${list}`)).toBe('BYMONTH must list whole numbers from 1 to 12.');
  });

  it('numbers weekdays up to 99, in digits', () => {
    expect(parseRule('FREQ=YEARLY;BYDAY=20MO,-53FR,99SU')).toMatchObject({ byDay: ['20MO', '-53FR', '99SU'] });
    expect(parseRule('FREQ=YEARLY;BYDAY=1AMO')).toMatch(/^BYDAY must list weekdays/);
    expect(parseRule('FREQ=YEARLY;BYDAY=MOMO')).toMatch(/^BYDAY must list weekdays/);
  });
});
