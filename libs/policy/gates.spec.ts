import fc from 'fast-check';
import type { GateName, GateRule, Verdict } from '#libs/contracts';
import { evaluateGates, gateNames, gatesRefusal, judgeGates, tupleHashOf, tupleOf, type GateFacts } from '#libs/policy';
import { freezeOfTheBooks, gateFacts, releaseFacts } from '#libs/policy/testing';

const request = { deployer: 'dan', now: '2026-03-02T10:00:00.000Z' };
const base = gateFacts();
const tuple = tupleOf(base, '2026-03-05T10:00:00.000Z');
const approvedBy = (...approvers: string[]): GateFacts =>
  gateFacts({ approval: { tuple, tupleHash: tupleHashOf(tuple), requester: 'rita', approvers } });
const ready = approvedBy('anna', 'otto');
const only = (facts: GateFacts, rule: GateRule): GateFacts => ({ ...facts, policy: { ...facts.policy, gates: [rule] } });
const verdictOf = (facts: GateFacts, rule: GateRule, now = request.now): Verdict | undefined =>
  evaluateGates(only(facts, rule), { ...request, now }).gates[0]?.verdict;

describe('the gates', () => {
  it('pass together when everything is there', () => {
    expect(evaluateGates(ready, request)).toMatchObject({
      verdict: 'pass',
      gates: ready.policy.gates.map(({ gate }) => ({ gate, verdict: 'pass' })),
    });
  });

  it.each<[GateName, string, GateFacts, Verdict]>([
    ['artifacts-registered', 'all are', base, 'pass'],
    ['artifacts-registered', 'one is not', gateFacts({ registered: {} }), 'fail'],
    ['artifacts-registered', 'one is, with another digest', gateFacts({ registered: { 'artifact-1': 'sha256:bb' } }), 'fail'],
    ['artifacts-registered', 'there are none', gateFacts({ artifacts: [] }), 'inconclusive'],
    ['version-assigned', 'there is one', base, 'pass'],
    ['tests-passed', 'a report passes for the digest', base, 'pass'],
    ['tests-passed', 'there is no report', gateFacts({ reports: {} }), 'inconclusive'],
    [
      'tests-passed',
      'the report is for another digest',
      gateFacts({ reports: { 'sha256:bb': base.reports['sha256:aa'] ?? {} } }),
      'inconclusive',
    ],
    [
      'tests-passed',
      'a suite fails',
      gateFacts({ reports: { 'sha256:aa': { ...base.reports['sha256:aa'], e2e: { suite: 'e2e', outcome: 'fail', tester: 't' } } } }),
      'fail',
    ],
    [
      'tests-passed',
      'a suite ran no test',
      gateFacts({ reports: { 'sha256:aa': { unit: { suite: 'unit', outcome: 'inconclusive', tester: 't' } } } }),
      'inconclusive',
    ],
    ['tests-passed', 'there is nothing to test', gateFacts({ artifacts: [] }), 'inconclusive'],
    ['rollback-target-ran', 'it did', gateFacts({ ranBefore: true }), 'pass'],
    ['rollback-target-ran', 'it did not', base, 'fail'],
    ['duties-separated', 'they are', ready, 'pass'],
    ['duties-separated', 'an approver wrote it', approvedBy('anna', 'ada'), 'fail'],
    ['duties-separated', 'an approver requested it', approvedBy('anna', 'rita'), 'fail'],
    ['duties-separated', 'an approver would deploy it', approvedBy('anna', 'dan'), 'fail'],
  ])('%s when %s', (gate, _when, facts, verdict) => {
    expect(verdictOf(facts, { gate } as GateRule)).toBe(verdict);
  });

  it('want a version where a policy asks for one', () => {
    const { version: _version, ...unversioned } = base;
    expect(verdictOf(unversioned, { gate: 'version-assigned' })).toBe('inconclusive');
  });

  describe('approved', () => {
    const approved = { gate: 'approved', quorum: 2 } as const;

    it.each([
      ['as many persons as the quorum', approvedBy('anna', 'otto'), 'pass'],
      ['one too few', approvedBy('anna'), 'inconclusive'],
      ['the same person twice', approvedBy('anna', 'anna'), 'inconclusive'],
      ['nobody asked', base, 'inconclusive'],
      ['the round is closed', gateFacts({ approval: { ...ready.approval, closed: 'rejected: no' } }), 'fail'],
      ['the plan changed', { ...ready, plan: { steps: [], planHash: 'other' } }, 'stale'],
      ['the policy changed', { ...ready, policy: { ...ready.policy, version: 2 } }, 'stale'],
      ['the artifacts changed', { ...ready, artifacts: ready.artifacts.map((a) => ({ ...a, digest: 'sha256:bb' })) }, 'stale'],
    ] as const)('by %s', (_who, facts, verdict) => {
      expect(verdictOf(facts, approved)).toBe(verdict);
    });

    it('until it expires, to the millisecond', () => {
      expect(verdictOf(ready, approved, '2026-03-05T09:59:59.999Z')).toBe('pass');
      expect(verdictOf(ready, approved, '2026-03-05T10:00:00.000Z')).toBe('stale');
    });
  });

  it('never pass without a policy or a plan, whatever else is there', () => {
    const { plan: _plan, ...unplanned } = ready;
    expect(evaluateGates({ ...ready, policy: { ...ready.policy, version: 0, gates: [] } }, request).verdict).toBe('fail');
    expect(evaluateGates(unplanned, request).verdict).toBe('fail');
    // Also where nothing is asked for that a plan would be needed for.
    const { plan: _none, ...free } = { ...ready, policy: { ...ready.policy, gates: [] } };
    expect(evaluateGates({ ...free, plan: { steps: [], planHash: 'x' } }, request).verdict).toBe('pass');
    expect(evaluateGates(free, request).verdict).toBe('fail');
  });
});

describe('what gates say', () => {
  const web = { ...base.artifacts[0]!, artifactId: 'artifact-2', name: 'web', version: '2.0.0', digest: 'sha256:bb' };
  const cli = { ...base.artifacts[0]!, artifactId: 'artifact-3', name: 'cli', digest: 'sha256:cc' };
  const three = { artifacts: [...base.artifacts, web, cli] };
  const report = (suite: string, outcome: 'pass' | 'fail' | 'inconclusive') => ({ [suite]: { suite, outcome, tester: 't' } });
  const unasked = gateFacts({ approval: { approvers: [] } });
  const groups = { quorum: 3, groups: [{ group: 'risk', quorum: 1 }, { group: 'security', quorum: 1 }] }; // prettier-ignore
  const grouped = {
    ...ready,
    groups: { risk: ['anna'], security: ['sven'] },
    refs: { ...ready.refs, groups: { security: 'group-security@1', risk: 'group-risk@0' } },
  };
  const two = (more: Partial<GateFacts>): GateFacts => ({ ...ready, ...more });

  it.each<[string, GateRule, GateFacts, object]>([
    [
      'artifacts that are registered',
      { gate: 'artifacts-registered' },
      gateFacts({
        ...three,
        registered: { 'artifact-1': 'sha256:aa', 'artifact-2': 'sha256:bb', 'artifact-3': 'sha256:cc' },
        refs: { ...base.refs, artifacts: { b: 'artifact-b@0', a: 'artifact-a@0' } },
      }),
      { detail: "All 3 artifacts are registered with the release's digests.", evidence: ['artifact-a@0', 'artifact-b@0'] },
    ],
    [
      'artifacts that are not',
      { gate: 'artifacts-registered' },
      gateFacts({ ...three, registered: { 'artifact-1': 'sha256:aa', 'artifact-2': 'sha256:xx' } }),
      {
        detail: 'Not registered with this digest: web@2.0.0, cli@1.0.0.',
        evidence: ['artifact-1@0'],
        unblockedBy: 'Register the artifacts.',
      },
    ],
    [
      'no artifacts',
      { gate: 'artifacts-registered' },
      gateFacts({ artifacts: [] }),
      { detail: 'The release has no artifacts.', evidence: ['release-1@3'], unblockedBy: 'Compose the release of artifacts.' },
    ],
    ['a version', { gate: 'version-assigned' }, base, { detail: 'The release has version 1.0.0.', evidence: ['versionline-1@0'] }],
    [
      'no version',
      { gate: 'version-assigned' },
      gateFacts({ version: '' }),
      { detail: 'The release has no version.', evidence: ['versionline-1@0'], unblockedBy: 'Assign a version in the line of shop.' },
    ],
    [
      'no version of no product',
      { gate: 'version-assigned' },
      (({ product: _product, version: _version, ...bare }) => bare)(base),
      { unblockedBy: 'Assign a version in the line of its product.' },
    ],
    [
      'tests of everything',
      { gate: 'tests-passed' },
      base,
      { detail: 'Every artifact has a passing test report for its digest, and no suite fails.', evidence: ['testreport-1@0'] },
    ],
    [
      'tests of nothing',
      { gate: 'tests-passed' },
      gateFacts({ artifacts: [] }),
      { detail: 'The release has no artifacts that could be tested.', evidence: ['testreport-1@0'] },
    ],
    [
      'what is not tested',
      { gate: 'tests-passed' },
      gateFacts({ ...three, reports: { 'sha256:aa': report('unit', 'pass'), 'sha256:bb': report('unit', 'inconclusive') } }),
      {
        verdict: 'inconclusive',
        detail: 'No passing test report names the digest of web@2.0.0, cli@1.0.0.',
        evidence: ['testreport-1@0'],
        unblockedBy: 'Record a test report for that digest.',
      },
    ],
    [
      'what fails, before what is not tested',
      { gate: 'tests-passed' },
      gateFacts({
        ...three,
        reports: {
          'sha256:aa': { ...report('unit', 'fail'), ...report('e2e', 'pass') },
          'sha256:bb': { ...report('unit', 'pass'), ...report('e2e', 'fail') },
        },
      }),
      {
        verdict: 'fail',
        detail: 'Failing: unit of api@1.0.0, e2e of web@2.0.0.',
        evidence: ['testreport-1@0'],
        unblockedBy: 'Record a newer report of the suite that passes.',
      },
    ],
    [
      'an approval that nobody asked for',
      { gate: 'approved', quorum: 2 },
      unasked,
      {
        verdict: 'inconclusive',
        detail: 'No approval was requested.',
        evidence: ['approval-1@2'],
        unblockedBy: 'Request an approval for production.',
      },
    ],
    [
      'an approval that is closed',
      { gate: 'approved', quorum: 2 },
      two({ approval: { ...ready.approval, closed: 'rejected: no' } }),
      { verdict: 'fail', detail: 'The approval was rejected: no.', evidence: ['approval-1@2'], unblockedBy: 'Request a new approval.' },
    ],
    [
      'an approval of something else',
      { gate: 'approved', quorum: 2 },
      two({ artifacts: [], plan: { steps: [], planHash: 'other' } }),
      {
        verdict: 'stale',
        detail: 'The artifacts of the release have changed since. The deployment plan has changed since.',
        unblockedBy: 'Request a new approval for what is there now.',
      },
    ],
    [
      'an approval that is over',
      { gate: 'approved', quorum: 2 },
      two({ approval: { ...ready.approval, tuple: { ...tuple, expiresAt: request.now } } }),
      { verdict: 'stale', detail: 'The approval expired at 2026-03-02T10:00:00.000Z.', unblockedBy: 'Request a new approval.' },
    ],
    [
      'an approval',
      { gate: 'approved', quorum: 2 },
      ready,
      { verdict: 'pass', detail: '2 of 2 persons approved.', evidence: ['approval-1@2'] },
    ],
    [
      'an approval by groups',
      { gate: 'approved', ...groups },
      grouped,
      {
        verdict: 'inconclusive',
        detail: '2 of 3 persons approved, 1 of 1 of group risk, 0 of 1 of group security.',
        evidence: ['approval-1@2', 'group-risk@0', 'group-security@1'],
        unblockedBy: '1 more of group security must approve (sven can).',
      },
    ],
    [
      'two persons with duties that are kept apart',
      { gate: 'duties-separated' },
      approvedBy('ada', 'dan'),
      {
        verdict: 'fail',
        detail: 'One person holds duties that are kept apart: ada is author and approver; dan is approver and deployer.',
        unblockedBy: 'Let somebody else deploy, or request a new approval by others.',
      },
    ],
    ['a rollback to what ran', { gate: 'rollback-target-ran' }, gateFacts({ ranBefore: true }), { detail: 'The release ran in production before.', evidence: ['environment-production@0'] }], // prettier-ignore
    [
      'a rollback to what never ran',
      { gate: 'rollback-target-ran' },
      base,
      {
        verdict: 'fail',
        detail: 'The release never ran in production.',
        evidence: ['environment-production@0'],
        unblockedBy: 'Roll back to a release that ran there.',
      },
    ],
  ])('of %s', (_what, rule, facts, said) => {
    const [judged] = evaluateGates(only(facts, rule), request).gates;
    expect(judged).toMatchObject(said);
    // What passes leaves nothing to do.
    if (!('unblockedBy' in said)) expect(judged).not.toHaveProperty('unblockedBy');
  });

  it('of an approval rests on who would deploy it', () => {
    const rule = { gate: 'approved', quorum: 3 } as const;
    const say = (deployer: string) => evaluateGates(only({ ...ready, groups: {} }, { ...rule, groups: [{ group: 'risk', quorum: 3 }] }), { ...request, deployer }).gates[0]; // prettier-ignore
    expect(say('dan')?.unblockedBy).toContain('nobody in it can');
    const facts = { ...ready, groups: { risk: ['zoe', 'zac'] } };
    const asked = only(facts, { ...rule, groups: [{ group: 'risk', quorum: 1 }] });
    expect(evaluateGates(asked, request).gates[0]?.unblockedBy).toContain('(zac, zoe can)');
    expect(evaluateGates(asked, { ...request, deployer: 'zoe' }).gates[0]?.unblockedBy).toContain('(zac can)');
  });
});

describe('the gates of a rollback', () => {
  it('are its own', () => {
    const facts = { ...base, ranBefore: true };
    const receipt = evaluateGates(facts, request, 'rollback');
    expect(receipt.gates.map((g) => g.gate)).toEqual(['rollback-target-ran']);
    expect(receipt).toMatchObject({
      verdict: 'pass',
      subject: { releaseId: 'release-1', environment: 'production', kind: 'rollback', deployer: 'dan' },
    });
    expect(evaluateGates(facts, request).subject?.kind).toBe('deployment');
  });
});

describe('a decision receipt', () => {
  it('names policy, engine, instant and subject, and what would unblock it only where something must', () => {
    const passing = evaluateGates(ready, request);
    expect(passing).toMatchObject({
      policyId: 'bank',
      policyVersion: 1,
      evaluatedAt: request.now,
      subject: { releaseId: 'release-1', environment: 'production', kind: 'deployment', deployer: 'dan' },
    });
    expect(passing.engine).toMatch(/^plimsoll-gates\/\d+ cel\/\d/);
    expect(passing).not.toHaveProperty('unblocking');
    expect(passing.subject).not.toHaveProperty('bypassId');
    expect(evaluateGates(base, request).unblocking).toMatchObject([{ gate: 'approved' }]);
    const { plan: _plan, ...unplanned } = ready;
    expect(evaluateGates(unplanned, request).verdict).toBe('fail');
  });

  it('names each stream once, also where groups and calendars were read', () => {
    const refs = {
      ...ready.refs,
      groups: { risk: 'group-risk@0' },
      calendars: 'calendar-organisation@1',
      accounts: ['account-ada@-1', 'account-ada@-1'],
    };
    expect(evaluateGates({ ...ready, refs }, request).inputs).toEqual([
      'account-ada@-1',
      'approval-1@2',
      'artifact-1@0',
      'calendar-organisation@1',
      'environment-production@0',
      'group-risk@0',
      'policy-bank@0',
      'release-1@3',
      'testreport-1@0',
      'versionline-1@0',
    ]);
  });

  it('is the same, byte for byte, for the same facts and request', () => {
    const again = JSON.parse(JSON.stringify(ready)) as GateFacts;
    expect(JSON.stringify(evaluateGates(again, request))).toBe(JSON.stringify(evaluateGates(ready, request)));
  });

  it('hashes all that was judged: another fact is another hash', () => {
    const receipt = evaluateGates(ready, request);
    for (const other of [gateFacts(), { ...ready, ranBefore: true }, approvedBy('anna')])
      expect(evaluateGates(other, request).factsHash).not.toBe(receipt.factsHash);
    expect(evaluateGates(ready, { ...request, deployer: 'otto' }).factsHash).not.toBe(receipt.factsHash);
  });

  it('names every stream that was read', () => {
    expect(evaluateGates(ready, request).inputs).toEqual(
      [
        'account-ada@-1',
        'approval-1@2',
        'artifact-1@0',
        'environment-production@0',
        'policy-bank@0',
        'release-1@3',
        'testreport-1@0',
        'versionline-1@0',
      ].sort(),
    );
  });
});

describe('the refusal', () => {
  it('names each gate that does not pass, and only those, and what would unblock it', () => {
    const outcomes = fc.record({ tested: fc.boolean(), approved: fc.boolean(), registered: fc.boolean(), versioned: fc.boolean() });
    fc.assert(
      fc.property(outcomes, ({ tested, approved, registered, versioned }) => {
        const { version: _version, ...unversioned } = base;
        const facts: GateFacts = {
          ...(versioned ? base : unversioned),
          ...(tested ? {} : { reports: {} }),
          ...(registered ? {} : { registered: {} }),
          approval: approved ? ready.approval : { approvers: [] },
        };
        const receipt = evaluateGates(facts, request);
        const missing = [tested, approved, registered, versioned].filter((holds) => !holds).length;
        expect(receipt.verdict).toBe(missing === 0 ? 'pass' : 'fail');
        if (missing === 0) return;
        const { reasons } = gatesRefusal(receipt, facts);
        expect(reasons).toHaveLength(missing);
        for (const reason of reasons) expect(reason.unblockedBy).toBeTruthy();
      }),
    );
  });

  it('gives each gate a code, its detail, its evidence and what would unblock it; what is soonest comes first', () => {
    const facts = gateFacts({ reports: {}, registered: {}, approval: { approvers: [] } });
    const refusal = gatesRefusal(evaluateGates(facts, request), facts);
    expect(refusal).toMatchObject({ kind: 'gate', type: 'gates-not-passed', detail: '3 gates do not pass for production.' });
    expect(refusal.reasons).toEqual([
      {
        code: 'gate-artifacts-registered-fail',
        detail: 'Not registered with this digest: api@1.0.0.',
        evidence: ['artifact-1@0'],
        unblockedBy: 'Register the artifacts.',
      },
      {
        code: 'gate-tests-passed-inconclusive',
        detail: 'No passing test report names the digest of api@1.0.0.',
        evidence: ['testreport-1@0'],
        unblockedBy: 'Record a test report for that digest.',
      },
      {
        code: 'gate-approved-inconclusive',
        detail: 'No approval was requested.',
        evidence: ['approval-1@2'],
        unblockedBy: 'Request an approval for production.',
      },
    ]);
    expect(gatesRefusal(evaluateGates(base, request), base).detail).toBe('1 gate does not pass for production.');
  });

  it('tells what is soonest first, in whatever order the policy has its gates', () => {
    const gates = [
      { gate: 'rollback-target-ran' },
      { gate: 'tests-passed' },
      { gate: 'version-assigned' },
      { gate: 'approved', quorum: 2 },
    ] as const;
    const facts = gateFacts({ version: '', reports: {}, approval: { approvers: [] }, policy: { ...base.policy, gates } });
    expect(gatesRefusal(evaluateGates(facts, request), facts).reasons.map((r) => r.code)).toEqual([
      'gate-version-assigned-inconclusive',
      'gate-tests-passed-inconclusive',
      // As long as two persons take.
      'gate-approved-inconclusive',
      'gate-rollback-target-ran-fail',
    ]);
  });

  it('leaves out what a bypass waives', () => {
    const bypass = { id: 'b1', grant: { requester: 'otto', gates: ['tests-passed'], tuple } } as const;
    const facts = { ...ready, reports: {}, registered: {}, bypass, refs: { ...ready.refs, bypass: 'bypass-register@0' } };
    expect(gatesRefusal(evaluateGates(facts, request), facts).reasons.map((r) => r.code)).toEqual(['gate-artifacts-registered-fail']);
  });

  it('names no more than the detail where nothing is known that would unblock it', () => {
    const facts = only(base, { gate: 'expression:own', expression: 'false' });
    expect(gatesRefusal(evaluateGates(facts, request), facts).reasons).toEqual([
      { code: 'gate-expression:own-inconclusive', detail: 'It was not evaluated.', evidence: expect.any(Array) },
    ]);
  });

  it('is another one where a freeze alone is in the way, which time opens', () => {
    const calendars = [{ ...freezeOfTheBooks, version: 2 }] as const;
    const frozen = { ...ready, calendars };
    const refusal = gatesRefusal(evaluateGates(frozen, request), frozen);
    expect(refusal).toMatchObject({ kind: 'frozen', type: 'frozen', reasons: [{ code: 'gate-not-frozen-fail' }] });
    // Ten in the morning, until midnight.
    expect(refusal.retryAfterSeconds).toBe(14 * 3600);
    const endless = {
      ...ready,
      calendars: [{ ...calendars[0], window: { kind: 'one-off', start: '2026-03-02T00:00', end: '2031-03-03T00:00' } as const }],
    };
    expect(gatesRefusal(evaluateGates(endless, request), endless)).not.toHaveProperty('retryAfterSeconds');
    expect(refusal.detail).toMatch(/^production is closed to this change now\. A change of class normal: The freeze Books/);
    const also = { ...frozen, reports: {} };
    expect(gatesRefusal(evaluateGates(also, request), also)).toMatchObject({
      type: 'gates-not-passed',
      detail: '2 gates do not pass for production.',
    });
    // Time alone does not bring the tests.
    expect(gatesRefusal(evaluateGates(also, request), also)).not.toHaveProperty('retryAfterSeconds');
    const open = { ...ready, reports: {}, calendars: [{ ...calendars[0], passes: ['normal' as const] }] };
    expect(gatesRefusal(evaluateGates(open, request), open).type).toBe('gates-not-passed');
  });

  it('says what is missing where it is the policy, the environment or the plan', () => {
    const unpublished = gateFacts({ policy: { ...base.policy, version: 0, gates: [] } });
    expect(gatesRefusal(evaluateGates(unpublished, request), unpublished).reasons).toEqual([
      {
        code: 'no-policy',
        detail: 'Policy bank of production is not published.',
        evidence: ['environment-production@0', 'policy-bank@0'],
        unblockedBy: 'Publish policy bank.',
      },
    ]);
    const { environmentClass: _class, ...nowhere } = unpublished;
    expect(gatesRefusal(evaluateGates(nowhere, request), nowhere).reasons).toMatchObject([
      { detail: 'There is no environment production.', unblockedBy: 'Define environment production.' },
    ]);
    const { plan: _plan, ...unplanned } = ready;
    expect(gatesRefusal(evaluateGates(unplanned, request), unplanned).reasons[0]).toEqual({
      code: 'no-plan',
      detail: 'The release has no plan for production.',
      evidence: ['release-1@3'],
      unblockedBy: 'Plan the release for production.',
    });
  });

  it('says where the policy or the plan is missing', () => {
    const { plan: _plan, environmentClass: _class, ...bare } = gateFacts({ policy: { ...base.policy, version: 0, gates: [] } });
    expect(gatesRefusal(evaluateGates(bare, request), bare).reasons.map((r) => r.code)).toEqual(['no-plan', 'no-policy']);
  });
});

it('knows no gate that no policy could name', () => {
  expect([...gateNames].sort()).toEqual([
    'approved',
    'artifacts-registered',
    'change-approved',
    'duties-separated',
    'not-frozen',
    'rollback-target-ran',
    'tests-passed',
    'version-assigned',
  ]);
});

describe('approvals that count no more', () => {
  const approved = { gate: 'approved', quorum: 2 } as const;
  const say = (facts: GateFacts, rule: GateRule = approved) => evaluateGates(only(facts, rule), request).gates[0];

  it('are not counted, and the gate says of whom and why', () => {
    expect(say({ ...ready, left: ['anna', 'otto'] })).toMatchObject({
      verdict: 'inconclusive',
      detail: '0 of 2 persons approved. Approvals of who has left since count no more: anna, otto.',
    });
    expect(say({ ...ready, unentitled: ['anna', 'otto'] })).toMatchObject({
      verdict: 'inconclusive',
      detail: '0 of 2 persons approved. Approvals given in a role that was revoked since count no more: anna, otto.',
    });
    expect(say({ ...ready, left: ['anna'], unentitled: ['otto'] })?.detail).toBe(
      '0 of 2 persons approved. Approvals of who has left since count no more: anna. Approvals given in a role that was revoked since count no more: otto.',
    );
  });

  it('are said, too, where enough others approved', () => {
    expect(say({ ...approvedBy('anna', 'otto', 'zoe'), unentitled: ['otto'] })).toMatchObject({
      verdict: 'pass',
      detail: '2 of 2 persons approved. Approvals given in a role that was revoked since count no more: otto.',
    });
  });

  it('are not counted for a group from which somebody was out, which is said of those who approved', () => {
    const rule = { ...approved, groups: [{ group: 'risk', quorum: 1 }] };
    const facts = { ...ready, groups: { risk: ['anna', 'otto', 'zoe'], security: ['zoe'] } };
    expect(say({ ...facts, expelled: { risk: ['anna', 'otto', 'zoe'], security: ['zoe'] } }, rule)).toMatchObject({
      verdict: 'inconclusive',
      detail: '1 of 2 persons approved, 0 of 1 of group risk. For group risk these do not count, having been out of it since: anna, otto.',
    });
    expect(say({ ...facts, expelled: { risk: ['anna'] }, unentitled: ['otto'] }, rule)?.detail).toBe(
      '1 of 2 persons approved, 0 of 1 of group risk. Approvals given in a role that was revoked since count no more: otto. For group risk these do not count, having been out of it since: anna.',
    );
    expect(say({ ...facts, expelled: { risk: ['zoe'] } }, rule)).toMatchObject({
      verdict: 'pass',
      detail: '2 of 2 persons approved, 1 of 1 of group risk.',
    });
  });

  it('cite what says so', () => {
    const refs = { ...ready.refs, persons: { otto: 'person-otto@1' }, grants: { anna: 'rolegrants-anna@2' } };
    expect(say({ ...ready, refs: { ...refs, ownership: 'ownership-shop@0' } })?.evidence).toEqual([
      'approval-1@2',
      'ownership-shop@0',
      'person-otto@1',
      'rolegrants-anna@2',
    ]);
    expect(say({ ...ready, refs })?.evidence).toEqual(['approval-1@2', 'person-otto@1', 'rolegrants-anna@2']);
  });

  it('are asked for again: who is missing is reckoned without them', () => {
    const facts = { ...ready, policy: { ...base.policy, gates: [approved] } };
    const minutes = (more: Partial<GateFacts>, engine?: string) =>
      evaluateGates({ ...facts, ...more }, request, 'deployment', engine).unblocking?.[0]?.minutes;
    expect(minutes({ unentitled: ['anna', 'otto'] })).toBe(240);
    expect(minutes({ left: ['anna', 'otto'] })).toBe(240);
    expect(minutes({ left: ['otto'] })).toBe(120);
    // As engines reckoned before: two had approved.
    for (const engine of [7, 8]) expect(minutes({ left: ['anna', 'otto'] }, `plimsoll-gates/${engine} cel/0.6.1`)).toBe(120);
  });
});

describe('duties that are kept apart', () => {
  const separated = (facts: GateFacts, more: object = {}, rule: GateRule = { gate: 'duties-separated' }) =>
    evaluateGates(only(facts, rule), { ...request, ...more }).gates[0];

  it('are said to be, with the streams that say who had them and the rules of the policy’s own', () => {
    expect(separated(ready)).toMatchObject({
      verdict: 'pass',
      detail: 'Nobody who approved wrote, requested, tested or would deploy it, or published its policy.',
      evidence: ['account-ada@-1', 'approval-1@2', 'artifact-1@0', 'policy-bank@0', 'release-1@3', 'testreport-1@0'],
    });
    const apart = [
      { id: 'tester-is-not-author', duties: ['tester', 'author'] },
      { id: 'tester-is-not-deployer', duties: ['tester', 'deployer'] },
    ] as const;
    expect(separated(ready, {}, { gate: 'duties-separated', apart })?.detail).toBe(
      "Nobody who approved wrote, requested, tested or would deploy it, or published its policy. The policy's own rules hold: tester-is-not-author, tester-is-not-deployer.",
    );
    expect(separated({ ...ready, testers: ['ada'] }, {}, { gate: 'duties-separated', apart })?.verdict).toBe('fail');
  });

  it('are those that the engine knew: without testers nothing is said of them or cited', () => {
    const { testers: _testers, ...before } = ready;
    expect(separated(before)).toMatchObject({
      verdict: 'pass',
      detail: 'Nobody who approved wrote, requested or would deploy it.',
      evidence: ['account-ada@-1', 'approval-1@2', 'artifact-1@0', 'release-1@3'],
    });
  });

  it('are those of who deployed an earlier round, too, which the receipt names', () => {
    expect(separated(ready, { deployedBefore: ['zoe', 'otto'] })).toMatchObject({
      verdict: 'fail',
      detail: 'One person holds duties that are kept apart: otto is approver and deployer.',
    });
    expect(evaluateGates(ready, { ...request, deployedBefore: ['zoe'] }).subject).toMatchObject({ deployedBefore: ['zoe'] });
    const none = evaluateGates(ready, { ...request, deployedBefore: [] });
    expect(none.subject).not.toHaveProperty('deployedBefore');
    expect(none.factsHash).toBe(evaluateGates(ready, request).factsHash);
    expect(evaluateGates(ready, { ...request, deployedBefore: ['zoe'] }).factsHash).not.toBe(none.factsHash);
  });
});

describe('what waits in the class that it was started as', () => {
  const calendars = [{ ...freezeOfTheBooks, passes: ['rollback' as const] }];
  const frozen: GateFacts = { ...ready, calendars };
  const judged = (startedAs?: 'rollback' | 'normal' | 'emergency', kind: 'deployment' | 'rollback' = 'deployment') =>
    evaluateGates(frozen, { ...request, ...(startedAs ? { startedAs } : {}) }, kind);

  it('is judged as that, is in the receipt, and is another request', () => {
    expect(judged().gates.find((g) => g.gate === 'not-frozen')?.detail).toMatch(/^A change of class normal:/);
    expect(judged()).toMatchObject({ verdict: 'fail', unblocking: [{ gate: 'not-frozen', takes: 'time' }] });
    expect(judged().subject).not.toHaveProperty('startedAs');
    const rollback = judged('rollback');
    expect(rollback).toMatchObject({ verdict: 'pass', subject: { startedAs: 'rollback', kind: 'deployment' } });
    expect(rollback.gates.find((g) => g.gate === 'not-frozen')?.detail).toBe('A change of class rollback: no freeze holds for production.');
    expect(judged('normal').factsHash).not.toBe(judged().factsHash);
  });

  it('waits for the opening of that class, and not of another', () => {
    const morning = { kind: 'one-off', start: '2026-03-02T00:00', end: '2026-03-02T12:00' } as const;
    const facts: GateFacts = {
      ...ready,
      counted: { class: 'standard', detail: 'A model bears it.' },
      calendars: [
        { ...freezeOfTheBooks, passes: ['standard'] },
        { ...freezeOfTheBooks, calendarId: 'morning', window: morning },
      ],
    };
    const opens = (startedAs?: 'standard' | 'normal') =>
      evaluateGates(facts, { ...request, ...(startedAs ? { startedAs } : {}) }).unblocking?.map((u) => u.at);
    expect(opens()).toEqual(['2026-03-02T12:00:00.000Z']);
    expect(opens('standard')).toEqual(['2026-03-02T12:00:00.000Z']);
    expect(opens('normal')).toEqual(['2026-03-03T00:00:00.000Z']);
  });
});

describe('a judgement', () => {
  it('is the receipt’s, without advice where nobody asks for it', () => {
    const frozen: GateFacts = { ...ready, calendars: [freezeOfTheBooks] };
    const { rules, gates, passes } = judgeGates(frozen, request, 'deployment', false);
    expect(rules.map((r) => r.gate)).toEqual([...base.policy.gates.map((r) => r.gate), 'not-frozen']);
    expect(passes).toBe(false);
    expect(gates.find((g) => g.gate === 'not-frozen')).not.toHaveProperty('unblockedBy');
    expect(judgeGates(frozen, request).gates).toEqual(evaluateGates(frozen, request).gates);
    expect(judgeGates(frozen, request).gates.find((g) => g.gate === 'not-frozen')?.unblockedBy).toMatch(/^Next open: /);
    expect(judgeGates(ready, request).passes).toBe(true);
  });

  it('carries the risk, where it was judged', () => {
    const risk = { claimed: 'low', effective: 'high', because: 'x' } as unknown as NonNullable<GateFacts['risk']>;
    expect(evaluateGates({ ...ready, risk }, request).risk).toEqual(risk);
    expect(evaluateGates(ready, request)).not.toHaveProperty('risk');
  });
});

describe('what a bypass waives', () => {
  const bypass = { id: 'b1', grant: { requester: 'otto', gates: ['tests-passed', 'artifacts-registered'], tuple } } as const;
  const untested: GateFacts = { ...ready, reports: {}, bypass, refs: { ...ready.refs, bypass: 'bypass-register@0' } };

  it('is a gate that does not pass, and not one that does; the receipt names the bypass', () => {
    const receipt = evaluateGates(untested, request);
    expect(receipt).toMatchObject({ verdict: 'pass', subject: { bypassId: 'b1' } });
    expect(receipt.gates.flatMap((g) => (g.waivedBy === undefined ? [] : [[g.gate, g.verdict, g.waivedBy]]))).toEqual([
      ['tests-passed', 'inconclusive', 'b1'],
    ]);
  });

  it('is nothing of a rollback', () => {
    const rollback = { ...untested, policy: { ...untested.policy, rollbackGates: [{ gate: 'tests-passed' as const }] } };
    expect(evaluateGates(rollback, request, 'rollback')).toMatchObject({ verdict: 'fail', gates: [{ gate: 'tests-passed' }] });
    expect(evaluateGates(rollback, request, 'rollback').gates[0]).not.toHaveProperty('waivedBy');
  });
});

describe('the class of a change that is not a normal one', () => {
  const facts: GateFacts = {
    ...ready,
    calendars: [freezeOfTheBooks],
    tzdata: '2025c',
    refs: { ...ready.refs, calendars: 'calendar-organisation@4', change: { change: 'change-1@0', model: 'changemodel-patch@2' } },
  };
  const cited = (more: Partial<GateFacts>, kind: 'deployment' | 'rollback' = 'deployment') => {
    const asked = { ...facts, ...more };
    return evaluateGates(asked, request, kind).gates.find((g) => g.gate === 'not-frozen')?.evidence;
  };
  const calendar = ['calendar-organisation@4', 'tzdata:2025c'];
  const counted = { class: 'standard', detail: 'Model patch bears it.' } as const;

  it('is cited from what bears it, where a freeze is judged by it', () => {
    expect(cited({})).toEqual(calendar);
    expect(cited({ counted })).toEqual([calendar[0], 'change-1@0', 'changemodel-patch@2', calendar[1]]);
    expect(cited({ counted, refs: { ...facts.refs, bypass: 'bypass-register@3' } })).toContain('bypass-register@3');
    const { change: _change, ...none } = facts.refs;
    expect(cited({ counted, refs: none })).toEqual(calendar);
  });

  it('does not matter to a rollback', () => {
    expect(cited({ counted }, 'rollback')).toEqual(calendar);
    expect(cited({}, 'rollback')).toEqual(calendar);
  });

  it('is judged by the gate change-approved', () => {
    const change = releaseFacts();
    expect(evaluateGates(change, request).gates).toEqual([
      {
        gate: 'change-approved',
        verdict: 'inconclusive',
        detail: 'No change was submitted.',
        evidence: ['release-1@3'],
        unblockedBy: 'Submit a change for production.',
      },
    ]);
  });
});
