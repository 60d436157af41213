import fc from 'fast-check';
import { conflicts, DUTIES, FOUR_EYES, mayTakeDuty, type Duty, type DutyAssignment, type SeparationRule } from './duties.ts';

const took = (person: string, duty: Duty): DutyAssignment => ({ person, duty, evidence: `release-1@${DUTIES.indexOf(duty)}` });
const codeAndApproval: SeparationRule = { id: 'four-eyes', duties: [['author', 'committer', 'co-author'], 'approver'] };

describe('Separation of duties', () => {
  it('finds whoever approves what she wrote, and says where both are written', () => {
    expect(conflicts([took('dora', 'author'), took('emil', 'author'), took('dora', 'approver')], [codeAndApproval])).toEqual([
      { rule: 'four-eyes', person: 'dora', duties: ['author', 'approver'], evidence: ['release-1@0', 'release-1@5'] },
    ]);
  });

  it('lets an author commit, and another person approve', () => {
    expect(conflicts([took('dora', 'author'), took('dora', 'committer'), took('emil', 'approver')], [codeAndApproval])).toEqual([]);
  });

  it('counts a co-author as an author', () => {
    expect(conflicts([took('dora', 'co-author'), took('dora', 'approver')], FOUR_EYES)).toHaveLength(1);
  });

  it('refuses the duty that would break a rule, and says what would unblock it', () => {
    expect(mayTakeDuty('dora', 'approver', [took('dora', 'requester')], FOUR_EYES)).toEqual({
      code: 'separation-of-duties',
      detail: 'The rule approver-is-not-requester keeps approver apart from requester, which this person is already.',
      evidence: ['release-1@3'],
      unblockedBy: 'Somebody who is not requester here takes the duty of approver.',
    });
    expect(mayTakeDuty('emil', 'approver', [took('dora', 'requester')], FOUR_EYES)).toBe('ok');
  });

  it('takes no duty for another whose name has it in it', () => {
    const coAuthor: SeparationRule = { id: 'co-author-apart', duties: ['co-author', 'approver'] };
    expect(conflicts([took('dora', 'author'), took('dora', 'approver')], [coAuthor])).toEqual([]);
    expect(conflicts([took('dora', 'co-author'), took('dora', 'approver')], [coAuthor])).toHaveLength(1);
  });

  it('says which of several duties are in the way', () => {
    const places: SeparationRule = { id: 'apart', duties: ['author', 'tester', 'approver'] };
    expect(mayTakeDuty('dora', 'approver', [took('dora', 'tester'), took('dora', 'author')], [places])).toMatchObject({
      detail: 'The rule apart keeps approver apart from author or tester, which this person is already.',
      unblockedBy: 'Somebody who is not author or tester here takes the duty of approver.',
    });
  });

  it('lets nobody take a duty who is not known to be anybody', () => {
    expect(mayTakeDuty('\u200b ', 'approver', [], FOUR_EYES)).toEqual({
      code: 'person-unknown',
      detail: 'Nobody knows who would be the approver.',
      unblockedBy: 'Sign in with an account that resolves to a person.',
    });
    expect(() => conflicts([took('', 'author')], FOUR_EYES)).toThrow('The author of release-1@0 is no known person.');
  });

  it('lets a person hold as many of a set as the rule allows, and no more', () => {
    const two: SeparationRule = { id: 'two-of-three', duties: ['author', ['requester', 'tester'], 'deployer'], atMost: 2 };
    const held = [took('dora', 'author'), took('dora', 'tester'), took('dora', 'requester')];
    expect(conflicts(held, [two])).toEqual([]);
    expect(conflicts([...held, took('dora', 'deployer')], [two])).toMatchObject([{ person: 'dora' }]);
    expect(mayTakeDuty('dora', 'tester', held, [two])).toBe('ok');
    expect(mayTakeDuty('dora', 'deployer', [took('dora', 'author')], [two])).toBe('ok');
    expect(mayTakeDuty('dora', 'deployer', held, [two])).toMatchObject({
      detail: 'The rule two-of-three keeps deployer apart from author and requester and tester, which this person is already.',
      unblockedBy: 'Somebody who is not author and requester and tester here takes the duty of deployer.',
    });
  });

  it.each([0, 2, 1.5, -1, Number.NaN])('refuses a rule of two duties that allows %d of them', (atMost) => {
    expect(() => conflicts([], [{ id: 'broken', duties: ['author', 'approver'], atMost }])).toThrow('forbids nothing, or everything');
  });

  it('refuses rules that keep nothing apart', () => {
    const broken =
      (...duties: SeparationRule['duties']) =>
      () =>
        conflicts([], [{ id: 'broken', duties }]);
    expect(broken('author')).toThrow('keeps nothing apart');
    expect(broken(['author'], [])).toThrow('empty list');
    expect(broken(['author', 'approver'], 'approver')).toThrow('names a duty twice');
    expect(broken('author', 'owner' as Duty)).toThrow(
      'unknown duty, owner. Known: author, committer, co-author, requester, tester, approver, deployer, policy-editor.',
    );
  });
});

describe('Separation of duties, for all assignments and rules', () => {
  const duty = fc.constantFrom(...DUTIES);
  const person = fc.constantFrom('a', 'b', 'c', 'd');
  const assignment = fc.record({ person, duty, evidence: fc.constantFrom('x@1', 'y@2', 'z@3') });
  const assignments = fc.array(assignment, { maxLength: 12 });
  const rule = fc
    .tuple(fc.shuffledSubarray([...DUTIES], { minLength: 2 }), fc.integer({ min: 1, max: 3 }))
    .map(([duties, cut]): SeparationRule => {
      const first = duties.slice(0, Math.min(cut, duties.length - 1));
      return { id: duties.join('-'), duties: [first, ...duties.slice(first.length)] };
    });
  const rules = fc.array(rule, { maxLength: 4 });

  it('does not depend on the order of the assignments', () => {
    fc.assert(
      fc.property(assignments, rules, fc.infiniteStream(fc.nat()), (given, all, order) => {
        const shuffled = given
          .map((a) => ({ a, at: order.next().value as number }))
          .sort((x, y) => x.at - y.at)
          .map(({ a }) => a);
        expect(conflicts(shuffled, all)).toEqual(conflicts(given, all));
      }),
    );
  });

  it('agrees with the definition: somebody holds two duties of different places in the rule', () => {
    fc.assert(
      fc.property(assignments, rule, (given, one) => {
        const places = one.duties.map((place) => [place].flat());
        const guilty = ['a', 'b', 'c', 'd'].filter(
          (p) => places.filter((place) => given.some((g) => g.person === p && place.includes(g.duty))).length > 1,
        );
        expect(conflicts(given, [one]).map((v) => v.person)).toEqual(guilty);
      }),
    );
  });

  it('never forgives: one more assignment keeps every violation', () => {
    fc.assert(
      fc.property(assignments, assignment, rules, (given, more, all) => {
        const before = conflicts(given, all).map((v) => `${v.rule}/${v.person}`);
        const after = conflicts([...given, more], all).map((v) => `${v.rule}/${v.person}`);
        expect(after).toEqual(expect.arrayContaining(before));
      }),
    );
  });

  it('is not escaped by a second account: learning that two persons are one never clears a rule', () => {
    fc.assert(
      fc.property(assignments, rules, (given, all) => {
        const broken = new Set(conflicts(given, all).map((v) => v.rule));
        const merged = given.map((a) => (a.person === 'b' ? { ...a, person: 'a' } : a));
        const brokenAfter = new Set(conflicts(merged, all).map((v) => v.rule));
        expect([...broken].every((id) => brokenAfter.has(id))).toBe(true);
      }),
    );
  });

  it('admits a duty exactly where taking it breaks no rule that names it', () => {
    fc.assert(
      fc.property(assignments, assignment, rules, (given, next, all) => {
        const naming = all.filter((r) => r.duties.flat().includes(next.duty));
        const allowed = mayTakeDuty(next.person, next.duty, given, all) === 'ok';
        const breaks = naming.some((r) => {
          const place = r.duties.findIndex((d) => [d].flat().includes(next.duty));
          const others = r.duties.filter((_, i) => i !== place).flat();
          return given.some((g) => g.person === next.person && others.includes(g.duty));
        });
        expect(allowed).toBe(!breaks);
        if (allowed && conflicts(given, all).length === 0) expect(conflicts([...given, next], all)).toEqual([]);
      }),
    );
  });
});
