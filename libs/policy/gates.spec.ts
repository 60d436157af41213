import fc from 'fast-check';
import type { GateName, GateRule, Verdict } from '#libs/contracts';
import { evaluateGates, gateNames, gatesRefusal, tupleHashOf, tupleOf, type GateFacts } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';

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
  });
});

describe('a decision receipt', () => {
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

  it('says where the policy or the plan is missing', () => {
    const { plan: _plan, environmentClass: _class, ...bare } = gateFacts({ policy: { ...base.policy, version: 0, gates: [] } });
    expect(gatesRefusal(evaluateGates(bare, request), bare).reasons.map((r) => r.code)).toEqual(['no-plan', 'no-policy']);
  });
});

it('knows no gate that no policy could name', () => {
  expect([...gateNames].sort()).toEqual([
    'approved',
    'artifacts-registered',
    'duties-separated',
    'not-frozen',
    'rollback-target-ran',
    'tests-passed',
    'version-assigned',
  ]);
});
