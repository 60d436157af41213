import type { EnvironmentEvent, Regime } from '#libs/contracts';
import { isRefusal } from '#libs/event-sourcing';
import { issued, scenario } from '#libs/event-sourcing/testing';
import type { FirstHands } from '#libs/policy';
import { noAliases } from '#libs/policy/testing';
import { defineEnvironment, DefineEnvironment } from './define-environment.ts';
import { environment } from './environment.ts';
import {
  confirmEnvironmentChange,
  ConfirmEnvironmentChange,
  proposeEnvironmentChange,
  ProposeEnvironmentChange,
  withdrawEnvironmentChange,
  WithdrawEnvironmentChange,
} from './propose-environment-change.ts';

type Proposed = Extract<EnvironmentEvent, { type: 'EnvironmentChangeProposed' }>;

const NOW = '2026-03-02T10:00:00.000Z';
const EXPIRES = '2026-03-09T10:00:00.000Z';
const FIRST = '5a1d0c52-0000-5000-8000-000000000001';
const SECOND = '5a1d0c52-0000-5000-8000-000000000002';

const environments = scenario(environment);
const defined = (policyId = 'bank', regimes: readonly Regime[] = ['PCI', 'SOX'], more: object = {}): EnvironmentEvent => ({
  type: 'EnvironmentDefined',
  data: { environment: 'production', class: 'production', policyId, ...(regimes.length > 0 ? { regimes } : {}), ...more },
});
const proposed = (proposalId = FIRST, changes: Partial<Proposed['data']> = {}): Proposed => ({
  type: 'EnvironmentChangeProposed',
  data: {
    environment: 'production',
    proposalId,
    policyId: 'lax',
    regimes: ['PCI', 'SOX'],
    formerly: { policyId: 'bank', regimes: ['PCI', 'SOX'] },
    reason: 'The bank moved.',
    proposedBy: 'rita',
    expiresAt: EXPIRES,
    ...changes,
  },
});
const withdrawn: EnvironmentEvent = {
  type: 'EnvironmentChangeWithdrawn',
  data: { environment: 'production', proposalId: FIRST, reason: 'It stays.', withdrawnBy: 'rita' },
};
const confirmed = (policyId = 'lax', regimes: readonly Regime[] = ['PCI', 'SOX'], confirmedBy = 'ron'): EnvironmentEvent =>
  defined(policyId, regimes, { proposalId: FIRST, proposedBy: 'rita', confirmedBy });

describe('proposing another policy, or other regimes', () => {
  const propose = (fields: Partial<ProposeEnvironmentChange>, person = 'rita', now = NOW) =>
    issued(ProposeEnvironmentChange, { reason: 'The bank moved.', ...fields }, 'production', { person, now });
  const decided = (events: readonly EnvironmentEvent[], ...asked: Parameters<typeof propose>): readonly EnvironmentEvent[] => {
    const { decision } = environments.given(...events).when(proposeEnvironmentChange, propose(...asked));
    if (isRefusal(decision)) throw new Error(decision.detail);
    return decision;
  };

  it('is on record with what it would replace, and changes nothing', () => {
    const [event] = decided([defined()], { policyId: 'lax' });
    const { proposalId } = (event as Proposed).data;
    expect(event).toEqual(proposed(proposalId));
    expect([defined(), event!].reduce(environment.evolve, environment.initial)).toMatchObject({
      policyId: 'bank',
      regimes: ['PCI', 'SOX'],
      proposal: { proposalId, policyId: 'lax', proposedBy: 'rita', expiresAt: EXPIRES },
    });
  });

  it('leaves as it is what it does not name', () => {
    expect(decided([defined()], { regimes: ['SOX'] })).toMatchObject([{ data: { policyId: 'bank', regimes: ['SOX'] } }]);
    expect(decided([defined()], { regimes: ['none'] })).toMatchObject([{ data: { policyId: 'bank', regimes: [] } }]);
    expect(decided([defined()], { policyId: 'lax', regimes: ['SOX', 'HIPAA'] })).toMatchObject([
      { data: { policyId: 'lax', regimes: ['HIPAA', 'SOX'] } },
    ]);
    environments.given(defined()).when(proposeEnvironmentChange, propose({})).thenRefused('nothing-proposed');
  });

  it('is once what it is, also when it is asked for again, and nothing where it is so already', () => {
    expect(decided([defined(), proposed()], { policyId: 'lax' })).toEqual([]);
    expect(decided([defined(), proposed(), confirmed()], { policyId: 'lax' })).toEqual([]);
    expect(decided([defined()], { policyId: 'bank', regimes: ['SOX', 'PCI'] })).toEqual([]);
  });

  it.each([
    ['of another policy', { policyId: 'laxer' }, 'rita', NOW],
    ['of other regimes', { policyId: 'lax', regimes: ['SOX'] as const }, 'rita', NOW],
    ['with another reason', { policyId: 'lax', reason: 'Because.' }, 'rita', NOW],
    ['by another person', { policyId: 'lax' }, 'ron', NOW],
    ['when the one before has expired', { policyId: 'lax' }, 'rita', EXPIRES],
  ])('takes the place of the proposal before: %s', (_how, fields, person, now) => {
    const [event] = decided([defined(), proposed()], fields, person, now);
    const { proposalId } = (event as Proposed).data;
    expect([defined(), proposed(), event!].reduce(environment.evolve, environment.initial)).toMatchObject({
      proposal: { proposalId, proposedBy: person },
      closed: { [FIRST]: 'superseded' },
    });
  });

  it('is for an environment that is defined', () => {
    environments
      .given()
      .when(proposeEnvironmentChange, propose({ policyId: 'lax' }))
      .thenRefused('environment-unknown');
  });
});

describe('confirming a proposal', () => {
  const confirm = (person = 'ron', proposalId = FIRST, now = NOW) =>
    issued(ConfirmEnvironmentChange, { proposalId }, 'production', { person, now });

  it('defines the environment so, by both, and once', () => {
    environments.given(defined(), proposed()).when(confirmEnvironmentChange, confirm(), noAliases).then(confirmed());
    for (const person of ['ron', 'rita', 'third'])
      environments.given(defined(), proposed(), confirmed()).when(confirmEnvironmentChange, confirm(person), noAliases).thenNothing();
    environments
      .given(defined(), proposed(FIRST, { policyId: 'bank', regimes: [] }))
      .when(confirmEnvironmentChange, confirm(), noAliases)
      .then(confirmed('bank', []));
  });

  it('is not done by who proposed it, with whatever account', () => {
    const given = environments.given(defined(), proposed());
    expect(given.when(confirmEnvironmentChange, confirm('rita'), noAliases).thenRefused('confirmed-by-another').kind).toBe('duty');
    const hands: FirstHands = {
      first: [{ person: 'rita', principal: 'test|rita' }],
      persons: { now: { 'test|rita': 'she', 'test|other': 'she' }, refs: ['account-other@1', 'account-rita@1'] },
    };
    expect(given.when(confirmEnvironmentChange, confirm('other'), hands).thenRefused('confirmed-by-another').reasons).toMatchObject([
      { evidence: ['account-other@1', 'account-rita@1'] },
    ]);
    given.when(confirmEnvironmentChange, confirm('ron'), hands).then(confirmed());
  });

  it('is done before it expires, by the clock of who confirms', () => {
    const given = environments.given(defined(), proposed());
    given.when(confirmEnvironmentChange, confirm('ron', FIRST, '2026-03-09T09:59:59.999Z'), noAliases).then(confirmed());
    given.when(confirmEnvironmentChange, confirm('ron', FIRST, EXPIRES), noAliases).thenRefused('proposal-expired');
  });

  it('is not done once who proposed it has left', () => {
    const given = environments.given(defined(), proposed());
    expect(
      given.when(confirmEnvironmentChange, confirm(), { ...noAliases, proposerLeft: 'person-rita@3' }).thenRefused('person-left').reasons,
    ).toMatchObject([{ evidence: ['person-rita@3'] }]);
    given.when(confirmEnvironmentChange, confirm(), noAliases).then(confirmed());
  });

  it.each([
    ['a newer one took its place', 'proposal-superseded', [proposed(SECOND, { policyId: 'laxer' })]],
    ['it was taken back', 'proposal-withdrawn', [withdrawn]],
    ['the environment got a regime since', 'proposal-outdated', [defined('bank', ['HIPAA', 'PCI', 'SOX'])]],
  ])('is refused where %s, with a sentence that says so', (_why, code, then) => {
    const given = environments.given(defined(), proposed(), ...then);
    const { kind, reasons } = given.when(confirmEnvironmentChange, confirm(), noAliases).thenRefused('proposal-not-open');
    expect([kind, reasons]).toMatchObject(['conflict', [{ code, detail: expect.stringMatching(/^[A-Z].*\.$/) }]]);
  });

  it('confirms the newer one where one took the place of another', () => {
    environments
      .given(defined(), proposed(), proposed(SECOND, { proposedBy: 'ron' }))
      .when(confirmEnvironmentChange, confirm('rita', SECOND), noAliases)
      .then(defined('lax', ['PCI', 'SOX'], { proposalId: SECOND, proposedBy: 'ron', confirmedBy: 'rita' }));
  });

  it('is of what was proposed here', () => {
    environments.given(defined()).when(confirmEnvironmentChange, confirm(), noAliases).thenRefused('proposal-unknown');
    environments
      .given(defined(), proposed())
      .when(confirmEnvironmentChange, confirm('ron', SECOND), noAliases)
      .thenRefused('proposal-unknown');
    environments.given().when(confirmEnvironmentChange, confirm(), noAliases).thenRefused('environment-unknown');
  });

  it('leaves nothing for one person to undo what two have decided', () => {
    const back = issued(DefineEnvironment, { environment: 'production', class: 'production', policyId: 'bank', regimes: ['PCI', 'SOX'] });
    environments.given(defined(), proposed(), confirmed()).when(defineEnvironment, back).thenRefused('takes-two-persons');
  });
});

describe('withdrawing a proposal', () => {
  const withdraw = (person = 'rita', proposalId = FIRST) =>
    issued(WithdrawEnvironmentChange, { proposalId, reason: 'It stays.' }, 'production', { person });

  it('is done by who proposed it, and once', () => {
    environments.given(defined(), proposed()).when(withdrawEnvironmentChange, withdraw(), noAliases).then(withdrawn);
    environments.given(defined(), proposed(), withdrawn).when(withdrawEnvironmentChange, withdraw(), noAliases).thenNothing();
  });

  it('is not done by anybody else, or to what is in force', () => {
    expect(
      environments
        .given(defined(), proposed())
        .when(withdrawEnvironmentChange, withdraw('ron'), noAliases)
        .thenRefused('withdrawn-by-proposer').kind,
    ).toBe('duty');
    environments
      .given(defined(), proposed(), confirmed())
      .when(withdrawEnvironmentChange, withdraw(), noAliases)
      .thenRefused('proposal-not-open');
    environments.given(defined()).when(withdrawEnvironmentChange, withdraw(), noAliases).thenRefused('proposal-unknown');
  });
});
