import type { BypassEvent, GateName } from '#libs/contracts';
import type { Loaded, ReadAggregate } from '#libs/event-sourcing';
import {
  bypassReasons,
  bypassRefusal,
  bypassSource,
  evaluateGates,
  NEVER_WAIVED,
  readBypass,
  tupleOf,
  waivedGates,
  type BypassGrant,
  type GateFacts,
} from '#libs/policy';
import { freezeOfTheBooks, gateFacts } from '#libs/policy/testing';

const NOW = '2026-03-02T10:00:00.000Z';
const tuple = tupleOf(gateFacts(), '2026-03-03T10:00:00.000Z');
const grant = (more: Partial<BypassGrant> = {}): BypassGrant => ({ requester: 'otto', gates: ['approved'], tuple, ...more });
const facts = (bypass?: GateFacts['bypass'], more: Partial<GateFacts> = {}): GateFacts =>
  gateFacts({ ...(bypass ? { bypass } : {}), refs: { ...gateFacts().refs, bypass: 'bypass-register@7' }, ...more });
const requested = (bypassId: string): BypassEvent => ({
  type: 'BypassRequested',
  data: {
    bypassId,
    releaseId: 'release-1',
    environment: 'production',
    product: 'shop',
    gates: ['approved'],
    justification: 'Payments are down.',
    requester: 'otto',
    tuple,
    tupleHash: 'x',
    reviewDueAt: NOW,
  },
});
const reviewed = (bypassId: string, outcome: 'approved' | 'rejected'): BypassEvent => ({
  type: 'BypassReviewed',
  data: { bypassId, reviewer: 'rita', outcome, findings: 'x', late: false },
});

describe('a bypass', () => {
  it('lifts the gates that it names, for what it was given, until it expires', () => {
    expect(waivedGates(facts({ id: 'b1', grant: grant() }), NOW)).toEqual(['approved']);
    expect(waivedGates(facts({ id: 'b1', grant: grant() }), '2026-03-03T09:59:59.999Z')).toEqual(['approved']);
    expect(waivedGates(facts({ id: 'b1', grant: grant() }), '2026-03-03T10:00:00.000Z')).toEqual([]);
    expect(waivedGates(facts({ id: 'b1', grant: grant() }, { environment: 'staging' }), NOW)).toEqual([]);
    expect(waivedGates(facts({ id: 'b1' }), NOW)).toEqual([]);
    expect(waivedGates(facts(), NOW)).toEqual([]);
  });

  it('never lifts the separation of duties, whatever it names', () => {
    expect(NEVER_WAIVED).toEqual(['duties-separated']);
    const gates: GateName[] = ['duties-separated', 'tests-passed'];
    expect(waivedGates(facts({ id: 'b1', grant: grant({ gates }) }), NOW)).toEqual(['tests-passed']);
  });

  it('holds with a review that approved it, and not with one that rejected it', () => {
    expect(bypassReasons(facts({ id: 'b1', grant: grant({ review: 'approved' }) }), NOW)).toEqual([]);
    expect(bypassReasons(facts({ id: 'b1', grant: grant({ review: 'rejected' }) }), NOW)).toEqual([
      {
        code: 'bypass-rejected',
        detail: 'The review of bypass b1 rejected it.',
        evidence: ['bypass-register@7'],
        unblockedBy: 'Fulfil the gates, or request a bypass on other grounds.',
      },
    ]);
  });

  it('says all that is against it', () => {
    expect(bypassReasons(facts(), NOW)).toEqual([]);
    expect(bypassReasons(facts({ id: 'b1', grant: grant() }), NOW)).toEqual([]);
    expect(bypassReasons(facts({ id: 'b1' }), NOW)).toEqual([
      {
        code: 'bypass-unknown',
        detail: 'There is no bypass b1.',
        evidence: ['bypass-register@7'],
        unblockedBy: 'Request a bypass and name its id.',
      },
    ]);
    const changed = facts({ id: 'b1', grant: grant() }, { environment: 'staging', plan: { steps: [], planHash: 'other' } });
    const anew = { evidence: ['bypass-register@7'], unblockedBy: 'Request a bypass for what is there now.' };
    expect(bypassReasons(changed, tuple.expiresAt)).toEqual([
      { code: 'bypass-tuple-differs', detail: 'It was given for production, this is staging.', ...anew },
      { code: 'bypass-tuple-differs', detail: 'The deployment plan has changed since.', ...anew },
      { code: 'bypass-expired', detail: 'Bypass b1 expired at 2026-03-03T10:00:00.000Z.', ...anew },
    ]);
    const { bypass: _ref, ...refs } = changed.refs;
    expect(bypassReasons({ ...changed, refs }, NOW)[0]?.evidence).toEqual([]);
  });

  it('is written on the receipt, on the gate that does not pass, and only there', () => {
    const receipt = evaluateGates(facts({ id: 'b1', grant: grant({ gates: ['approved', 'tests-passed'] }) }), {
      deployer: 'dan',
      now: NOW,
    });
    expect(receipt).toMatchObject({ verdict: 'pass', subject: { bypassId: 'b1' } });
    expect(receipt.gates.map((g) => [g.gate, g.verdict, g.waivedBy])).toEqual([
      ['artifacts-registered', 'pass', undefined],
      ['version-assigned', 'pass', undefined],
      ['tests-passed', 'pass', undefined],
      ['approved', 'inconclusive', 'b1'],
      ['duties-separated', 'pass', undefined],
    ]);
    expect(receipt).not.toHaveProperty('unblocking');
  });

  it('lifts a freeze that binds although the policy does not name the gate, and only where it names it', () => {
    const judged = (gates: readonly GateName[]) =>
      evaluateGates(facts({ id: 'b1', grant: grant({ gates }) }, { calendars: [freezeOfTheBooks] }), { deployer: 'dan', now: NOW });
    expect(judged(['approved', 'not-frozen'])).toMatchObject({ verdict: 'pass' });
    // It does not pass, and it is on record that it does not.
    expect(judged(['approved', 'not-frozen']).gates.at(-1)).toMatchObject({ gate: 'not-frozen', verdict: 'fail', waivedBy: 'b1' });
    expect(judged(['approved'])).toMatchObject({ verdict: 'fail', unblocking: [{ gate: 'not-frozen' }] });
  });

  it('lifts nothing of a rollback, which has gates of its own', () => {
    const bypass = { id: 'b1', grant: grant({ gates: ['rollback-target-ran'] as GateName[] }) };
    expect(evaluateGates(facts(bypass), { deployer: 'dan', now: NOW }, 'rollback').verdict).toBe('fail');
    expect(evaluateGates(facts(bypass, { ranBefore: true }), { deployer: 'dan', now: NOW }, 'rollback').verdict).toBe('pass');
  });
});

describe('the register of bypasses, as gates read it', () => {
  const after = (...events: BypassEvent[]) => events.reduce((state, event) => bypassSource.evolve(state, event), bypassSource.initial);

  it('knows each with what it lifts, for what, and its review', () => {
    expect(after(requested('b1'), requested('b2'), reviewed('b2', 'rejected'))).toEqual({
      b1: { requester: 'otto', gates: ['approved'], tuple },
      b2: { requester: 'otto', gates: ['approved'], tuple, review: 'rejected' },
    });
  });

  it('takes no notice of a review of what is not there, or of uses', () => {
    expect(after(reviewed('b1', 'approved'))).toEqual({});
    const used: BypassEvent = { type: 'BypassUsed', data: { bypassId: 'b1', deploymentId: 'd', deployer: 'dan', at: NOW } };
    expect(after(requested('b1'), used)).toStrictEqual({ b1: { requester: 'otto', gates: ['approved'], tuple } });
  });

  it('is one stream', () => expect(bypassSource.category).toBe('bypass'));

  it('is read with where it is written, also where there is no bypass of that id', async () => {
    const state = after(requested('b1'));
    const read = (async () => ({ state, ref: 'bypass-register@0' }) as unknown as Loaded<unknown>) as ReadAggregate;
    expect(await readBypass(read, 'b1')).toEqual({ ref: 'bypass-register@0', bypass: { id: 'b1', grant: state['b1'] } });
    expect(await readBypass(read, 'b2')).toEqual({ ref: 'bypass-register@0', bypass: { id: 'b2' } });
  });
});

describe('the refusal to begin something under a bypass', () => {
  const held = (more: Partial<NonNullable<NonNullable<GateFacts['bypass']>['grant']>> = {}): GateFacts => {
    const asked = gateFacts();
    const tuple = tupleOf(asked, '2026-03-05T10:00:00.000Z');
    const grant = { requester: 'otto', gates: ['tests-passed' as const], tuple, ...more };
    return { ...asked, bypass: { id: 'b1', grant }, refs: { ...asked.refs, bypass: 'bypass-register@3' } };
  };
  const at = '2026-03-02T10:00:00.000Z';

  it('is none where there is no bypass, or it holds and is open', () => {
    expect(bypassRefusal(gateFacts(), at)).toBeUndefined();
    expect(bypassRefusal(held(), at)).toBeUndefined();
  });

  it('is that it was reviewed, and that it is over', () => {
    const closed = {
      code: 'bypass-reviewed',
      detail: 'Bypass b1 was reviewed, and is closed.',
      evidence: ['bypass-register@3'],
      unblockedBy: 'Request a new bypass, or fulfil the gates.',
    };
    expect(bypassRefusal(held({ review: 'approved' }), at)).toMatchObject({
      kind: 'conflict',
      type: 'bypass-not-valid',
      detail: 'Bypass b1 does not hold for this deployment.',
      reasons: [closed],
    });
    const late = bypassRefusal(held(), '2026-03-05T10:00:00.000Z');
    expect(late).toMatchObject({ type: 'bypass-not-valid' });
    expect(late?.reasons).toHaveLength(1);
    expect(bypassRefusal(held({ review: 'approved' }), '2026-03-05T10:00:00.000Z')?.reasons).toHaveLength(2);
    const { bypass: _bypass, ...refs } = held().refs;
    expect(bypassRefusal({ ...held({ review: 'approved' }), refs }, at)?.reasons).toMatchObject([{ evidence: [] }]);
  });
});
