import fc from 'fast-check';
import { DAY, inForce, nextOpen, opennessAt, type CalendarInForce, type ChangeTarget } from '#libs/calendar';
import type { CalendarContents, ChangeClass } from '#libs/contracts';

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
const yearEnd = calendar('year-end', {});
const nights = calendar('nights', {
  kind: 'window',
  window: { kind: 'recurring', start: '2026-01-01T22:00', durationMinutes: 240, rule: 'FREQ=DAILY' },
});
const open = (calendars: readonly CalendarInForce[], when: string, who = target()): boolean => opennessAt(calendars, who, at(when)).open;

describe('a freeze', () => {
  it('closes from its first instant on, and not at its last: it is half-open, to the millisecond', () => {
    // 18:00 and 06:00 in Zurich in winter.
    expect(open([yearEnd], '2026-12-20T16:59:59.999Z')).toBe(true);
    expect(open([yearEnd], '2026-12-20T17:00:00.000Z')).toBe(false);
    expect(open([yearEnd], '2027-01-04T04:59:59.999Z')).toBe(false);
    expect(open([yearEnd], '2027-01-04T05:00:00.000Z')).toBe(true);
  });

  it('says which it is, when it ends, and when it is open next', () => {
    expect(opennessAt([yearEnd], target(), at('2026-12-24T12:00Z')).blocks).toEqual([
      { calendarId: 'year-end', version: 1, title: 'year-end', kind: 'freeze', until: '2027-01-04T05:00:00.000Z' },
    ]);
    expect(nextOpen([yearEnd], target(), at('2026-12-24T12:00Z'))).toBe(at('2027-01-04T05:00Z'));
  });

  it.each<[ChangeClass, boolean]>([
    ['normal', false],
    ['standard', false],
    ['emergency', true],
    ['rollback', true],
  ])('for a change of class %s is open: %s', (changeClass, expected) => {
    expect(open([yearEnd], '2026-12-24T12:00Z', target(changeClass))).toBe(expected);
  });

  it('never traps a rollback or an emergency fix, even where its record does not say so', () => {
    const trap = calendar('trap', { passes: [] });
    expect(open([trap], '2026-12-24T12:00Z', target('rollback'))).toBe(true);
    expect(open([trap], '2026-12-24T12:00Z', target('emergency'))).toBe(true);
    expect(open([trap], '2026-12-24T12:00Z')).toBe(false);
  });

  it.each([
    [{ environmentClass: 'staging' }, true],
    [{ environmentClass: 'production' }, false],
    [{ environment: 'production', product: 'shop' }, false],
    [{ environment: 'production', product: 'billing' }, true],
    [{ service: 'api' }, false],
    [{ service: 'web' }, true],
  ])('with the scope %j leaves this change open: %s', (scope, expected) => {
    expect(open([calendar('scoped', { scope })], '2026-12-24T12:00Z')).toBe(expected);
  });

  it('counts only while its version does', () => {
    const shortened = calendar('shortened', { until: '2026-12-24T00:00:00.000Z' });
    expect(open([shortened], '2026-12-23T12:00Z')).toBe(false);
    expect(open([shortened], '2026-12-24T00:00Z')).toBe(true);
    expect(nextOpen([shortened], target(), at('2026-12-23T12:00Z'))).toBe(at('2026-12-24T00:00Z'));
  });
});

describe('where calendars overlap', () => {
  it('a freeze closes, whatever window is open', () => {
    expect(open([nights], '2026-12-24T22:30Z')).toBe(true);
    expect(open([nights, yearEnd], '2026-12-24T22:30Z')).toBe(false);
    // The freeze ends at 06:00; the window opens at 22:00.
    expect(nextOpen([nights, yearEnd], target(), at('2026-12-24T22:30Z'))).toBe(at('2027-01-04T21:00Z'));
  });

  it('two freezes close until both have ended', () => {
    const longer = calendar('longer', { window: { kind: 'one-off', start: '2027-01-01T00:00', end: '2027-01-10T00:00' } });
    expect(nextOpen([yearEnd, longer], target(), at('2026-12-24T12:00Z'))).toBe(at('2027-01-09T23:00Z'));
  });

  it('of windows the narrowest scope decides, and among equals one that is open is enough', () => {
    const noon = calendar('noon', {
      kind: 'window',
      window: { kind: 'recurring', start: '2026-01-01T12:00', durationMinutes: 60, rule: 'FREQ=DAILY' },
    });
    const shopNoon = { ...noon, scope: { product: 'shop' } };
    expect(open([nights, noon], '2026-06-01T10:30Z')).toBe(true);
    expect(open([nights, noon], '2026-06-01T20:30Z')).toBe(true);
    expect(open([nights, shopNoon], '2026-06-01T20:30Z')).toBe(false);
    expect(open([nights, shopNoon], '2026-06-01T20:30Z', target('normal', { product: 'billing' }))).toBe(true);
  });

  it('nothing opens before 24 months where freezes follow each other without a gap', () => {
    const always = calendar('always', {
      window: { kind: 'recurring', start: '2026-01-01T00:00', durationMinutes: 1440, rule: 'FREQ=DAILY' },
    });
    expect(nextOpen([always], target(), at('2026-06-01T00:00Z'))).toBeUndefined();
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

describe('versions', () => {
  const contents: CalendarContents = yearEnd;
  const v = (version: number, effectiveFrom: string, withdrawn = false) => ({
    calendarId: 'c',
    version,
    effectiveFrom,
    ...(withdrawn ? {} : { contents }),
  });

  it('count from their effective date until a higher one does', () => {
    expect(inForce([v(1, '2026-01-01'), v(2, '2026-06-01'), v(3, '2026-09-01', true)])).toMatchObject([
      { version: 1, from: '2026-01-01', until: '2026-06-01' },
      { version: 2, from: '2026-06-01', until: '2026-09-01' },
    ]);
  });

  it('never count when a later one overtakes them', () => {
    expect(inForce([v(1, '2026-01-01'), v(2, '2026-06-01'), v(3, '2026-03-01')])).toMatchObject([
      { version: 1, until: '2026-03-01' },
      { version: 3, from: '2026-03-01' },
    ]);
  });
});
