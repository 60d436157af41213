import fc from 'fast-check';
import { closedBetween, inForce, inScope, nextOpen, opennessAt, type CalendarInForce, type ChangeTarget } from '#libs/calendar';
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
});

describe('what closes', () => {
  const blocks = (calendars: readonly CalendarInForce[], when: string) => opennessAt(calendars, target(), at(when)).blocks;
  const daily = (start: string, durationMinutes: number, more: Partial<CalendarInForce> = {}) =>
    calendar('daily', { zone: 'UTC', window: { kind: 'recurring', start, durationMinutes, rule: 'FREQ=DAILY' }, ...more });

  it('is told with its version and title, and until when it alone would', () => {
    const other = { ...yearEnd, calendarId: 'other', title: 'Other', version: 7, until: '2026-12-26T00:00:00.000Z' };
    expect(blocks([yearEnd, other], '2026-12-24T12:00Z')).toEqual([
      { calendarId: 'year-end', version: 1, title: 'year-end', kind: 'freeze', until: '2027-01-04T05:00:00.000Z' },
      // Its version counts no longer than that.
      { calendarId: 'other', version: 7, title: 'Other', kind: 'freeze', until: '2026-12-26T00:00:00.000Z' },
    ]);
  });

  it('is a window that is not open, with when it opens next, if it does', () => {
    const nightly = daily('2026-01-01T22:00', 60, { kind: 'window', title: 'Nights' });
    expect(opennessAt([nightly], target(), at('2026-06-01T12:00Z'))).toEqual({
      open: false,
      blocks: [{ calendarId: 'daily', version: 1, title: 'Nights', kind: 'window', until: '2026-06-01T22:00:00.000Z' }],
      windows: [],
    });
    expect(opennessAt([nightly], target(), at('2026-06-01T22:00Z'))).toEqual({ open: true, blocks: [], windows: ['Nights'] });
    const yearly = {
      ...nightly,
      window: { kind: 'recurring', start: '2026-01-01T22:00', durationMinutes: 60, rule: 'FREQ=YEARLY' },
    } as const;
    expect(blocks([yearly], '2026-06-01T12:00Z')).toMatchObject([{ until: '2027-01-01T22:00:00.000Z' }]);
    const over = { ...nightly, window: { kind: 'one-off', start: '2026-01-01T22:00', end: '2026-01-02T22:00' } } as const;
    expect(blocks([over], '2026-06-01T12:00Z')).toEqual([{ calendarId: 'daily', version: 1, title: 'Nights', kind: 'window' }]);
    expect(nextOpen([over], target(), at('2026-06-01T12:00Z'))).toBeUndefined();
  });

  it.each([
    ['an hour', 60, '2026-06-01T23:00:00.000Z'],
    ['overlapping days, which is for as long as is looked ahead', 1500, '2028-06-01T22:00:00.000Z'],
  ])('of %s each day ends when nothing of it holds', (_what, minutes, until) => {
    expect(blocks([daily('2026-01-01T22:00', minutes)], '2026-06-01T22:00Z')).toMatchObject([{ until }]);
  });

  it.each([
    ['2026-06-04T00:00', '2026-06-04T00:00:00.000Z'],
    ['2026-06-05T00:00', '2026-06-05T00:00:00.000Z'],
    ['2026-07-20T00:00', '2026-07-20T00:00:00.000Z'],
    ['2027-05-30T00:00', '2027-05-30T00:00:00.000Z'],
    ['2028-05-30T00:00', '2028-05-30T00:00:00.000Z'],
  ])('without a gap until %s is told with its very end', (end, until) => {
    const long = calendar('long', { zone: 'UTC', window: { kind: 'one-off', start: '2026-05-01T00:00', end } });
    expect(blocks([long], '2026-06-01T00:00Z')).toMatchObject([{ until }]);
  });

  it('is only what binds the change and counts at that time', () => {
    expect(blocks([{ ...yearEnd, from: '2026-12-24T12:00:00.001Z' }], '2026-12-24T12:00Z')).toEqual([]);
    expect(blocks([{ ...yearEnd, from: '2026-12-24T12:00:00.000Z' }], '2026-12-24T12:00Z')).toHaveLength(1);
    expect(blocks([{ ...yearEnd, until: '2026-12-24T12:00:00.000Z' }], '2026-12-24T12:00Z')).toEqual([]);
    expect(blocks([{ ...yearEnd, passes: ['normal'] }], '2026-12-24T12:00Z')).toEqual([]);
    expect(opennessAt([{ ...yearEnd, passes: ['normal'] }], target('standard'), at('2026-12-24T12:00Z')).open).toBe(false);
  });
});

describe('the scope of a calendar', () => {
  const change = { environment: 'production', environmentClass: 'production', product: 'shop', services: ['api', 'web'] };

  it.each([
    [{}, true],
    [{ environment: 'production' }, true],
    [{ environment: 'staging' }, false],
    [{ environmentClass: 'production' }, true],
    [{ environmentClass: 'test' }, false],
    [{ product: 'shop' }, true],
    [{ product: 'bank' }, false],
    [{ service: 'web' }, true],
    [{ service: 'cli' }, false],
    [{ environment: 'production', product: 'bank' }, false],
    [{ service: 'web', environment: 'staging' }, false],
    [{ service: 'web', environmentClass: 'test' }, false],
  ])('%j is about the change: %s', (scope, expected) => {
    expect(inScope(scope as CalendarInForce['scope'], change)).toBe(expected);
  });

  it('is about nothing that is not known', () => {
    const { environmentClass: _class, product: _product, ...bare } = change;
    expect(inScope({ environmentClass: 'production' }, bare)).toBe(false);
    expect(inScope({ product: 'shop' }, bare)).toBe(false);
  });

  it('of a window decides alone where it is narrowest: service, product, environment, class of environments', () => {
    const scopes = [
      {},
      { environmentClass: 'production' },
      { environment: 'production' },
      { product: 'shop' },
      { service: 'api' },
    ] as const;
    const always = {
      zone: 'UTC',
      kind: 'window',
      window: { kind: 'one-off', start: '2026-01-01T00:00', end: '2026-12-31T00:00' },
    } as const;
    const never = { ...always, window: { kind: 'one-off', start: '2027-01-01T00:00', end: '2027-12-31T00:00' } } as const;
    for (const [n, wide] of scopes.entries()) {
      for (const narrow of scopes.slice(n + 1)) {
        const decided = (w: typeof always | typeof never, s: typeof always | typeof never) =>
          open([calendar('wide', { ...w, scope: wide }), calendar('narrow', { ...s, scope: narrow })], '2026-06-01T12:00Z');
        expect({ wide, narrow, open: decided(always, never) }).toEqual({ wide, narrow, open: false });
        expect({ wide, narrow, open: decided(never, always) }).toEqual({ wide, narrow, open: true });
      }
    }
    // Two wider ones together are no narrower than one.
    const both = calendar('both', { ...never, scope: { environment: 'production', environmentClass: 'production' } });
    expect(open([both, calendar('product', { ...always, scope: { product: 'shop' } })], '2026-06-01T12:00Z')).toBe(true);
  });
});

describe('what is open next', () => {
  const next = (calendars: readonly CalendarInForce[], after: string) => {
    const found = nextOpen(calendars, target(), at(after));
    return found === undefined ? undefined : new Date(found).toISOString();
  };

  it('is now where nothing closes', () => {
    expect(next([], '2026-06-01T12:00:00.123Z')).toBe('2026-06-01T12:00:00.123Z');
    expect(next([yearEnd], '2026-06-01T12:00Z')).toBe('2026-06-01T12:00:00.000Z');
    expect(next([{ ...yearEnd, from: '2027-12-01T00:00:00.000Z' }], '2026-12-24T12:00Z')).toBe('2026-12-24T12:00:00.000Z');
  });

  it('comes with a version that counts from then on, or that counts no more', () => {
    expect(next([{ ...yearEnd, until: '2026-12-25T00:00:00.000Z' }], '2026-12-24T12:00Z')).toBe('2026-12-25T00:00:00.000Z');
    const window = calendar('w', {
      kind: 'window',
      zone: 'UTC',
      window: { kind: 'one-off', start: '2027-06-01T00:00', end: '2027-07-01T00:00' },
    });
    expect(next([window], '2026-12-24T12:00Z')).toBe('2027-06-01T00:00:00.000Z');
    expect(next([{ ...window, until: '2027-01-01T00:00:00.000Z' }], '2026-12-24T12:00Z')).toBe('2027-01-01T00:00:00.000Z');
    expect(next([{ ...window, until: '2027-06-01T00:00:00.000Z' }], '2026-12-24T12:00Z')).toBe('2027-06-01T00:00:00.000Z');
    const later = { ...yearEnd, calendarId: 'later', from: '2026-12-26T00:00:00.000Z' };
    expect(next([{ ...yearEnd, until: '2026-12-26T00:00:00.000Z' }, later], '2026-12-24T12:00Z')).toBe('2027-01-04T05:00:00.000Z');
  });

  it('may be far away, and is looked for no further than 24 months', () => {
    const until = (end: string) => calendar('long', { zone: 'UTC', window: { kind: 'one-off', start: '2026-01-01T00:00', end } });
    expect(next([until('2028-05-30T00:00')], '2026-06-01T00:00Z')).toBe('2028-05-30T00:00:00.000Z');
    expect(next([until('2028-06-01T00:00')], '2026-06-01T00:00Z')).toBeUndefined();
    expect(next([until('2028-05-31T23:59')], '2026-06-01T00:00Z')).toBe('2028-05-31T23:59:00.000Z');
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

  it('that begin together count as the last of them, and one that nothing follows counts on', () => {
    const both = inForce([v(1, '2026-01-01'), v(2, '2026-01-01')]);
    expect(both).toMatchObject([{ version: 2, from: '2026-01-01' }]);
    expect(both[0]).not.toHaveProperty('until');
    expect(inForce([v(1, '2026-01-01', true)])).toEqual([]);
    expect(inForce([])).toEqual([]);
    expect(inForce([v(1, '2026-01-01'), v(2, '2026-06-01'), v(3, '2026-06-01')])).toMatchObject([
      { version: 1, until: '2026-06-01' },
      { version: 3, from: '2026-06-01' },
    ]);
  });

  it('never count when a later one overtakes them', () => {
    expect(inForce([v(1, '2026-01-01'), v(2, '2026-06-01'), v(3, '2026-03-01')])).toMatchObject([
      { version: 1, until: '2026-03-01' },
      { version: 3, from: '2026-03-01' },
    ]);
  });
});

describe('what closes a part of a time', () => {
  it('names the calendar and the part that it closes, clipped to what is asked', () => {
    expect(closedBetween([yearEnd], target(), at('2026-12-20T16:00Z'), at('2026-12-20T18:00Z'))).toEqual([
      {
        calendarId: 'year-end',
        version: 1,
        title: 'year-end',
        kind: 'freeze',
        from: at('2026-12-20T17:00Z'),
        until: at('2026-12-20T18:00Z'),
      },
    ]);
    expect(closedBetween([nights], target(), at('2026-06-01T19:00Z'), at('2026-06-01T21:00Z'))).toMatchObject([
      { calendarId: 'nights', kind: 'window', from: at('2026-06-01T19:00Z'), until: at('2026-06-01T20:00Z') },
    ]);
    expect(closedBetween([yearEnd], target('emergency'), at('2026-12-20T16:00Z'), at('2026-12-21T18:00Z'))).toEqual([]);
  });

  it('agrees with whether it is open at every instant, also where versions begin and end', () => {
    const hour = 3_600_000;
    const begin = at('2026-03-27T00:00Z');
    const some = fc.record({
      kind: fc.constantFrom('freeze' as const, 'window' as const),
      scope: fc.constantFrom({}, { product: 'shop' }, { service: 'api' }),
      start: fc.integer({ min: 0, max: 23 }),
      minutes: fc.integer({ min: 1, max: 30 * 60 }),
      from: fc.integer({ min: -20, max: 60 }),
      until: fc.option(fc.integer({ min: 61, max: 80 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(some, { maxLength: 4 }),
        fc.integer({ min: 0, max: 48 }),
        fc.integer({ min: 1, max: 60 }),
        (all, from, hours) => {
          const calendars = all.map(({ kind, scope, start, minutes, from: since, until }, i) =>
            calendar(`c${i}`, {
              kind,
              scope,
              window: {
                kind: 'recurring',
                start: `2026-03-20T${String(start).padStart(2, '0')}:30`,
                durationMinutes: minutes,
                rule: 'FREQ=DAILY',
              },
              from: new Date(begin + since * hour).toISOString(),
              ...(until === undefined ? {} : { until: new Date(begin + until * hour).toISOString() }),
            }),
          );
          const [first, end] = [begin + from * hour, begin + (from + hours) * hour];
          const closed = closedBetween(calendars, target(), first, end);
          for (const c of closed) expect(c.from >= first && c.until <= end && c.from < c.until).toBe(true);
          for (let tick = first; tick < end; tick += 7 * 60_000) {
            const isOpen = opennessAt(calendars, target(), tick).open;
            if (isOpen === closed.some((c) => c.from <= tick && tick < c.until))
              throw new Error(`At ${new Date(tick).toISOString()} open is ${isOpen}.`);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
