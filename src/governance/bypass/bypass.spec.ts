import type { BypassEvent } from '#libs/contracts';
import { isRefusal } from '#libs/event-sourcing';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { freezeOfTheBooks, gateFacts, noAliases } from '#libs/policy/testing';
import { bypasses } from './bypass.ts';
import { markBypassReviewOverdue, MarkBypassReviewOverdue } from './mark-review-overdue.ts';
import { recordBypassUse, RecordBypassUse } from './record-bypass-use.ts';
import { bypassIdOf, requestBypass, RequestBypass } from './request-bypass.ts';
import { reviewBypass, ReviewBypass } from './review-bypass.ts';

const register = scenario(bypasses);
const nobody = { requesters: {}, persons: noAliases.persons };
const facts = { gates: gateFacts(), ...nobody };
const NOW = '2026-03-02T10:00:00.000Z';
const DUE = '2026-03-05T10:00:00.000Z';
const LATER = '2026-03-05T10:00:00.001Z';
const fields: RequestBypass = {
  releaseId: 'release-1',
  environment: 'production',
  gates: ['approved', 'tests-passed'],
  justification: 'Payments are down.',
};
const ask = (changes: Partial<RequestBypass> = {}, meta: Parameters<typeof issued>[3] = {}) =>
  issued(RequestBypass, { ...fields, ...changes }, 'register', { person: 'otto', ...meta });
const requested = eventOf(register.given().when(requestBypass, ask(), facts).decision);
if (requested.type !== 'BypassRequested') throw new Error('not requested');
const { bypassId } = requested.data;
const used: BypassEvent = { type: 'BypassUsed', data: { bypassId, deploymentId: 'deployment-1', deployer: 'dan', at: NOW } };
const review = (person: string, changes: Partial<ReviewBypass> = {}, now = NOW) =>
  issued(ReviewBypass, { bypassId, outcome: 'approved', findings: 'The outage was real.', ...changes }, 'register', { person, now });
const nobodyElse = { authors: ['ada'], requesters: [], deployers: [], persons: noAliases.persons, refs: [] };
const reviewed = eventOf(register.given(requested, used).when(reviewBypass, review('rita'), nobodyElse).decision);

function eventOf(decision: ReturnType<typeof requestBypass>): BypassEvent {
  if (isRefusal(decision) || !decision[0]) throw new Error('no event');
  return decision[0];
}

describe('requesting a bypass', () => {
  it('binds the gates, the tuple, an expiry and a deadline for the review', () => {
    expect(requested.data).toMatchObject({
      bypassId: bypassIdOf('00000000-0000-4000-8000-000000000001'),
      product: 'shop',
      // In the policy's order.
      gates: ['tests-passed', 'approved'],
      requester: 'otto',
      tuple: { artifactDigests: ['sha256:aa'], environment: 'production', planHash: 'plan-hash', expiresAt: '2026-03-02T14:00:00.000Z' },
      reviewDueAt: DUE,
    });
  });

  it('is refused where the same person has it already, and says which; for another tuple it is another bypass', () => {
    const again = register.given(requested).when(requestBypass, ask(), facts).thenRefused('bypass-open');
    expect(again.reasons[0]?.unblockedBy).toContain(bypassId);
    const changed = { ...nobody, gates: gateFacts({ plan: { steps: [], planHash: 'other' } }) };
    expect(register.given(requested).when(requestBypass, ask(), changed).decision).toMatchObject([{ type: 'BypassRequested' }]);
  });

  it('never waives the separation of duties, and waives the rest', () => {
    const refusal = register
      .given()
      .when(requestBypass, ask({ gates: ['approved', 'duties-separated'] }), facts)
      .thenRefused('gate-not-waivable');
    expect(refusal.kind).toBe('duty');
    expect(register.given().when(requestBypass, ask({ gates: ['approved'] }), facts).decision).toHaveLength(1);
  });

  it.each([
    ['gate-not-in-policy', ask({ gates: ['aproved'] }), facts],
    ['gate-not-in-policy', ask({ gates: ['rollback-target-ran'] }), facts],
    ['review-due-at', ask({ reviewDueAt: '2026-03-05T10:00:00.001Z' }), facts],
    ['review-due-at', ask({ reviewDueAt: NOW }), facts],
    ['not-in-team', ask({ team: 'payments' }), { ...facts, team: { members: ['anna'], ref: 'group-payments@1' } }],
    ['no-policy', ask(), { ...nobody, gates: gateFacts({ policy: { ...facts.gates.policy, version: 0 } }) }],
    ['not-planned', ask(), { ...nobody, gates: { ...facts.gates, plan: undefined } }],
    ['release-unknown', ask(), { ...nobody, gates: { ...facts.gates, product: undefined } }],
    ['environment-unknown', ask(), { ...nobody, gates: { ...facts.gates, environmentClass: undefined } }],
  ] as const)('is refused: %s', (type, command, given) => {
    register
      .given()
      .when(requestBypass, command, given as typeof facts)
      .thenRefused(type);
  });

  it('waives a freeze where a calendar binds, whether or not the policy names the gate, and nothing where none does', () => {
    const frozen = { ...nobody, gates: gateFacts({ calendars: [freezeOfTheBooks] }) };
    const both = ask({ gates: ['not-frozen', 'approved'] });
    expect(register.given().when(requestBypass, both, frozen).decision).toMatchObject([{ data: { gates: ['approved', 'not-frozen'] } }]);
    const named = gateFacts();
    const policy = { ...named.policy, gates: [{ gate: 'not-frozen' as const }, ...named.policy.gates] };
    const thought = { ...nobody, gates: gateFacts({ policy, calendars: [freezeOfTheBooks] }) };
    expect(register.given().when(requestBypass, both, thought).decision).toMatchObject([{ data: { gates: ['not-frozen', 'approved'] } }]);
    const refusal = register.given().when(requestBypass, both, facts).thenRefused('gate-not-in-policy');
    expect(refusal.detail).toContain('does not ask for not-frozen, and no calendar is about this. It could waive: ');
    expect(refusal.detail).not.toContain('waive: not-frozen');
    // What is no gate stays none, frozen or not.
    const strange = register
      .given()
      .when(requestBypass, ask({ gates: ['rollback-target-ran'] }), frozen)
      .thenRefused('gate-not-in-policy');
    expect(strange.detail).toMatch(/does not ask for rollback-target-ran\. It could waive: .*approved, not-frozen\.$/);
  });

  it('is blocked while a review of the same person or the same product is overdue, from the instant on that it was due', () => {
    const other = { ...nobody, gates: gateFacts({ product: 'bank' }) };
    const at = (person: string, now: string) => ask({}, { person, now, commandId: '00000000-0000-4000-8000-000000000002' });
    const before = '2026-03-05T09:59:59.999Z';
    const refusal = register.given(requested, used).when(requestBypass, at('otto', DUE), other).thenRefused('bypass-review-overdue');
    expect(refusal.reasons[0]?.unblockedBy).toContain(bypassId);
    register.given(requested).when(requestBypass, at('emil', DUE), facts).thenRefused('bypass-review-overdue');
    for (const [command, given] of [
      [at('otto', before), other],
      [at('emil', before), facts],
      [at('emil', DUE), other],
    ] as const)
      expect(register.given(requested, used).when(requestBypass, command, given).decision).toMatchObject([{ type: 'BypassRequested' }]);
    expect(register.given(requested, used, reviewed).when(requestBypass, at('otto', DUE), facts).decision).toMatchObject([
      { type: 'BypassRequested' },
    ]);
  });

  it('is blocked for the whole team whose review is overdue', () => {
    const team = { members: ['emil', 'otto'], ref: 'group-payments@3' };
    const ofTeam = eventOf(register.given().when(requestBypass, ask({ team: 'payments' }), { ...facts, team }).decision);
    const other = gateFacts({ product: 'bank' });
    const emil = (name?: string) => ask({ ...(name ? { team: name } : {}) }, { person: 'emil', now: LATER });
    register
      .given(ofTeam)
      .when(requestBypass, emil('payments'), { ...nobody, gates: other, team })
      .thenRefused('bypass-review-overdue');
    expect(register.given(ofTeam).when(requestBypass, emil('ledger'), { ...nobody, gates: other, team }).decision).toHaveLength(1);
  });
});

describe('the use of a bypass', () => {
  const use = issued(RecordBypassUse, { bypassId, deploymentId: 'deployment-1', deployer: 'dan', at: NOW }, 'register');

  it('is on its record, once for everybody who deployed with it', () => {
    register.given(requested).when(recordBypassUse, use).then(used);
    register.given(requested, used).when(recordBypassUse, use).thenNothing();
    const resumed = issued(RecordBypassUse, { bypassId, deploymentId: 'deployment-1', deployer: 'eve', at: NOW }, 'register');
    const again: BypassEvent = { ...used, data: { ...used.data, deployer: 'eve' } } as BypassEvent;
    register.given(requested, used).when(recordBypassUse, resumed).then(again);
    register.given(requested, used, again).when(recordBypassUse, resumed).thenNothing();
    register.given().when(recordBypassUse, use).thenRefused('bypass-unknown');
  });
});

describe('the review of a bypass', () => {
  it('is somebody else\u2019s, with findings, and once', () => {
    expect(reviewed).toEqual({
      type: 'BypassReviewed',
      data: { bypassId, reviewer: 'rita', outcome: 'approved', findings: 'The outage was real.', late: false },
    });
    register.given(requested, used, reviewed).when(reviewBypass, review('rita'), nobodyElse).thenNothing();
    register.given(requested, used, reviewed).when(reviewBypass, review('emil'), nobodyElse).thenRefused('bypass-reviewed');
    register
      .given(requested, used, reviewed)
      .when(reviewBypass, review('rita', { outcome: 'rejected' }), nobodyElse)
      .thenRefused('bypass-reviewed');
  });

  it.each([
    ['requested it', 'otto'],
    ['deployed with it', 'dan'],
    ['wrote what it was for', 'ada'],
  ])('is not done by who %s', (_part, person) => {
    register.given(requested, used).when(reviewBypass, review(person), nobodyElse).thenRefused('review-by-another');
  });

  it('waits until it was used or has expired', () => {
    register.given(requested).when(reviewBypass, review('rita'), nobodyElse).thenRefused('bypass-not-used');
    expect(register.given(requested).when(reviewBypass, review('rita', {}, '2026-03-02T14:00:00.000Z'), nobodyElse).decision).toHaveLength(
      1,
    );
  });

  it('is late from the instant on that it was due, and says so', () => {
    for (const [now, late] of [
      ['2026-03-05T09:59:59.999Z', false],
      [DUE, true],
    ] as const)
      expect(register.given(requested, used).when(reviewBypass, review('rita', {}, now), nobodyElse).decision).toMatchObject([
        { data: { late } },
      ]);
  });

  it('is overdue when its time has come and not before, once, and not when it is done', () => {
    const mark = (now: string) => issued(MarkBypassReviewOverdue, { bypassId }, 'register', { now });
    const overdue: BypassEvent = { type: 'BypassReviewOverdue', data: { bypassId, requester: 'otto', product: 'shop', dueAt: DUE } };
    register.given(requested, used).when(markBypassReviewOverdue, mark('2026-03-05T09:59:59.999Z')).thenNothing();
    register.given(requested, used).when(markBypassReviewOverdue, mark(DUE)).then(overdue);
    register.given(requested, used, overdue).when(markBypassReviewOverdue, mark(LATER)).thenNothing();
    register.given(requested, used, reviewed).when(markBypassReviewOverdue, mark(LATER)).thenNothing();
    register.given().when(markBypassReviewOverdue, mark(DUE)).thenRefused('bypass-unknown');
  });
});
