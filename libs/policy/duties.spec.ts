import type { DutySet } from '#libs/contracts';
import { dutiesOf, eligibleApprovers, evaluateGates, gatesFor, RELEASE_DUTIES, separationRules, type GateFacts } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';

const request = { deployer: 'dan', now: '2026-03-02T10:00:00.000Z' };
const approvedBy = (...approvers: string[]): Partial<GateFacts> => ({ approval: { requester: 'rita', approvers } });
/** The verdict on duties alone, by a policy that keeps these apart besides. */
const judged = (facts: GateFacts, apart?: readonly DutySet[]) =>
  evaluateGates({ ...facts, policy: { ...facts.policy, gates: [{ gate: 'duties-separated', ...(apart ? { apart } : {}) }] } }, request)
    .gates[0];

describe('the duties of a release', () => {
  it('are those of its authors, requester, testers, approvers and of who published its policy, each with where that is written', () => {
    expect(dutiesOf(gateFacts(approvedBy('anna')))).toEqual([
      { person: 'ada', duty: 'author', evidence: 'release-1@3' },
      { person: 'rita', duty: 'requester', evidence: 'approval-1@2' },
      { person: 'tess', duty: 'tester', evidence: 'testreport-1@0' },
      { person: 'anna', duty: 'approver', evidence: 'approval-1@2' },
      { person: 'paula', duty: 'policy-editor', evidence: 'policy-bank@0' },
    ]);
  });

  it('are fewer where nobody asked for approval, or nothing was tested, or no policy is in force', () => {
    const { testers: _testers, policyEditor: _editor, ...bare } = gateFacts();
    expect(dutiesOf(bare).map((d) => d.duty)).toEqual(['author']);
  });

  it.each([
    ['wrote it', 'ada', 'ada is author and approver'],
    ['requested it', 'rita', 'rita is requester and approver'],
    ['tested it', 'tess', 'tess is tester and approver'],
    ['would deploy it', 'dan', 'dan is approver and deployer'],
    ['published its policy', 'paula', 'paula is approver and policy-editor'],
  ])('are not separated where an approver %s, and are where somebody else approves', (_what, approver, said) => {
    expect(judged(gateFacts(approvedBy('anna', approver)))).toMatchObject({
      verdict: 'fail',
      detail: `One person holds duties that are kept apart: ${said}.`,
      evidence: ['account-ada@-1', 'approval-1@2', 'artifact-1@0', 'policy-bank@0', 'release-1@3', 'testreport-1@0'],
      unblockedBy: expect.stringContaining('somebody else'),
    });
    expect(judged(gateFacts(approvedBy('anna', 'otto')))).toMatchObject({
      verdict: 'pass',
      detail: 'Nobody who approved wrote, requested, tested or would deploy it, or published its policy.',
    });
  });
});

describe('what a policy keeps apart besides', () => {
  const testerIsNotAuthor: DutySet = { id: 'tester-is-not-author', duties: ['author', 'tester'] };
  const two: DutySet = { id: 'at-most-two', duties: ['author', 'requester', 'tester', 'deployer'], atMost: 2 };

  it('is judged with what is kept apart everywhere, and named', () => {
    const own = gateFacts({ ...approvedBy('anna'), testers: ['ada'] });
    expect(judged(own)).toMatchObject({ verdict: 'pass' });
    expect(judged(own, [testerIsNotAuthor])).toMatchObject({
      verdict: 'fail',
      detail: 'One person holds duties that are kept apart: ada is author and tester.',
    });
    expect(judged(gateFacts(approvedBy('anna')), [testerIsNotAuthor, two])).toMatchObject({
      verdict: 'pass',
      detail: expect.stringContaining("The policy's own rules hold: tester-is-not-author, at-most-two."),
    });
  });

  it('may let a person hold some of a set, and no more', () => {
    const ada = (more: Partial<GateFacts>) => gateFacts({ authors: ['ada'], testers: ['ada'], ...more });
    expect(judged(ada({ approval: { requester: 'rita', approvers: [] } }), [two])).toMatchObject({ verdict: 'pass' });
    expect(judged(ada({ approval: { requester: 'ada', approvers: [] } }), [two])).toMatchObject({
      verdict: 'fail',
      detail: 'One person holds duties that are kept apart: ada is author and requester and tester.',
    });
  });

  it('adds, and never takes away', () => {
    expect(separationRules([])).toEqual(RELEASE_DUTIES);
    expect(separationRules([{ gate: 'tests-passed' }, { gate: 'duties-separated', apart: [two] }])).toEqual([...RELEASE_DUTIES, two]);
  });

  it('holds from the policy and from every clause that counts, each rule once', () => {
    const place = { environmentClass: 'production', regimes: [], changeClass: 'normal', risk: 'low' } as const;
    const gates = [{ gate: 'duties-separated', apart: [two] }] as const;
    const clause = (apart?: readonly DutySet[]) => ({
      when: {},
      gates: [{ gate: 'duties-separated', ...(apart ? { apart } : {}) }] as const,
    });
    expect(gatesFor({ gates, clauses: [clause([testerIsNotAuthor, two])] }, place)).toEqual([
      { gate: 'duties-separated', apart: [two, testerIsNotAuthor] },
    ]);
    expect(gatesFor({ gates, clauses: [clause()] }, place)).toEqual([{ gate: 'duties-separated', apart: [two] }]);
    expect(gatesFor({ gates: [{ gate: 'duties-separated' }], clauses: [clause([two])] }, place)).toEqual([
      { gate: 'duties-separated', apart: [two] },
    ]);
    expect(gatesFor({ gates: [{ gate: 'duties-separated' }], clauses: [clause()] }, place)).toEqual([{ gate: 'duties-separated' }]);
  });

  it('bars who could not approve by it', () => {
    const set: DutySet = { id: 'approver-is-not-twice-busy', duties: ['tester', 'policy-editor', 'approver'], atMost: 1 };
    const facts = gateFacts({ policy: { ...gateFacts().policy, gates: [{ gate: 'duties-separated', apart: [set] }] } });
    expect(eligibleApprovers(facts, { quorum: 1 }, 'dan').excluded.map((e) => e.person)).toEqual(['ada', 'dan', 'paula', 'tess']);
  });
});
