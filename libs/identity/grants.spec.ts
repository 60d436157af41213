import fc from 'fast-check';
import { covers, isInForce, ROLE_SETS, roleSetConflict, rolesFor, type HeldRole, type RoleSetRule } from './grants.ts';

const day = (n: number): string => new Date(Date.UTC(2026, 0, n)).toISOString();
const everywhere = { kind: 'organisation', id: '*' } as const;
const held = (role: string, from: number, until: number, more: Partial<HeldRole> = {}): HeldRole => ({
  role,
  scope: everywhere,
  from: day(from),
  until: day(until),
  ...more,
});

describe('A role', () => {
  it('is in force from its first instant on and no more at its last', () => {
    const role = held('approver', 2, 4);
    expect([day(1), day(2), day(3), day(4)].map((at) => isInForce(role, at))).toEqual([false, true, true, false]);
    expect(isInForce({ ...role, revokedAt: day(3) }, day(3))).toBe(false);
  });

  it('ends when it was to end, also where it was revoked later, and never begins again', () => {
    const role = held('approver', 2, 4);
    expect(isInForce({ ...role, revokedAt: day(6) }, day(3))).toBe(true);
    expect(isInForce({ ...role, revokedAt: day(6) }, day(4))).toBe(false);
    expect(isInForce({ ...role, revokedAt: day(6) }, day(5))).toBe(false);
    expect(isInForce({ ...role, revokedAt: day(1) }, day(2))).toBe(false);
  });

  it('of a scope without a name counts nowhere', () => {
    expect(covers({ kind: 'team', id: '' }, { team: '' })).toBe(false);
    expect(covers({ kind: 'team', id: 'a' }, { team: 'a' })).toBe(true);
  });

  it.each<[string, object | undefined]>([
    ['none', undefined],
    ['without kind and id', {}],
    ['without an id', { kind: 'organisation' }],
    ['of an empty id', { kind: 'organisation', id: '' }],
    ['without a kind', { id: '*' }],
    ['of a kind that there is not', { kind: 'planet', id: 'production' }],
    ['of a kind that every object has', { kind: 'constructor', id: 'production' }],
    ['of a list for an id', { kind: 'environment', id: ['production'] }],
  ])('of a scope that is %s counts nowhere', (_what, scope) => {
    const resources = [{}, { environment: 'production' }, { environment: 'production', service: 'shop', team: 'web' }];
    for (const resource of resources) expect(covers(scope, resource)).toBe(false);
    expect(rolesFor([held('approver', 1, 9, { scope: scope as never })], day(2), { environment: 'production' })).toEqual([]);
    expect(
      rolesFor([held('approver', 1, 9, { scope: { kind: 'environment', id: 'production' } })], day(2), { environment: 'production' }),
    ).toEqual(['approver']);
  });

  it('is told in order, and once', () => {
    const roles = [held('tester', 1, 9), held('approver', 1, 9), held('tester', 1, 5)];
    expect(rolesFor(roles, day(2), {})).toEqual(['approver', 'tester']);
  });

  it('counts where its scope covers what it is about, and not where that is unknown', () => {
    const production = { kind: 'environment', id: 'production' } as const;
    expect(covers(production, { environment: 'production' })).toBe(true);
    expect(covers(production, { environment: 'staging' })).toBe(false);
    expect(covers(production, { service: 'production' })).toBe(false);
    expect(covers(production, {})).toBe(false);
    expect(covers(everywhere, {})).toBe(true);
    const roles = [held('deployer', 1, 9, { scope: production }), held('developer', 1, 9), held('developer', 1, 5)];
    expect(rolesFor(roles, day(2), { environment: 'production' })).toEqual(['deployer', 'developer']);
    expect(rolesFor(roles, day(2), { environment: 'staging' })).toEqual(['developer']);
    expect(rolesFor(roles, day(9), { environment: 'production' })).toEqual([]);
  });
});

describe('Roles that nobody may hold at once', () => {
  it('are refused where they overlap, with the rule and the first instant of it', () => {
    expect(roleSetConflict([held('policy-editor', 3, 9)], held('approver', 1, 5), ROLE_SETS)).toMatchObject({
      rule: { id: 'rules-apart-from-approvals' },
      roles: ['approver', 'policy-editor'],
      at: day(3),
    });
  });

  it.each([
    ['policy-editor', 'approver', 'rules-apart-from-approvals'],
    ['identity-admin', 'approver', 'identities-apart-from-approvals'],
    ['auditor', 'approver', 'auditor-does-not-approve'],
  ])('are %s and %s, by the rule %s', (one, other, rule) => {
    expect(roleSetConflict([held(one, 1, 5)], held(other, 1, 5), ROLE_SETS)).toMatchObject({ rule: { id: rule }, at: day(1) });
    expect(roleSetConflict([held(other, 1, 5)], held(one, 1, 5), ROLE_SETS)).toMatchObject({ rule: { id: rule }, at: day(1) });
  });

  it('are told in order, and from the first instant at which there are too many, in whatever order they are held', () => {
    const three: RoleSetRule = { id: 'two-of-three', roles: ['a', 'b', 'c'], atMost: 2 };
    expect(roleSetConflict([held('c', 5, 9), held('b', 3, 9)], held('a', 1, 9), [three])).toMatchObject({
      roles: ['a', 'b', 'c'],
      at: day(5),
    });
    const one: RoleSetRule = { id: 'one', roles: ['a', 'b', 'c'], atMost: 1 };
    expect(roleSetConflict([held('b', 6, 9), held('c', 3, 9)], held('a', 1, 9), [one])).toMatchObject({ roles: ['a', 'c'], at: day(3) });
  });

  it('may follow each other, and stand beside roles of other sets', () => {
    expect(roleSetConflict([held('policy-editor', 5, 9)], held('approver', 1, 5), ROLE_SETS)).toBeUndefined();
    expect(roleSetConflict([held('deployer', 1, 9)], held('approver', 1, 5), ROLE_SETS)).toBeUndefined();
    expect(roleSetConflict([held('approver', 1, 9)], held('approver', 1, 9), ROLE_SETS)).toBeUndefined();
  });

  it('are no rule where it forbids nothing or everything', () => {
    const rule = (atMost: number): RoleSetRule => ({ id: 'broken', roles: ['a', 'b'], atMost });
    for (const atMost of [0, 2]) expect(() => roleSetConflict([], held('a', 1, 2), [rule(atMost)])).toThrow('nothing, or everything');
  });

  it('are found exactly where, on some day, more of a set would be in force than it allows', () => {
    const role = fc.constantFrom('a', 'b', 'c', 'd');
    const span = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 6 }), fc.option(fc.integer({ min: 1, max: 14 })));
    const any = fc
      .tuple(role, span)
      .map(([name, [from, length, revoked]]) => held(name, from, from + length, revoked === null ? {} : { revokedAt: day(revoked) }));
    const rule = fc
      .shuffledSubarray(['a', 'b', 'c', 'd'], { minLength: 2 })
      .chain((roles) => fc.integer({ min: 1, max: roles.length - 1 }).map((atMost): RoleSetRule => ({ id: 'r', roles, atMost })));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), any, rule, (own, further, one) => {
        // The oracle looks at every day; nothing begins or ends between days.
        const days = Array.from({ length: 20 }, (_, n) => day(n + 1)).filter((at) => isInForce(further, at));
        const broken = days.filter((at) => {
          const together = new Set([...own, further].filter((h) => one.roles.includes(h.role) && isInForce(h, at)).map((h) => h.role));
          return one.roles.includes(further.role) && together.size > one.atMost;
        });
        expect(roleSetConflict(own, further, [one])?.at).toBe(broken[0]);
      }),
      { numRuns: 1000 },
    );
  });
});
