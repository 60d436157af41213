import type { CalendarInForce } from '#libs/calendar';
import type { ReadAggregate } from '#libs/event-sourcing';
import { changeClassOf, evaluateGates, notFrozen, readCalendars, recheckReceipt } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';

const freeze: CalendarInForce = {
  calendarId: 'books',
  version: 2,
  title: 'Books',
  kind: 'freeze',
  scope: {},
  zone: 'UTC',
  passes: ['emergency', 'rollback'],
  from: '2026-01-01T00:00:00.000Z',
  window: { kind: 'one-off', start: '2026-03-02T00:00', end: '2026-03-03T00:00' },
};
const policy = { id: 'open', version: 1, gates: [], rollbackGates: [] };
const refs = { ...gateFacts().refs, calendars: 'calendar-organisation@4' };
const facts = gateFacts({ policy, refs, calendars: [freeze], tzdata: '2024a' });
const request = { deployer: 'dan', now: '2026-03-02T10:00:00.000Z' };

describe('the gate not-frozen', () => {
  it('is judged wherever a calendar is about the change, also where the policy does not name it', () => {
    expect(evaluateGates(facts, request)).toMatchObject({
      verdict: 'fail',
      inputs: expect.arrayContaining(['calendar-organisation@4']),
      gates: [{ gate: 'not-frozen', verdict: 'fail', evidence: ['calendar-organisation@4', 'tzdata:2024a'] }],
    });
    expect(evaluateGates(gateFacts({ policy }), request)).toMatchObject({ verdict: 'pass', gates: [] });
  });

  it('passes where a policy names it and no calendar is about the change', () => {
    const named = gateFacts({ policy: { ...policy, gates: [{ gate: 'not-frozen' }] } });
    expect(evaluateGates(named, request)).toMatchObject({ verdict: 'pass', gates: [{ gate: 'not-frozen', verdict: 'pass' }] });
  });

  const windows: CalendarInForce = {
    ...freeze,
    calendarId: 'nights',
    version: 1,
    title: 'Nights',
    kind: 'window',
    window: { kind: 'recurring', start: '2026-03-01T22:00', durationMinutes: 120, rule: 'FREQ=DAILY' },
  };
  const said = (calendars: readonly CalendarInForce[], now = request.now, more = {}) =>
    notFrozen(gateFacts({ calendars, ...more }), now, 'normal');

  it('says what closes and until when, and what is open', () => {
    expect(said([freeze])).toEqual({
      open: false,
      detail: 'The freeze Books (books, version 2) holds until 2026-03-03T00:00:00.000Z.',
      unblockedBy: 'Next open: 2026-03-03T00:00:00.000Z.',
      opensAt: '2026-03-03T00:00:00.000Z',
    });
    expect(said([windows])).toEqual({
      open: false,
      detail: 'The window Nights (nights, version 1) is not open before 2026-03-02T22:00:00.000Z.',
      unblockedBy: 'Next open: 2026-03-02T22:00:00.000Z.',
      opensAt: '2026-03-02T22:00:00.000Z',
    });
    expect(said([{ ...windows, window: { kind: 'one-off', start: '2026-01-01T00:00', end: '2026-01-02T00:00' } }])).toEqual({
      open: false,
      detail: 'The window Nights (nights, version 1) is not open.',
      unblockedBy: 'It does not open within 24 months: have a calendar changed.',
    });
    expect(said([windows], '2026-03-02T22:30:00.000Z')).toEqual({
      open: true,
      detail: 'no freeze holds for production. The window Nights is open.',
    });
    const both = [windows, { ...windows, calendarId: 'more', title: 'More' }];
    expect(said(both, '2026-03-02T22:30:00.000Z').detail).toBe('no freeze holds for production. The window Nights, More is open.');
    expect(said(both).detail).toContain('Nights (nights, version 1) is not open before 2026-03-02T22:00:00.000Z. The window More');
    expect(said([])).toEqual({ open: true, detail: 'no freeze holds for production.' });
    const { calendars: _none, ...without } = gateFacts();
    expect(notFrozen(without, request.now, 'normal').open).toBe(true);
  });

  it('asks calendars about the environment, its class, the product and the services', () => {
    const scoped = (scope: CalendarInForce['scope'], more = {}): boolean => said([{ ...freeze, scope }], request.now, more).open;
    for (const scope of [{ environment: 'production' }, { environmentClass: 'production' }, { product: 'shop' }, { service: 'api' }]) {
      expect(scoped(scope)).toBe(false);
      expect(scoped(scope, { environment: 'x', environmentClass: 'test', product: 'y', artifacts: [] })).toBe(true);
    }
    const { environmentClass: _class, product: _product, ...bare } = gateFacts({ calendars: [{ ...freeze, scope: { product: 'shop' } }] });
    expect(notFrozen(bare, request.now, 'normal').open).toBe(true);
  });

  it('is of the class that the plan was made for, and of a rollback for a rollback', () => {
    expect(changeClassOf(facts, 'deployment')).toBe('normal');
    expect(changeClassOf(gateFacts({ plan: { steps: [], planHash: 'x', changeClass: 'emergency' } }), 'deployment')).toBe('emergency');
    expect(changeClassOf(gateFacts({ plan: { steps: [], planHash: 'x', changeClass: 'emergency' } }), 'rollback')).toBe('rollback');
    const { plan: _plan, ...unplanned } = facts;
    expect(changeClassOf(unplanned, 'deployment')).toBe('normal');
    const named = { ...facts, policy: { ...policy, rollbackGates: [{ gate: 'not-frozen' as const }] } };
    expect(evaluateGates(named, request, 'rollback').gates).toMatchObject([
      { verdict: 'pass', detail: 'A change of class rollback: no freeze holds for production.' },
    ]);
  });

  it('is judged once where the policy names it, too, and cites the environment where no calendar was read', () => {
    const named = { ...facts, policy: { ...policy, gates: [{ gate: 'not-frozen' as const }, { gate: 'tests-passed' as const }] } };
    expect(evaluateGates(named, request).gates.map((g) => g.gate)).toEqual(['not-frozen', 'tests-passed']);
    const { calendars: _ref, ...without } = refs;
    const { calendars: _calendars, tzdata: _tzdata, ...none } = { ...named, refs: without };
    expect(evaluateGates(none, request).gates[0]).toMatchObject({
      verdict: 'pass',
      evidence: ['environment-production@0', 'tzdata:none'],
    });
  });

  it('is about the calendars that the stream has for the change, with the environment’s class from its own', async () => {
    const declared = { calendarId: 'books', version: 1, effectiveFrom: '2026-01-01', contents: freeze };
    const streams: Record<string, unknown> = {
      calendar: {
        books: [declared],
        other: [{ ...declared, calendarId: 'other', contents: { ...freeze, scope: { environmentClass: 'test' } } }],
      },
      environment: { ran: [], class: 'production' },
    };
    const read = (async ({ category }: { category: string }) => ({
      state: streams[category],
      ref: `${category}@1`,
    })) as unknown as ReadAggregate;
    const asked = { environment: 'production', services: ['api'], changeClass: 'normal' } as const;
    expect(await readCalendars(read, asked)).toMatchObject({
      inScope: [{ calendarId: 'books', version: 1, from: '2026-01-01' }],
      target: { ...asked, environmentClass: 'production' },
      ref: 'calendar@1',
    });
    streams['environment'] = { ran: [] };
    expect((await readCalendars(read, asked)).target).toEqual(asked);
  });

  it('says at which instant time itself unblocks it', () => {
    expect(evaluateGates(facts, request).unblocking).toEqual([
      { gate: 'not-frozen', action: 'Next open: 2026-03-03T00:00:00.000Z.', takes: 'time', minutes: 840, at: '2026-03-03T00:00:00.000Z' },
    ]);
  });

  it('is not executed again with another edition of the time zone database as if nothing had changed', async () => {
    const again = await recheckReceipt(evaluateGates(facts, request), () => []);
    expect(again).toMatchObject({ outcome: 'unknowable', why: expect.stringContaining('2024a') });
  });
});

describe('what calendars say where nobody asks when it opens', () => {
  it('is what closes it, and nothing to do about it', () => {
    expect(notFrozen(gateFacts({ calendars: [freeze] }), request.now, 'normal', false)).toEqual({
      open: false,
      detail: 'The freeze Books (books, version 2) holds until 2026-03-03T00:00:00.000Z.',
    });
    expect(notFrozen(gateFacts({ calendars: [freeze] }), '2026-03-03T00:00:00.000Z', 'normal', false)).toMatchObject({ open: true });
  });
});

describe('the class that a change counts as', () => {
  const planned = (changeClass: 'standard' | 'emergency', counted?: 'normal' | 'standard' | 'emergency') =>
    gateFacts({ plan: { steps: [], planHash: 'x', changeClass }, ...(counted ? { counted: { class: counted, detail: 'Said.' } } : {}) });

  it('is what it was found to count as, before what its plan claims', () => {
    expect(changeClassOf(planned('emergency', 'normal'), 'deployment')).toBe('normal');
    expect(changeClassOf(planned('emergency', 'emergency'), 'deployment')).toBe('emergency');
    expect(changeClassOf(planned('emergency', 'normal'), 'rollback')).toBe('rollback');
  });

  it('is what it was started as where that is borne still, and else a normal one', () => {
    expect(changeClassOf(planned('standard', 'standard'), 'deployment', 'standard')).toBe('standard');
    expect(changeClassOf(planned('standard', 'normal'), 'deployment', 'standard')).toBe('normal');
    expect(changeClassOf(planned('standard'), 'deployment', 'standard')).toBe('normal');
    // What was started as a normal one becomes no other by what is found later.
    expect(changeClassOf(planned('standard', 'standard'), 'deployment', 'normal')).toBe('normal');
    const { plan: _plan, ...bare } = gateFacts();
    expect(changeClassOf(bare, 'deployment', 'emergency')).toBe('normal');
  });

  it('is a rollback where it was started as one, whatever it is judged as', () => {
    for (const kind of ['deployment', 'rollback'] as const)
      expect(changeClassOf(planned('standard', 'standard'), kind, 'rollback')).toBe('rollback');
  });
});

describe('what bears a class other than normal', () => {
  const standard = { class: 'standard', detail: 'Model patch bears it.' } as const;
  const said = (more: object, changeClass: 'normal' | 'standard' | 'rollback') =>
    notFrozen(gateFacts({ calendars: [{ ...freeze, passes: ['standard'] }], ...more }), request.now, changeClass);

  it('is named with what it opens', () => {
    expect(said({ counted: standard }, 'standard')).toEqual({
      open: true,
      detail: 'no freeze holds for production. Model patch bears it.',
    });
    expect(said({}, 'standard').detail).toBe('no freeze holds for production.');
    expect(said({ counted: standard }, 'rollback').detail).toBe('no freeze holds for production.');
    const normal = { class: 'normal', detail: 'Nothing bears it.', unblockedBy: 'Submit it.' } as const;
    expect(said({ counted: normal, calendars: [] }, 'normal').detail).toBe('no freeze holds for production.');
  });

  it('is what nothing does, named with what stays closed and what would bear it', () => {
    const nothing = { class: 'normal', detail: 'Nothing bears it.' } as const;
    const closed = 'The freeze Books (books, version 2) holds until 2026-03-03T00:00:00.000Z.';
    expect(said({ counted: { ...nothing, unblockedBy: 'Submit it.' } }, 'normal')).toMatchObject({
      open: false,
      detail: `Nothing bears it. ${closed}`,
      unblockedBy: 'Next open: 2026-03-03T00:00:00.000Z. Submit it.',
    });
    expect(said({ counted: nothing }, 'normal').unblockedBy).toBe('Next open: 2026-03-03T00:00:00.000Z.');
    // What it counts as now says nothing of the class that it was started as.
    expect(said({ counted: standard }, 'normal')).toMatchObject({ detail: closed, unblockedBy: 'Next open: 2026-03-03T00:00:00.000Z.' });
  });
});
