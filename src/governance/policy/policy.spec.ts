import fc from 'fast-check';
import { PLANNED_CHANGE_CLASSES, REGIMES, RISK_CLASSES, type PolicyEvent } from '#libs/contracts';
import { isRefusal } from '#libs/event-sourcing';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { asksAsMuch, expressionHost, gatesFor } from '#libs/policy';
import { checkExpressions } from './check-expressions.ts';
import type { ExpressionFindings, PolicyContents } from './policy-contents.ts';
import { policy } from './policy.ts';
import { publishPolicy, PublishPolicy } from './publish-policy.ts';

const policies = scenario(policy);
const rollbackGates = [{ gate: 'rollback-target-ran' }];
const publish = (gates: PublishPolicy['gates'], title = 'Bank') =>
  issued(PublishPolicy, { policyId: 'bank', title, gates, rollbackGates }, 'bank');
const published = (version: number): PolicyEvent => ({
  type: 'PolicyPublished',
  data: {
    policyId: 'bank',
    version,
    title: 'Bank',
    gates: [{ gate: 'approved', quorum: 2 }],
    rollbackGates: [{ gate: 'rollback-target-ran' }],
    clauses: [],
    effectiveFrom: '2026-03-02T10:00:00.000Z',
  },
});

describe('publishing a policy', () => {
  it('asks for a change of deployments, and of no rollback', () => {
    const rules = { policyId: 'bank', title: 'Bank', gates: [{ gate: 'change-approved' }] };
    const rollback = issued(PublishPolicy, { ...rules, rollbackGates: [{ gate: 'change-approved' }] }, 'bank');
    expect(policies.given().when(publishPolicy, rollback).thenRefused('gate-unsatisfiable').detail).toMatch(
      /rollback is a class of its own/,
    );
    expect(policies.given().when(publishPolicy, issued(PublishPolicy, { ...rules, rollbackGates }, 'bank')).decision).toMatchObject([
      { data: { gates: [{ gate: 'change-approved' }] } },
    ]);
  });

  it('gives it the next version', () => {
    policies
      .given()
      .when(publishPolicy, publish([{ gate: 'approved', quorum: 2 }]))
      .then(published(1));
    expect(policies.given(published(1)).when(publishPolicy, publish([{ gate: 'approved', quorum: 3 }])).decision).toMatchObject([
      { data: { version: 2 } },
    ]);
  });

  it('is nothing new where nothing changes', () => {
    policies
      .given(published(1))
      .when(publishPolicy, publish([{ gate: 'approved', quorum: 2 }]))
      .thenNothing();
  });

  it('refuses a misspelt gate and says which there are', () => {
    expect(
      policies
        .given()
        .when(publishPolicy, publish([{ gate: 'aproved', quorum: 2 }]))
        .thenRefused('gate-unknown').detail,
    ).toContain('approved');
  });

  it.each([[[{ gate: 'approved' }]], [[{ gate: 'tests-passed', quorum: 2 }]]])(
    'refuses parameters that the gate does not take or lacks: %j',
    (gates) => {
      policies.given().when(publishPolicy, publish(gates)).thenRefused('gate-parameters');
    },
  );

  it('refuses a gate named twice, and one that nothing could satisfy', () => {
    policies
      .given()
      .when(publishPolicy, publish([{ gate: 'tests-passed' }, { gate: 'tests-passed' }]))
      .thenRefused('gate-twice');
    policies
      .given()
      .when(publishPolicy, publish([{ gate: 'duties-separated' }]))
      .thenRefused('gate-unsatisfiable');
  });

  it('keeps duties apart that it names, besides what is kept apart everywhere', () => {
    const apart = [{ id: 'tester-is-not-author', duties: ['author', 'tester'] as const }];
    const gates = (sets: typeof apart, gate = 'duties-separated') => [
      { gate: 'approved', quorum: 1 },
      { gate, apart: sets },
    ];
    expect(policies.given().when(publishPolicy, publish(gates(apart))).decision).toMatchObject([
      { data: { gates: [{ gate: 'approved' }, { gate: 'duties-separated', apart }] } },
    ]);
    policies
      .given()
      .when(publishPolicy, publish(gates(apart, 'tests-passed')))
      .thenRefused('gate-parameters');
  });

  it.each([
    ['separation-empty', [{ id: 'any-two', duties: ['author', 'tester'] as const, atMost: 2 }]],
    ['separation-empty', [{ id: 'never-on-record', duties: ['committer', 'tester'] as const }]],
    ['separation-twice', [{ id: 'approver-is-not-author', duties: ['author', 'tester'] as const }]],
    [
      'separation-twice',
      [
        { id: 'own', duties: ['author', 'tester'] as const },
        { id: 'own', duties: ['author', 'deployer'] as const },
      ],
    ],
  ])('refuses (%s) what keeps nothing apart, or is not clear: %j', (type, apart) => {
    policies
      .given()
      .when(
        publishPolicy,
        publish([
          { gate: 'approved', quorum: 1 },
          { gate: 'duties-separated', apart },
        ]),
      )
      .thenRefused(type);
  });

  it('puts it in force at once, or from an instant on, and never before it was published', () => {
    const from = (effectiveFrom: string, quorum = 3) =>
      issued(
        PublishPolicy,
        { policyId: 'bank', title: 'Bank', gates: [{ gate: 'approved', quorum }], rollbackGates, effectiveFrom },
        'bank',
      );
    expect(policies.given(published(1)).when(publishPolicy, from('2026-04-01T00:00:00+02:00')).decision).toMatchObject([
      { data: { version: 2, effectiveFrom: '2026-03-31T22:00:00.000Z' } },
    ]);
    expect(policies.given().when(publishPolicy, from('2026-03-02T10:00:00.000Z')).decision).toMatchObject([{ data: { version: 1 } }]);
    policies.given().when(publishPolicy, from('2026-03-02T09:59:59.999Z')).thenRefused('effective-from-past');
    policies.given().when(publishPolicy, from('2026-13-02T09:59:59Z')).thenRefused('effective-from-invalid');
  });

  it('scheduled twice for the same instant is nothing new; the same contents for another instant are', () => {
    const scheduled: PolicyEvent = { ...published(2), data: { ...published(2).data, effectiveFrom: '2026-04-01T00:00:00.000Z' } };
    const from = (effectiveFrom: string) =>
      issued(
        PublishPolicy,
        { policyId: 'bank', title: 'Bank', gates: [{ gate: 'approved', quorum: 2 }], rollbackGates, effectiveFrom },
        'bank',
      );
    policies.given(published(1), scheduled).when(publishPolicy, from('2026-04-01T00:00:00Z')).thenNothing();
    expect(policies.given(published(1), scheduled).when(publishPolicy, from('2026-05-01T00:00:00Z')).decision).toMatchObject([
      { data: { version: 3 } },
    ]);
  });
});

describe('a policy that asks for more of what is riskier', () => {
  const approved = (quorum: number) => [{ gate: 'approved', quorum }];
  const asking = (more: Partial<PolicyContents>) =>
    policies
      .given()
      .when(publishPolicy, issued(PublishPolicy, { policyId: 'bank', title: 'Bank', gates: approved(1), rollbackGates, ...more }, 'bank'));
  const rising: PolicyContents['clauses'] = [
    { when: { riskClasses: ['medium'] }, gates: approved(2) },
    { when: { riskClasses: ['high'] }, gates: approved(3) },
  ];
  const riskFloors: PolicyContents['riskFloors'] = [
    { when: { environmentClasses: ['production'], regimes: ['SOX'] }, atLeast: 'high' },
    { when: { moreArtifactsThan: 10 }, atLeast: 'medium' },
  ];

  it('is published with its clauses by risk and the floors under it', () => {
    expect(asking({ clauses: rising, riskFloors }).decision).toMatchObject([{ data: { clauses: rising, riskFloors } }]);
    expect(asking({ clauses: rising }).decision).not.toMatchObject([{ data: { riskFloors: expect.anything() } }]);
  });

  it('is nothing new where it is published again, and is where a floor changes', () => {
    const asked = { policyId: 'bank', title: 'Bank', gates: approved(1), rollbackGates, clauses: rising, riskFloors };
    const events = policies.given().when(publishPolicy, issued(PublishPolicy, asked, 'bank')).decision as PolicyEvent[];
    policies
      .given(...events)
      .when(publishPolicy, issued(PublishPolicy, asked, 'bank'))
      .thenNothing();
    const { riskFloors: _floors, ...without } = asked;
    expect(policies.given(...events).when(publishPolicy, issued(PublishPolicy, without, 'bank')).decision).toHaveLength(1);
  });

  it('is refused where a clause is about a risk that its floors leave nowhere, and taken where they leave it somewhere', () => {
    const low = {
      gates: approved(1),
      when: { environmentClasses: ['production'], regimes: ['SOX' as const], riskClasses: ['low' as const] },
    };
    const refusal = asking({ clauses: [...rising, low], riskFloors }).thenRefused('clause-never-counts');
    expect(refusal.detail).toBe('Clause 3 is about changes of risk low, and by riskFloors there are none where it counts.');
    const elsewhere = { ...low, when: { ...low.when, regimes: ['SOX' as const, 'PCI' as const] } };
    expect(asking({ clauses: [...rising, elsewhere], riskFloors }).decision).toHaveLength(1);
    // A release of few artifacts is under no floor of many.
    const small = { ...low, when: { riskClasses: ['low' as const] } };
    expect(
      asking({ clauses: [...rising, small], riskFloors: [{ when: { moreArtifactsThan: 1 }, atLeast: 'high' }] }).decision,
    ).toHaveLength(1);
  });

  it('is refused where less is asked of more risk: nobody gains by declaring more, and what is undeclared is asked for the most', () => {
    const forgotten: PolicyContents['clauses'] = [{ when: { regimes: ['SOX'], riskClasses: ['medium'] }, gates: approved(2) }];
    expect(asking({ clauses: forgotten }).thenRefused('risk-asks-less').detail).toBe(
      'In development under SOX a standard change of medium risk is asked for more of approved than one of high risk.',
    );
    expect(
      asking({ clauses: [{ when: { riskClasses: ['low', 'high'] }, gates: approved(2) }] }).thenRefused('risk-asks-less'),
    ).toBeDefined();
    expect(asking({ clauses: [{ when: { riskClasses: ['low', 'medium', 'high'] }, gates: approved(2) }] }).decision).toHaveLength(1);
  });

  it('is asked for no less at any higher risk, anywhere, once it is published', () => {
    const subset = <T>(of: readonly T[]) => fc.option(fc.subarray([...of], { minLength: 1 }), { nil: undefined });
    const clause = fc.record({
      when: fc.record({ environmentClasses: subset(['test', 'production']), regimes: subset(REGIMES), riskClasses: subset(RISK_CLASSES) }),
      gates: fc.constantFrom(approved(1), approved(2), approved(3), [{ gate: 'version-assigned' }]),
    });
    const place = fc.record({
      environmentClass: fc.constantFrom('test', 'production'),
      regimes: fc.subarray([...REGIMES]),
      changeClass: fc.constantFrom(...PLANNED_CHANGE_CLASSES),
    });
    let taken = 0;
    fc.assert(
      fc.property(fc.array(clause, { maxLength: 4 }), fc.array(place, { minLength: 1, maxLength: 5 }), (clauses, where) => {
        const { decision } = asking({ clauses: JSON.parse(JSON.stringify(clauses)) as PolicyContents['clauses'] });
        if (isRefusal(decision)) return;
        taken++;
        const rules = decision[0]?.data as Parameters<typeof gatesFor>[0];
        for (const at of where) {
          const [low, medium, high] = RISK_CLASSES.map((risk) => gatesFor(rules, { ...at, risk }));
          for (const rule of low ?? []) expect(medium?.some((other) => asksAsMuch(other, rule))).toBe(true);
          for (const rule of medium ?? []) expect(high?.some((other) => asksAsMuch(other, rule))).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
    expect(taken).toBeGreaterThan(20);
  });
});

describe('groups that a policy asks for', () => {
  const group = (name: string, quorum: number) => ({ gate: 'approved', quorum: 1, groups: [{ group: name, quorum }] });
  const asking = (more: Partial<PolicyContents>, findings: Partial<ExpressionFindings>) =>
    policies
      .given()
      .when(
        publishPolicy,
        issued(PublishPolicy, { policyId: 'bank', title: 'Bank', gates: [group('risk', 1)], rollbackGates, ...more }, 'bank'),
        {
          problems: [],
          ...findings,
        },
      );
  const members = { risk: ['rosa', 'otto'], desk: ['rosa'] };
  const when = (environmentClass: string, name: string) => ({ when: { environmentClasses: [environmentClass] }, gates: [group(name, 1)] });

  it('must have a person for each place also where several clauses ask, and may share one where they never do together', () => {
    const alone = { risk: ['rosa'], desk: ['rosa'] };
    const clauses = [
      { when: { environmentClasses: ['production'] }, gates: [group('desk', 1)] },
      { when: { regimes: ['SOX' as const] }, gates: [group('risk', 1)] },
    ];
    const gates = [{ gate: 'tests-passed' }];
    const refusal = asking({ gates, clauses }, { members: alone }).thenRefused('gate-unsatisfiable');
    expect(refusal.reasons.map((r) => r.detail)).toEqual([
      expect.stringMatching(
        /^Group \w+ lacks 1 of the 1 persons asked for by the gates with clauses 1 and 2; whoever is in several groups/,
      ),
    ]);
    expect(asking({ gates, clauses }, { members }).decision).toHaveLength(1);
    expect(asking({ gates, clauses: [when('production', 'desk'), when('staging', 'risk')] }, { members: alone }).decision).toHaveLength(1);
  });

  it('are not filled by who can’t approve, and it is said who that is and why', () => {
    const barred = { rosa: 'rosa publishes the policy, and so does not approve under it.' };
    expect(asking({}, { members, barred }).decision).toHaveLength(1);
    const refusal = asking({ gates: [group('risk', 2)] }, { members, barred }).thenRefused('gate-unsatisfiable');
    expect(refusal.reasons).toMatchObject([
      {
        code: 'group-too-small',
        detail: 'Group risk lacks 1 of the 2 persons asked for; whoever is in several groups counts for one. ' + barred.rosa,
        unblockedBy: 'Take 1 more into group risk who can approve, or ask for fewer.',
      },
    ]);
    const both = { ...barred, otto: 'otto has left.' };
    expect(asking({}, { members, barred: both }).thenRefused('gate-unsatisfiable').reasons[0]?.detail).toContain('otto has left.');
    // Who is named like what every object has is barred by nobody.
    expect(asking({}, { members: { risk: ['constructor'] }, barred: {} }).decision).toHaveLength(1);
  });
});

describe("a policy's own gates", () => {
  afterAll(() => expressionHost.close());

  const contents = (expression: string, more: Partial<PolicyContents> = {}): PolicyContents => ({
    gates: [
      { gate: 'approved', quorum: 2 },
      { gate: 'expression:own', expression },
    ],
    rollbackGates,
    ...more,
  });
  // In an object: an outcome has a `then`, and would pass for a promise.
  const publishing = async (asked: PolicyContents) => ({
    outcome: policies
      .given()
      .when(publishPolicy, issued(PublishPolicy, { policyId: 'bank', title: 'Bank', ...asked }, 'bank'), await checkExpressions(asked)),
  });

  it.each([
    'now.getHours("Europe/Zurich") >= 8 && now.getDayOfWeek("Europe/Zurich") in [1, 2, 3, 4, 5]',
    'environment.class != "production" || "e2e" in tests.passed',
    'approvals.expires_at - now < duration("1h") ? "stale" : "pass"',
    'release.version.matches("^[0-9]+\\\\.[0-9]+")',
    'artifacts.names.all(name, name.startsWith("bank-"))',
    'has(release.version) && size(release.authors) > 1',
  ])('say what they want in CEL: %s', async (expression) => {
    expect((await publishing(contents(expression))).outcome.decision).toMatchObject([
      { data: { gates: [{ gate: 'approved' }, { gate: 'expression:own', expression }] } },
    ]);
  });

  it.each([
    ['a misspelt fact', 'enviroment.class == "production"', 'fact-unknown', 'is it environment.class?'],
    ['an unknown fact', 'weather == "fine"', 'fact-unknown', 'Facts are now,'],
    ['types that do not meet', 'artifacts.count == "3"', 'expression-type', 'int and string'],
    ['something else than a verdict', 'artifacts.count + 1', 'expression-type', 'true or false'],
    ['a text that is no verdict', 'artifacts.count > 1 ? "ok" : "fail"', 'expression-type', 'pass, fail, inconclusive, stale'],
    ['nothing', '', 'expression-malformed', "can't be read"],
    ['no fact', '1 < 2', 'expression-constant', 'always say the same'],
    ['a value that a fact never has', 'change.class == "urgent"', 'value-impossible', 'standard, normal, emergency'],
    ['two things at once', 'change.class == "normal" && change.class == "standard"', 'gate-unsatisfiable', 'Nothing can satisfy'],
    ['numbers between which there is none', 'artifacts.count > 3 && artifacts.count < 4', 'gate-unsatisfiable', 'Nothing can satisfy'],
    ['fewer approvals than the quorum', 'approvals.count < 2', 'gate-unsatisfiable', 'Nothing can satisfy'],
    ['that a deployment is a rollback', 'change.kind == "rollback"', 'gate-unsatisfiable', 'Nothing can satisfy'],
    [
      'a broken pattern, behind what decides without it',
      'artifacts.count > 0 || release.product.matches("(")',
      'expression-malformed',
      'matches',
    ],
    ['a zone that there is not', 'now.getHours("Mars/Olympus") < 9', 'expression-malformed', 'Mars'],
    ['maps', '{"a": artifacts.count}["a"] == 1', 'expression-unsupported', 'Maps'],
  ])('are refused when they ask for %s', async (_what, expression, type, detail) => {
    expect((await publishing(contents(expression))).outcome.thenRefused(type).detail).toContain(detail);
  });

  it('are refused where a clause contradicts them, and taken where it does not', async () => {
    const onlyIn = (changeClass: 'normal' | 'emergency'): Partial<PolicyContents> => ({
      clauses: [{ when: { changeClasses: [changeClass] }, gates: [{ gate: 'expression:class', expression: 'change.class == "normal"' }] }],
    });
    (await publishing(contents('artifacts.count > 0', onlyIn('emergency')))).outcome.thenRefused('gate-unsatisfiable');
    expect((await publishing(contents('artifacts.count > 0', onlyIn('normal')))).outcome.decision).toHaveLength(1);
  });

  it('are refused where two clauses contradict each other that count together somewhere, and taken where they never meet', async () => {
    const one = { when: { environmentClasses: ['production'] }, gates: [{ gate: 'expression:one', expression: 'approvals.count == 1' }] };
    const two = { when: { regimes: ['SOX' as const] }, gates: [{ gate: 'approved', quorum: 2 }] };
    const asked = (clauses: PolicyContents['clauses']): PolicyContents => ({
      gates: [{ gate: 'approved', quorum: 1 }],
      rollbackGates,
      ...(clauses ? { clauses } : {}),
    });
    const refusal = (await publishing(asked([one, two]))).outcome.thenRefused('gate-unsatisfiable');
    expect(refusal.detail).toContain('Nothing can satisfy the gates with clauses 1 and 2: approvals.count == 1.');
    for (const alone of [[one], [two]]) expect((await publishing(asked(alone))).outcome.decision).toHaveLength(1);
    const elsewhere = { ...two, when: { ...two.when, environmentClasses: ['staging'] } };
    expect((await publishing(asked([one, elsewhere]))).outcome.decision).toHaveLength(1);
    // Three that only together leave nothing.
    const not = (slug: string, value: string, regime: 'SOX' | 'HIPAA' | 'PCI') => ({
      when: { regimes: [regime] },
      gates: [{ gate: `expression:${slug}`, expression: `change.class != "${value}"` }],
    });
    const three = [not('a', 'standard', 'SOX'), not('b', 'normal', 'HIPAA'), not('c', 'emergency', 'PCI')];
    expect((await publishing(asked(three))).outcome.thenRefused('gate-unsatisfiable').detail).toContain('with clauses 1, 2 and 3');
    expect((await publishing(asked(three.slice(1)))).outcome.decision).toHaveLength(1);
  });

  it('are refused where the gates of the program leave them nothing', async () => {
    const beside = (gates: PolicyContents['gates'], expression: string, more: Partial<PolicyContents> = {}) =>
      publishing({ gates: [...gates, { gate: 'expression:own', expression }], rollbackGates, ...more });
    const inGroups = {
      gate: 'approved',
      quorum: 1,
      groups: [
        { group: 'risk', quorum: 2 },
        { group: 'desk', quorum: 1 },
      ],
    };
    (await beside([inGroups], 'approvals.count == 2')).outcome.thenRefused('gate-unsatisfiable');
    expect((await beside([inGroups], 'approvals.count == 3')).outcome.decision).toHaveLength(1);
    (await beside([{ gate: 'tests-passed' }], 'artifacts.count == 0')).outcome.thenRefused('gate-unsatisfiable');
    expect((await beside([{ gate: 'version-assigned' }], 'artifacts.count == 0')).outcome.decision).toHaveLength(1);
    const never = [...rollbackGates, { gate: 'expression:never', expression: '!environment.ran_before' }];
    (await publishing({ gates: [{ gate: 'tests-passed' }], rollbackGates: never })).outcome.thenRefused('gate-unsatisfiable');
    // What can't be decided by looking is taken.
    expect((await beside([], 'size(tests.passed) > 3 && size(tests.passed) < 4')).outcome.decision).toHaveLength(1);
  });

  it('may ask what a change is judged to be, and are refused where that can not be', async () => {
    const lowIsSmall = 'change.risk != "low" || artifacts.count <= 3';
    expect((await publishing(contents(lowIsSmall))).outcome.decision).toHaveLength(1);
    const low = contents('change.risk == "low"');
    expect((await publishing(low)).outcome.decision).toHaveLength(1);
    const above = { ...low, riskFloors: [{ when: {}, atLeast: 'medium' as const }] };
    (await publishing(above)).outcome.thenRefused('gate-unsatisfiable');
    const clause = { when: { riskClasses: ['high' as const] }, gates: [{ gate: 'expression:low', expression: 'change.risk == "low"' }] };
    (await publishing(contents(lowIsSmall, { clauses: [clause] }))).outcome.thenRefused('gate-unsatisfiable');
  });

  it('need an expression, and no other gate takes one', async () => {
    const gates = (gate: PolicyContents['gates'][number]) => ({ gates: [gate], rollbackGates });
    (await publishing(gates({ gate: 'expression:own' }))).outcome.thenRefused('gate-parameters');
    (await publishing(gates({ gate: 'tests-passed', expression: 'artifacts.count > 0' }))).outcome.thenRefused('gate-parameters');
    (await publishing(gates({ gate: 'expression:Own', expression: 'artifacts.count > 0' }))).outcome.thenRefused('gate-unknown');
  });

  it('mean one thing by one name', async () => {
    const asked = contents('artifacts.count > 0', {
      clauses: [{ when: { regimes: ['SOX'] }, gates: [{ gate: 'expression:own', expression: 'artifacts.count > 1' }] }],
    });
    (await publishing(asked)).outcome.thenRefused('gate-twice');
  });
});
