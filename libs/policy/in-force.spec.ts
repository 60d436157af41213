import fc from 'fast-check';
import type { GateRule, PolicyClause } from '#libs/contracts';
import { asksAsMuch, gatesFor, inForceAt, unionOf } from '#libs/policy';

const version = (n: number, effectiveFrom: string) => ({ version: n, effectiveFrom });

describe('the version of a policy that is in force', () => {
  const versions = [version(1, '2026-01-01T00:00:00.000Z'), version(2, '2026-02-01T00:00:00.000Z')];

  it('is there from its instant on, to the millisecond', () => {
    expect(inForceAt(versions, '2025-12-31T23:59:59.999Z')).toBeUndefined();
    expect(inForceAt(versions, '2026-01-01T00:00:00.000Z')?.version).toBe(1);
    expect(inForceAt(versions, '2026-01-31T23:59:59.999Z')?.version).toBe(1);
    expect(inForceAt(versions, '2026-02-01T00:00:00.000Z')?.version).toBe(2);
  });

  it('is the later published of two that begin together, and one that was scheduled comes in although another came before it', () => {
    expect(inForceAt([...versions, version(3, '2026-02-01T00:00:00.000Z')], '2026-02-01T00:00:00.000Z')?.version).toBe(3);
    const urgent = [...versions, version(3, '2026-01-15T00:00:00.000Z')];
    expect(inForceAt(urgent, '2026-01-20T00:00:00.000Z')?.version).toBe(3);
    expect(inForceAt(urgent, '2026-02-01T00:00:00.000Z')?.version).toBe(2);
  });

  it('is never one whose time has not come, and never an older one than could be', () => {
    const day = fc.integer({ min: 1, max: 28 }).map((d) => `2026-01-${String(d).padStart(2, '0')}T00:00:00.000Z`);
    fc.assert(
      fc.property(fc.array(day, { maxLength: 8 }), day, (days, now) => {
        const all = days.map((d, i) => version(i + 1, d));
        const found = inForceAt(all, now);
        const come = all.filter((v) => v.effectiveFrom <= now);
        if (!found) return expect(come).toEqual([]);
        expect(come).toContain(found);
        expect(come.filter((v) => v.effectiveFrom > found.effectiveFrom)).toEqual([]);
        expect(come.filter((v) => v.effectiveFrom === found.effectiveFrom && v.version > found.version)).toEqual([]);
      }),
    );
  });
});

describe('the gates that count', () => {
  const gates: readonly GateRule[] = [{ gate: 'tests-passed' }, { gate: 'approved', quorum: 1 }];
  const clauses: readonly PolicyClause[] = [
    { when: { environmentClasses: ['production'] }, gates: [{ gate: 'approved', quorum: 2 }, { gate: 'duties-separated' }] },
    { when: { regimes: ['SOX', 'PCI'], changeClasses: ['normal'] }, gates: [{ gate: 'version-assigned' }] },
    { when: { regimes: ['none'] }, gates: [{ gate: 'artifacts-registered' }] },
  ];
  const at = (environmentClass: string, regimes: ('SOX' | 'PCI')[], changeClass: 'normal' | 'emergency' = 'normal') =>
    gatesFor({ gates, clauses }, { environmentClass, regimes, changeClass, risk: 'low' }).map((g) =>
      g.gate === 'approved' ? `approved ${g.quorum}` : g.gate,
    );

  it('are those of the policy and of each clause that holds here, with the greatest quorum', () => {
    expect(at('test', ['SOX'], 'emergency')).toEqual(['tests-passed', 'approved 1']);
    expect(at('production', ['SOX'], 'emergency')).toEqual(['tests-passed', 'approved 2', 'duties-separated']);
    expect(at('production', ['PCI'])).toEqual(['tests-passed', 'approved 2', 'duties-separated', 'version-assigned']);
    expect(at('test', [])).toEqual(['tests-passed', 'approved 1', 'artifacts-registered']);
  });

  it('hold for a clause that names only classes of change, and only where the class of the environment is known if it is asked for', () => {
    const clause: PolicyClause = { when: { changeClasses: ['emergency'] }, gates: [{ gate: 'version-assigned' }] };
    const count = (when: PolicyClause['when'], place: object) =>
      gatesFor(
        { gates: [], clauses: [{ ...clause, when }] },
        { environmentClass: 'production', regimes: [], changeClass: 'normal', risk: 'low', ...place },
      ).length;
    expect(count({ changeClasses: ['emergency'] }, { changeClass: 'emergency' })).toBe(1);
    expect(count({ changeClasses: ['emergency'] }, {})).toBe(0);
    expect(count({ environmentClasses: ['production'] }, {})).toBe(1);
    expect(count({ environmentClasses: ['production'] }, { environmentClass: undefined })).toBe(0);
    expect(count({ environmentClasses: ['production'], changeClasses: ['emergency'] }, {})).toBe(0);
    expect(count({ regimes: ['SOX', 'none'] }, { regimes: ['SOX', 'PCI'] })).toBe(1);
    expect(count({ regimes: ['none'] }, { regimes: ['SOX'] })).toBe(0);
    expect(count({}, {})).toBe(1);
  });

  it('ask for the greatest quorum of every group, and in all', () => {
    const approved = (quorum: number, ...groups: [string, number][]): GateRule => ({
      gate: 'approved',
      quorum,
      ...(groups.length > 0 ? { groups: groups.map(([group, n]) => ({ group, quorum: n })) } : {}),
    });
    expect(unionOf([[approved(1, ['risk', 1], ['law', 2])], [approved(3, ['risk', 2], ['law', 1], ['it', 1])]])).toEqual([
      approved(3, ['risk', 2], ['law', 2], ['it', 1]),
    ]);
    expect(unionOf([[approved(3)], [approved(1, ['risk', 2])]])).toEqual([approved(3, ['risk', 2])]);
    expect(unionOf([[approved(3, ['risk', 2])], [approved(1)]])).toEqual([approved(3, ['risk', 2])]);
    expect(unionOf([[approved(1)], [approved(2)]])).toEqual([approved(2)]);
  });

  it('are each asked for once, as they were named first', () => {
    const own = { gate: 'expression:own', expression: 'true' } as const;
    expect(
      unionOf([
        [{ gate: 'tests-passed' }, own],
        [own, { gate: 'tests-passed' }, { gate: 'version-assigned' }],
      ]),
    ).toEqual([{ gate: 'tests-passed' }, own, { gate: 'version-assigned' }]);
  });
});

describe('A rule asks for as much as another one', () => {
  const approved = (quorum: number, ...groups: readonly (readonly [string, number])[]): GateRule => ({
    gate: 'approved',
    quorum,
    ...(groups.length > 0 ? { groups: groups.map(([group, of]) => ({ group, quorum: of })) } : {}),
  });

  it.each([
    [approved(2), approved(2), true],
    [approved(3), approved(2), true],
    [approved(1), approved(2), false],
    [approved(2, ['cab', 1]), approved(2), true],
    [approved(2), approved(2, ['cab', 1]), false],
    [approved(2, ['cab', 2]), approved(2, ['cab', 1]), true],
    [approved(2, ['dev', 2]), approved(2, ['cab', 1]), false],
    [{ gate: 'tests-passed' }, { gate: 'tests-passed' }, true],
    [{ gate: 'tests-passed' }, { gate: 'not-frozen' }, false],
    [{ gate: 'duties-separated', apart: [{ id: 'a', duties: ['tester', 'deployer'] }] }, { gate: 'duties-separated' }, true],
    [{ gate: 'duties-separated' }, { gate: 'duties-separated', apart: [{ id: 'a', duties: ['tester', 'deployer'] }] }, false],
    [{ gate: 'expression:a', expression: 'x' }, { gate: 'expression:b', expression: 'x' }, true],
    [{ gate: 'expression:a', expression: 'x' }, { gate: 'expression:a', expression: 'y' }, false],
  ] as readonly [GateRule, GateRule, boolean][])('%j, %j: %s', (rule, other, asks) => {
    expect(asksAsMuch(rule, other)).toBe(asks);
  });
});

describe('a gate that asks for as much as another', () => {
  const apart = (...ids: string[]): GateRule => ({
    gate: 'duties-separated',
    ...(ids.length > 0 ? { apart: ids.map((id) => ({ id, duties: ['author', 'tester'] as const })) } : {}),
  });
  const approved = (quorum: number, ...groups: [string, number][]): GateRule => ({
    gate: 'approved',
    quorum,
    groups: groups.map(([group, n]) => ({ group, quorum: n })),
  });

  it.each<[GateRule, GateRule, boolean]>([
    [apart('a', 'b'), apart('b'), true],
    [apart('a'), apart('a'), true],
    [apart('a', 'b'), apart('b', 'a'), true],
    [apart('a'), apart('a', 'b'), false],
    [apart(), apart('a'), false],
    [apart('a'), apart(), true],
    [apart('a'), { gate: 'tests-passed' }, false],
    [{ gate: 'tests-passed' }, apart('a'), false],
    [{ gate: 'tests-passed' }, apart(), false],
    [approved(2, ['risk', 2]), approved(2, ['risk', 2]), true],
    [approved(2, ['risk', 1]), approved(2, ['risk', 2]), false],
    [approved(2), { gate: 'tests-passed' }, false],
    [{ gate: 'tests-passed' }, approved(2), false],
    [{ gate: 'expression:a', expression: '1 == 1' }, { gate: 'tests-passed' }, false],
    [{ gate: 'tests-passed' }, { gate: 'expression:a', expression: '1 == 1' }, false],
  ])('%j asks as much as %j: %s', (rule, other, asks) => expect(asksAsMuch(rule, other)).toBe(asks));

  it('is kept apart once, whichever of several it is', () => {
    expect(unionOf([[apart('a', 'b')], [apart('b', 'c')]])).toEqual([apart('a', 'b', 'c')]);
    expect(unionOf([[apart('a', 'b')], [apart('a', 'b')]])).toEqual([apart('a', 'b')]);
  });
});
