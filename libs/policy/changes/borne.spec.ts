import type { ChangeEvent } from '#libs/contracts';
import { countedClass, evaluateGates, tupleOf, type ChangeFacts, type GateFacts } from '#libs/policy';
import { dossierOf, modelVersion, releaseFacts, submittedWith, withChange } from '#libs/policy/testing';

const now = '2026-03-02T10:00:00.000Z';
const planned = (changeClass: 'emergency' | 'standard'): GateFacts =>
  releaseFacts({
    plan: {
      steps: [{ id: 'a', driver: 'exec', action: 'switch', input: {}, dependsOn: [] }],
      planHash: 'plan-hash',
      changeClass,
    },
  });

describe('an emergency that a plan claims', () => {
  const emergency = planned('emergency');
  const submitted = submittedWith(dossierOf(emergency, { incidentId: 'incident-1' }), {
    route: 'emergency',
    reviewDueAt: '2026-03-05T08:00:00.000Z',
  });
  const count = (events: readonly ChangeEvent[], more: Partial<ChangeFacts> = {}, at = now, facts = emergency) =>
    countedClass(withChange(facts, events, more), 'emergency', at);
  const open = { incident: { open: true, environment: 'production' } };

  it('is borne by an emergency change while its incident is open in the environment', () => {
    expect(count([submitted], open)).toEqual({
      class: 'emergency',
      detail: 'An emergency: Incident incident-1 is open in production. Its review is due at 2026-03-05T08:00:00.000Z.',
    });
  });

  it.each<[string, readonly ChangeEvent[], Partial<ChangeFacts>, string, RegExp]>([
    ['nothing was submitted', [], open, now, /No change was submitted/],
    ['its incident is resolved', [submitted], { incident: { open: false, environment: 'production' } }, now, /is resolved/],
    ['its incident is elsewhere', [submitted], { incident: { open: true, environment: 'staging' } }, now, /is about staging/],
    ['its time has not come', [submitted], open, '2026-03-02T08:59:59.999Z', /planned from/],
    ['its time is over', [submitted], open, '2026-03-02T12:00:00.000Z', /planned until/],
    [
      'it is done',
      [
        submitted,
        {
          type: 'ChangeImplemented',
          data: { ...submitted.data, deploymentId: 'd1', outcome: 'succeeded' },
        },
      ],
      open,
      now,
      /is done/,
    ],
  ])('counts as a normal change where %s', (_what, events, more, at, why) => {
    const counted = count(events, more, at);
    expect(counted).toMatchObject({ class: 'normal', unblockedBy: expect.stringContaining('incident that is open in production') });
    expect(counted.detail).toMatch(/^It is planned as an emergency, and nothing bears that: it counts as a normal one\./);
    expect(counted.detail).toMatch(why);
  });

  it('is not borne by a change of another class, nor by one of another plan', () => {
    const normal = submittedWith(dossierOf(releaseFacts()));
    expect(count([normal], open).class).toBe('normal');
    const replanned = releaseFacts({ plan: { ...emergency.plan!, planHash: 'another' } });
    expect(count([submitted], open, now, replanned)).toMatchObject({ class: 'normal', detail: expect.stringContaining('deployment plan') });
  });

  it('is borne by a bypass that holds for exactly this, as long as it holds', () => {
    const tuple = tupleOf(emergency, '2026-03-02T11:00:00.000Z');
    const under = (more: object, at = now): string =>
      countedClass(
        { ...emergency, bypass: { id: 'bypass-1', grant: { requester: 'rita', gates: ['tests-passed'], tuple, ...more } } },
        'emergency',
        at,
      ).class;
    expect(under({})).toBe('emergency');
    expect(under({}, tuple.expiresAt)).toBe('normal');
    expect(under({ review: 'rejected' })).toBe('normal');
    expect(under({ tuple: { ...tuple, planHash: 'another' } })).toBe('normal');
    expect(countedClass({ ...emergency, bypass: { id: 'bypass-1' } }, 'emergency', now).class).toBe('normal');
  });
});

describe('a standard change that a plan claims', () => {
  const standard = planned('standard');
  const submitted = submittedWith(dossierOf(standard, { model: { modelId: 'patch', version: 1 } }), { route: 'model' });
  const count = (version = modelVersion()) =>
    countedClass(withChange(standard, [submitted], { model: { versions: [version] }, successes: 0 }), 'standard', now);

  it('is borne by a model that pre-approves it, and by no bypass', () => {
    expect(count()).toMatchObject({ class: 'standard', detail: expect.stringContaining('version 1 of change model patch') });
    expect(count(modelVersion({ status: 'suspended' }))).toMatchObject({
      class: 'normal',
      detail: expect.stringMatching(/^It is planned as a standard change, and nothing bears that/),
      unblockedBy: 'Submit it as a standard change by a model that is approved and in force.',
    });
    const tuple = tupleOf(standard, '2026-03-02T11:00:00.000Z');
    const grant = { requester: 'rita', gates: ['tests-passed' as const], tuple };
    expect(countedClass({ ...standard, bypass: { id: 'bypass-1', grant } }, 'standard', now).class).toBe('normal');
  });
});

describe('a freeze', () => {
  const freeze = {
    calendarId: 'books',
    version: 1,
    title: 'Books',
    kind: 'freeze' as const,
    scope: {},
    zone: 'UTC',
    passes: ['emergency' as const, 'rollback' as const],
    from: '2026-01-01T00:00:00.000Z',
    window: { kind: 'one-off' as const, start: '2026-03-02T00:00', end: '2026-03-03T00:00' },
  };
  const emergency = planned('emergency');
  const policy = { ...emergency.policy, gates: [] };
  const under = (counted: GateFacts['counted'], kind: 'deployment' | 'rollback' = 'deployment') =>
    evaluateGates(
      {
        ...emergency,
        policy,
        calendars: [freeze],
        tzdata: '2025c',
        ...(counted ? { counted } : {}),
        refs: { ...emergency.refs, change: { change: 'change-1@0', incident: 'incident-1@0' } },
      },
      { deployer: 'dan', now },
      kind,
    );

  it('lets an emergency pass that is borne, and says by what', () => {
    expect(under({ class: 'emergency', detail: 'An emergency: Incident 1 is open.' })).toMatchObject({
      verdict: 'pass',
      gates: [
        {
          detail: 'A change of class emergency: no freeze holds for production. An emergency: Incident 1 is open.',
          evidence: expect.arrayContaining(['change-1@0', 'incident-1@0']),
        },
      ],
    });
  });

  it('holds one that is not, and says what would bear it; a rollback passes whatever its plan claims', () => {
    const counted = { class: 'normal', detail: 'Nothing bears it.', unblockedBy: 'Submit it.' } as const;
    const { verdict, gates } = under(counted);
    expect(verdict).toBe('fail');
    expect(gates[0]?.detail).toMatch(/^A change of class normal: Nothing bears it\. The freeze Books/);
    expect(gates[0]?.unblockedBy).toBe('Next open: 2026-03-03T00:00:00.000Z. Submit it.');
    expect(under(counted, 'rollback').gates.find((g) => g.gate === 'not-frozen')).toMatchObject({
      verdict: 'pass',
      detail: 'A change of class rollback: no freeze holds for production.',
      evidence: ['environment-production@0', 'tzdata:2025c'],
    });
  });
});
