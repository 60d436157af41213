import fc from 'fast-check';
import { REGIMES, RISK_CLASSES, type PolicyClause, type Regime, type RiskClass, type RiskFloor } from '#libs/contracts';
import { compareRisk, floorCounts, gatesFor, judgeRisk, placeOf } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';

const production = { environmentClass: 'production', regimes: ['SOX'] as const, artifacts: 3 };
const floor = (atLeast: RiskFloor['atLeast'], when: RiskFloor['when'] = {}): RiskFloor => ({ when, atLeast });

describe('what a change is judged to be', () => {
  it('is what its plan declares, where no floor is above it', () => {
    expect(judgeRisk('low', [], production)).toEqual({
      declared: 'low',
      floor: 'none',
      effective: 'low',
      detail: 'Its risk was declared low.',
    });
    expect(judgeRisk('high', [floor('medium')], production)).toMatchObject({ declared: 'high', floor: 'medium', effective: 'high' });
  });

  it('is the floor where less is declared, and says so', () => {
    expect(judgeRisk('low', [floor('medium'), floor('high', { regimes: ['SOX'] })], production)).toEqual({
      declared: 'low',
      floor: 'high',
      effective: 'high',
      detail: 'Its risk was declared low, and the policy judges it as high at least here.',
    });
  });

  it('is high where nobody declared anything, whatever the floors are, and says so', () => {
    for (const floors of [[], [floor('medium')]])
      expect(judgeRisk(undefined, floors, production)).toMatchObject({
        declared: 'undeclared',
        effective: 'high',
        detail: 'Nobody declared its risk, so it is judged as high.',
      });
  });

  it.each<[RiskFloor['when'], boolean]>([
    [{}, true],
    [{ environmentClasses: ['production'] }, true],
    [{ environmentClasses: ['test'] }, false],
    [{ regimes: ['SOX', 'PCI'] }, true],
    [{ regimes: ['none'] }, false],
    [{ moreArtifactsThan: 2 }, true],
    [{ moreArtifactsThan: 3 }, false],
    [{ environmentClasses: ['production'], regimes: ['PCI'] }, false],
  ])('a floor that is about %j counts for three artifacts in production under SOX: %s', (when, expected) => {
    expect(floorCounts(when, production)).toBe(expected);
  });

  it('a floor under none counts where there is no regime, and one for a class not where the class is unknown', () => {
    expect(floorCounts({ regimes: ['none'] }, { ...production, regimes: [] })).toBe(true);
    expect(floorCounts({ environmentClasses: ['production'] }, { ...production, environmentClass: undefined })).toBe(false);
  });
});

const subset = <T>(of: readonly T[]) => fc.option(fc.subarray([...of], { minLength: 1 }), { nil: undefined });
const environmentClasses = ['test', 'production'];
const scopes = fc
  .record({
    environmentClasses: subset(environmentClasses),
    regimes: subset<Regime>(REGIMES),
    riskClasses: subset<RiskClass>(RISK_CLASSES),
  })
  .map((scope) => JSON.parse(JSON.stringify(scope)) as PolicyClause['when']);
const floors = fc.array(
  fc
    .record({
      when: fc.record({
        environmentClasses: subset(environmentClasses),
        regimes: subset<Regime>(REGIMES),
        moreArtifactsThan: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      }),
      atLeast: fc.constantFrom('medium' as const, 'high' as const),
    })
    .map((one) => JSON.parse(JSON.stringify(one)) as RiskFloor),
  { maxLength: 4 },
);
const places = fc.record({
  environmentClass: fc.constantFrom(...environmentClasses),
  regimes: fc.subarray<Regime>(['SOX', 'HIPAA', 'PCI']),
  artifacts: fc.integer({ min: 1, max: 6 }),
});
const declared = fc.option(fc.constantFrom(...RISK_CLASSES), { nil: undefined });

describe('in every place and under any floors, what a change is judged to be', () => {
  it('is never less than was declared or than a floor that counts, and no more than the highest of them', () => {
    fc.assert(
      fc.property(declared, floors, places, (risk, all, place) => {
        const { effective } = judgeRisk(risk, all, place);
        const counting = all.filter(({ when }) => floorCounts(when, place)).map(({ atLeast }) => atLeast);
        const claims: readonly RiskClass[] = [risk ?? 'high', ...counting];
        expect(claims.every((claim) => compareRisk(effective, claim) >= 0)).toBe(true);
        expect(claims).toContain(effective);
      }),
    );
  });

  it('is never lowered by declaring less, nor by going where there are more regimes or with more artifacts', () => {
    fc.assert(
      fc.property(floors, places, fc.subarray<Regime>(['SOX', 'HIPAA', 'PCI']), (all, place, further) => {
        const at = (risk: RiskClass | undefined, where = place): RiskClass => judgeRisk(risk, all, where).effective;
        expect(compareRisk(at('low'), at('medium'))).toBeLessThanOrEqual(0);
        expect(compareRisk(at('medium'), at('high'))).toBeLessThanOrEqual(0);
        expect(at(undefined)).toBe('high');
        if (place.regimes.length === 0) return;
        const more = { ...place, regimes: [...new Set([...place.regimes, ...further])], artifacts: place.artifacts + 1 };
        expect(compareRisk(at('low'), at('low', more))).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('selects exactly the clauses that name it, or name no risk, and hold besides', () => {
    fc.assert(
      fc.property(fc.array(scopes, { maxLength: 6 }), declared, floors, places, (whens, risk, all, place) => {
        const { effective } = judgeRisk(risk, all, place);
        const clauses = whens.map((when, i): PolicyClause => ({ when, gates: [{ gate: `expression:c${i}`, expression: 'true' }] }));
        const under = place.regimes.length > 0 ? place.regimes : ['none'];
        const expected = clauses.filter(
          ({ when }) =>
            (when.environmentClasses ?? [place.environmentClass]).includes(place.environmentClass) &&
            (when.regimes ?? REGIMES).some((regime) => under.includes(regime)) &&
            (when.riskClasses ?? RISK_CLASSES).includes(effective),
        );
        const selected = gatesFor({ gates: [], clauses }, { ...place, changeClass: 'normal', risk: effective });
        expect(selected).toEqual(expected.flatMap(({ gates }) => gates));
        // An engine that knows no risks lets every clause count, whatever it names: never fewer.
        const without = gatesFor({ gates: [], clauses }, { ...place, changeClass: 'normal', risk: undefined });
        expect(without).toEqual(expect.arrayContaining([...selected]));
      }),
    );
  });
});

describe('where a change goes, as another version of its policy sees it', () => {
  const facts = gateFacts({ plan: { steps: [], planHash: 'p', riskClass: 'low' }, risk: judgeRisk('low', [], production) });

  it('has the floors of that version, and no risk where the engine judged none', () => {
    expect(placeOf(facts)).toEqual({ environmentClass: 'production', regimes: [], changeClass: 'normal', risk: 'low' });
    expect(placeOf(facts, [floor('medium')]).risk).toBe('medium');
    const { risk: _risk, ...before } = facts;
    expect(placeOf(before, [floor('medium')]).risk).toBeUndefined();
    // Of what has no plan nothing is declared.
    const { plan: _plan, ...unplanned } = facts;
    expect(placeOf(unplanned)).toEqual({ environmentClass: 'production', regimes: [], changeClass: 'normal', risk: 'high' });
    const under = { ...facts, regimes: ['SOX' as const] };
    expect(placeOf(under, [floor('high', { regimes: ['SOX'] })])).toMatchObject({ regimes: ['SOX'], risk: 'high' });
    expect(placeOf(under, [floor('high', { regimes: ['none'] })]).risk).toBe('low');
  });
});
