import { beyondReach, eligibleApprovers, reachOf, unblockedByApproval, type GateFacts, type QuorumRule } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';
import { countingApprovers, countingMembers } from './eligible.ts';

const groups = { risk: ['anna', 'ada', 'otto'], security: ['anna', 'sven', 'rita'] };
const rule: QuorumRule = { quorum: 2, groups: [{ group: 'risk', quorum: 1 }, { group: 'security', quorum: 1 }] }; // prettier-ignore
const asked = (approvers: readonly string[] = [], more: Partial<GateFacts> = {}) =>
  gateFacts({ approval: { requester: 'rita', approvers }, groups, ...more });

describe('who can still approve', () => {
  it('is every member of a group that lacks persons who has no other duty', () => {
    const eligible = eligibleApprovers(asked(), rule, 'sven');
    expect(eligible).toMatchObject({
      approvers: [],
      needed: 2,
      missing: 2,
      anybody: false,
      canApprove: [
        { group: 'risk', persons: ['anna', 'otto'] },
        { group: 'security', persons: ['anna'] },
      ],
    });
    expect(unblockedByApproval(eligible)).toBe(
      '1 more of group risk must approve (anna, otto can). 1 more of group security must approve (anna can).',
    );
  });

  it('is told in order, whatever the order in which groups and votes were told', () => {
    const eligible = eligibleApprovers(asked(['sven', 'otto'], { groups: { risk: ['zoe', 'anna', 'otto'], security: ['sven'] } }), {
      quorum: 3,
      groups: [{ group: 'risk', quorum: 2 }, { group: 'security', quorum: 1 }], // prettier-ignore
    });
    expect(eligible.approvers).toEqual(['otto', 'sven']);
    expect(eligible.canApprove).toEqual([
      { group: 'risk', persons: ['anna', 'zoe'] },
      { group: 'security', persons: [] },
    ]);
    const two = eligibleApprovers(asked(['zoe', 'anna'], { groups: { risk: ['zoe', 'anna'] } }), { quorum: 2, groups: [{ group: 'risk', quorum: 2 }] }); // prettier-ignore
    expect(two.groups[0]?.persons).toEqual(['anna', 'zoe']);
  });

  it('is not who has approved, nor who would fill a place that is filled', () => {
    const eligible = eligibleApprovers(asked(['otto', 'otto']), rule);
    expect(eligible.approvers).toEqual(['otto']);
    // Who has approved holds a duty, too, and none that is kept apart from it.
    expect(eligible.excluded.map((e) => e.person)).toEqual(['ada', 'paula', 'rita', 'tess']);
    expect(eligible.canApprove).toEqual([
      // Anna would be counted for security, where somebody is missing.
      { group: 'risk', persons: ['anna'] },
      { group: 'security', persons: ['anna', 'sven'] },
    ]);
    expect(unblockedByApproval(eligible)).toBe('1 more of group security must approve (anna, sven can).');
    const full = eligibleApprovers(asked(['otto', 'sven']), rule);
    expect(full.canApprove.flatMap((g) => g.persons)).toEqual([]);
    expect(unblockedByApproval(full)).toBe('');
  });

  it('says who can not, and why, in an order that does not depend on where it is written', () => {
    const { excluded } = eligibleApprovers(asked(), rule, 'sven');
    expect(excluded.map((e) => e.person)).toEqual(['ada', 'paula', 'rita', 'sven', 'tess']);
    expect(excluded.map((e) => e.reason)).toMatchObject([
      { evidence: ['release-1@3'], detail: expect.stringContaining('approver-is-not-author') },
      { evidence: ['policy-bank@0'], detail: expect.stringContaining('approver-is-not-policy-editor') },
      { evidence: ['approval-1@2'], detail: expect.stringContaining('approver-is-not-requester') },
      { evidence: ['this-request'], detail: expect.stringContaining('approver-is-not-deployer') },
      { evidence: ['testreport-1@0'], detail: expect.stringContaining('approver-is-not-tester') },
    ]);
    // Who would deploy it is not always known yet.
    expect(eligibleApprovers(asked(), rule).excluded.map((e) => e.person)).toEqual(['ada', 'paula', 'rita', 'tess']);
  });

  it('is anybody without another duty where persons are missing besides those of the groups', () => {
    const three = { ...rule, quorum: 4 };
    const eligible = eligibleApprovers(asked(['otto', 'sven']), three);
    expect(eligible).toMatchObject({ needed: 4, missing: 2, anybody: true });
    expect(unblockedByApproval(eligible)).toBe('2 more persons who did not write, request or deploy it must approve.');
    const { free, ...one } = eligibleApprovers(asked(['otto', 'sven', 'zoe']), three);
    expect(unblockedByApproval({ ...one, free })).toBe('1 more person who did not write, request or deploy it must approve.');
    expect(eligibleApprovers(asked(['otto', 'sven', 'zoe', 'zac']), three).anybody).toBe(false);
    expect(eligibleApprovers(asked(), { quorum: 1 })).toMatchObject({ anybody: true, canApprove: [], missing: 1 });
  });

  it('says so where nobody of a group can', () => {
    const eligible = eligibleApprovers(asked([], { groups: { risk: ['ada'] } }), rule);
    expect(eligible.canApprove).toEqual([
      { group: 'risk', persons: [] },
      { group: 'security', persons: [] },
    ]);
    expect(unblockedByApproval(eligible)).toContain('1 more of group risk must approve (nobody in it can at present).');
    const { groups: _none, ...without } = asked();
    expect(unblockedByApproval(eligibleApprovers(without, rule))).toContain('(nobody in it can at present)');
  });

  it('names ten at most', () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => `p${String(n).padStart(2, '0')}`);
    const sentence = (count: number) =>
      unblockedByApproval(eligibleApprovers(asked([], { groups: { risk: many(count) } }), { quorum: 1, groups: [{ group: 'risk', quorum: 1 }] })); // prettier-ignore
    expect(sentence(10)).toBe(`1 more of group risk must approve (${many(10).join(', ')} can).`);
    expect(sentence(11)).toBe(`1 more of group risk must approve (${many(10).join(', ')} and others can).`);
  });
});

describe('how far an approval can come', () => {
  const two: QuorumRule = { quorum: 2 };
  const holding = ['otto', 'anna', 'ada', 'rita', 'anna'];

  it('is as far as those who hold a role for it, have no other duty and have not approved', () => {
    const reach = reachOf(asked(), two, holding);
    expect(reach).toEqual({ holders: ['anna', 'otto'], tooFew: 0 });
    expect(beyondReach(reach)).toBe('');
    expect(reachOf(asked(['anna']), two, holding)).toEqual({ holders: ['otto'], tooFew: 0 });
  });

  it('is not far enough where they are too few, and says who they are and how many are missing', () => {
    expect(beyondReach(reachOf(asked(), { quorum: 20 }, holding))).toBe(
      'Only 2 who hold a role for it can (anna, otto), which is 18 too few: two administrators of identities grant the role to 18 more, or a policy asks for fewer.',
    );
    expect(beyondReach(reachOf(asked(['anna']), { quorum: 3 }, holding))).toMatch(
      /^Only otto holds a role for it and can, which is 1 too few: /,
    );
    expect(beyondReach(reachOf(asked(), two, ['ada']))).toMatch(/^Nobody else who holds a role for it can, which is 2 too few: /);
    const many = Array.from({ length: 12 }, (_, n) => `p-${String(n).padStart(2, '0')}`);
    expect(beyondReach(reachOf(asked(), { quorum: 13 }, many))).toContain(
      '(p-00, p-01, p-02, p-03, p-04, p-05, p-06, p-07, p-08, p-09 and others)',
    );
  });

  it('counts nobody who has left, whose role was revoked since, or whom the policy has no place for', () => {
    expect(reachOf(asked([], { left: ['anna'], unentitled: ['otto'] }), two, holding)).toEqual({ holders: [], tooFew: 2 });
    const ofGroups: QuorumRule = { quorum: 1, groups: [{ group: 'risk', quorum: 1 }] };
    expect(reachOf(asked(), ofGroups, ['zoe', 'otto'])).toEqual({ holders: ['otto'], tooFew: 0 });
  });
});

describe('who has left, or lacks the role', () => {
  const gone = (more: Partial<GateFacts>) => asked(['anna', 'otto', 'sven'], more);

  it('does not count as having approved', () => {
    expect(countingApprovers(gone({}))).toEqual(['anna', 'otto', 'sven']);
    expect(countingApprovers(gone({ left: ['otto'] }))).toEqual(['anna', 'sven']);
    expect(countingApprovers(gone({ unentitled: ['sven'] }))).toEqual(['anna', 'otto']);
    expect(countingApprovers(gone({ left: ['otto'], unentitled: ['anna', 'sven'] }))).toEqual([]);
    expect(eligibleApprovers(gone({ left: ['otto'] }), rule)).toMatchObject({ approvers: ['anna', 'sven'], needed: 2, missing: 0 });
    expect(eligibleApprovers(gone({ unentitled: ['anna', 'sven'] }), rule)).toMatchObject({ approvers: ['otto'], missing: 1 });
  });

  it('does not count for a group from which she was taken, and counts for others', () => {
    const facts = gone({ expelled: { risk: ['anna', 'otto'] } });
    expect(countingMembers(facts)).toEqual({ risk: ['ada'], security: ['anna', 'sven', 'rita'] });
    const eligible = eligibleApprovers(facts, rule);
    expect(eligible.groups).toMatchObject([
      { group: 'risk', missing: 1 },
      { group: 'security', missing: 0 },
    ]);
    // Otto, who is in no other group, cannot help this one by approving again.
    expect(eligible.canApprove[0]?.persons).toEqual([]);
    const { groups: _none, ...without } = asked();
    expect(countingMembers(without)).toEqual({});
  });

  it('can not approve again, although she is a member', () => {
    const risk = { groups: { risk: ['anna', 'otto'] } };
    const one: QuorumRule = { quorum: 1, groups: [{ group: 'risk', quorum: 1 }] };
    const can = (more: Partial<GateFacts>) => eligibleApprovers(asked(['otto'], { ...risk, ...more }), one).canApprove[0]?.persons;
    expect(can({ left: ['otto'] })).toEqual(['anna']);
    expect(can({ unentitled: ['otto'] })).toEqual(['anna']);
    expect(can({ left: ['otto'], unable: { anna: 'role' } })).toEqual([]);
  });

  it('is told, in order, with what says so', () => {
    const persons = { otto: 'person-otto@1', sven: 'person-sven@1' };
    const grants = { otto: 'rolegrants-otto@2', sven: 'rolegrants-sven@2' };
    const facts = asked([], { unable: { otto: 'left', sven: 'role', anna: 'role' } });
    const { excluded } = eligibleApprovers({ ...facts, refs: { ...facts.refs, persons, grants } }, rule);
    expect(excluded.map((e) => e.person)).toEqual(['ada', 'anna', 'otto', 'paula', 'rita', 'sven', 'tess']);
    const why = (person: string) => excluded.find((e) => e.person === person)?.reason;
    expect(why('otto')).toEqual({
      code: 'person-left',
      detail: 'This person has left.',
      unblockedBy: 'Somebody who is there approves.',
      evidence: ['person-otto@1'],
    });
    const role = {
      code: 'role-missing',
      detail: 'No role of approver that this person holds is in force for this.',
      unblockedBy: 'Somebody who holds one approves, or two administrators of identities grant it.',
    };
    expect(why('sven')).toEqual({ ...role, evidence: ['rolegrants-sven@2'] });
    expect(why('anna')).toEqual(role);
    // Where nothing of persons or roles was read, nothing is cited.
    expect(eligibleApprovers(facts, rule).excluded.find((e) => e.person === 'otto')?.reason).not.toHaveProperty('evidence');
    expect(eligibleApprovers(facts, rule).excluded.find((e) => e.person === 'sven')?.reason).toEqual(role);
  });

  it('is told of a duty first, where she has one, too', () => {
    const { excluded } = eligibleApprovers(asked([], { unable: { ada: 'left' } }), rule);
    expect(excluded.filter((e) => e.person === 'ada').map((e) => e.reason)).toMatchObject([
      { detail: expect.stringContaining('approver-is-not-author') },
    ]);
  });
});
