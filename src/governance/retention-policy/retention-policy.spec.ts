import * as fc from 'fast-check';
import { REGIMES, type RetentionPolicyEvent, type RetentionRule } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { combined, DEFAULT_RULES, FLOORS, retentionPolicy, rulesInForce } from '#libs/retention';
import { publishRetentionPolicy, PublishRetentionPolicy } from './publish-retention-policy.ts';

const policy = scenario(retentionPolicy);
const NOW = '2026-03-02T10:00:00.000Z';
const sox: RetentionRule = { regime: 'SOX', atHandDays: 2557, keepDays: 3653, ceilingDays: 4018 };
const fields: PublishRetentionPolicy = { title: 'The bank\u2019s', rules: [sox], justification: 'The records schedule.' };
const publish = (changes: Partial<PublishRetentionPolicy> = {}, now = NOW) =>
  issued(PublishRetentionPolicy, { ...fields, ...changes }, 'organisation', { person: 'lena', now });
const published: RetentionPolicyEvent = {
  type: 'RetentionPolicyPublished',
  data: {
    version: 1,
    title: 'The bank\u2019s',
    effectiveFrom: NOW,
    rules: [sox],
    justification: 'The records schedule.',
    publishedBy: 'lena',
  },
};

describe('publishing retention rules', () => {
  it('makes a version that counts from now on, and the second time is nothing', () => {
    policy.given().when(publishRetentionPolicy, publish()).then(published);
    policy.given(published).when(publishRetentionPolicy, publish()).thenNothing();
    expect(policy.given(published).when(publishRetentionPolicy, publish({ title: 'Another' })).decision).toMatchObject([
      { data: { version: 2 } },
    ]);
  });

  it.each(FLOORS.filter(({ keepDays }) => keepDays > 0))(
    'is refused below the floor of $regime, which is named, and taken at it',
    (floor) => {
      const { regime, atHandDays, keepDays, source } = floor;
      for (const rule of [
        { regime, atHandDays, keepDays: keepDays - 1 },
        { regime, atHandDays: atHandDays - 1, keepDays },
      ]) {
        const refusal = policy
          .given()
          .when(publishRetentionPolicy, publish({ rules: [rule] }))
          .thenRefused('below-floor');
        expect(refusal.detail).toContain(source);
      }
      expect(policy.given().when(publishRetentionPolicy, publish({ rules: [{ regime, atHandDays, keepDays }] })).decision).toHaveLength(1);
    },
  );

  it.each<[string, Partial<PublishRetentionPolicy>]>([
    ['rule-contradicts-itself', { rules: [{ regime: 'none', atHandDays: 31, keepDays: 30 }] }],
    ['rule-contradicts-itself', { rules: [{ regime: 'none', atHandDays: 3, keepDays: 30, ceilingDays: 29 }] }],
    ['rules-ambiguous', { rules: [sox, { ...sox, keepDays: 4000 }] }],
    ['effective-in-the-past', { effectiveFrom: '2026-03-02T09:59:59.999Z' }],
    ['effective-from-invalid', { effectiveFrom: '2150-01-01T00:00:00Z' }],
  ])('is refused: %s', (type, changes) => {
    policy.given().when(publishRetentionPolicy, publish(changes)).thenRefused(type);
  });

  it('counts from its instant on and not before', () => {
    const later: RetentionPolicyEvent = {
      type: 'RetentionPolicyPublished',
      data: { ...published.data, version: 2, effectiveFrom: '2026-05-01T00:00:00.000Z', rules: [{ ...sox, keepDays: 4000 }] },
    };
    const state = [published, later].reduce(retentionPolicy.evolve, retentionPolicy.initial);
    expect(rulesInForce(state, '2026-03-02T09:59:59.999Z').version).toBe(0);
    expect(rulesInForce(state, '2026-04-30T23:59:59.999Z').version).toBe(1);
    expect(rulesInForce(state, '2026-05-01T00:00:00.000Z').version).toBe(2);
  });
});

describe('rules of several regimes', () => {
  const rule = (regime: RetentionRule['regime']) =>
    fc.tuple(fc.nat(4000), fc.nat(4000), fc.option(fc.nat(4000), { nil: undefined })).map(([a, b, c]): RetentionRule => ({
      regime,
      atHandDays: Math.min(a, b),
      keepDays: Math.max(a, b),
      ...(c === undefined ? {} : { ceilingDays: c }),
    }));

  it('keep for the longest that any of them asks, and a ceiling never cuts that short', () => {
    fc.assert(
      fc.property(fc.tuple(rule('SOX'), rule('PCI'), rule('HIPAA'), rule('none')), fc.subarray([...REGIMES]), (rules, regimes) => {
        const result = combined(rules, regimes);
        const counting = rules.filter((r) => (regimes.length > 0 ? regimes.includes(r.regime) : r.regime === 'none'));
        for (const one of counting) {
          expect(result.atHandDays).toBeGreaterThanOrEqual(one.atHandDays);
          expect(result.keepDays).toBeGreaterThanOrEqual(one.keepDays);
        }
        expect(counting.some((r) => r.keepDays === result.keepDays)).toBe(true);
        if (result.ceilingDays !== undefined) expect(result.ceilingDays).toBeGreaterThanOrEqual(result.keepDays);
        expect(result.ceilingDays === undefined).toBe(counting.every((r) => r.ceilingDays === undefined));
      }),
    );
  });

  it('are all of them where it is not known which count', () => {
    expect(combined(DEFAULT_RULES)).toMatchObject({ atHandDays: 2557, keepDays: 2557 });
    expect(combined(DEFAULT_RULES, [])).toMatchObject({ regimes: ['none'], atHandDays: 92, keepDays: 366 });
  });
});
