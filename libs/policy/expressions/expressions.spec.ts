import { checkExpression, isProblem, LIMITS } from './check.ts';
import { canPassTogether, evaluateExpression } from './evaluate.ts';
import type { FactValues } from './facts.ts';

const saturday = '2026-03-07T10:00:00.000Z';
const facts: FactValues = {
  now: saturday,
  'tests.passed': ['e2e', 'unit'],
  'tests.failed': [],
  'artifacts.count': 2,
  'change.class': 'normal',
  'environment.class': 'production',
};

describe('a gate expression', () => {
  it.each([
    ['artifacts.count == 2', 'pass'],
    ['artifacts.count > 2', 'fail'],
    ['"e2e" in tests.passed && size(tests.failed) == 0', 'pass'],
    ['tests.passed.all(suite, suite != "slow")', 'pass'],
    ['tests.passed.filter(suite, suite.startsWith("u")).size() == 2', 'fail'],
    ['now > timestamp("2026-01-01T00:00:00Z")', 'pass'],
    ['change.class == "emergency" ? "inconclusive" : "stale"', 'stale'],
  ])('%s yields %s', (expression, verdict) => {
    expect(evaluateExpression(expression, facts).verdict).toBe(verdict);
  });

  it('that speaks of what is not known is inconclusive, unless the rest decides', () => {
    expect(evaluateExpression('release.version == "1.0.0"', facts)).toEqual({
      verdict: 'inconclusive',
      why: 'Not known: release.version.',
    });
    expect(evaluateExpression('!(release.version == "1.0.0")', facts).verdict).toBe('inconclusive');
    expect(evaluateExpression('release.version == "1.0.0" || artifacts.count == 2', facts).verdict).toBe('pass');
    expect(evaluateExpression('release.version == "1.0.0" && artifacts.count == 3', facts).verdict).toBe('fail');
  });

  it('that has no value for these facts is inconclusive', () => {
    expect(evaluateExpression('10 / (artifacts.count - 2) > 1', facts)).toMatchObject({
      verdict: 'inconclusive',
      why: /no value/ as never,
    });
  });

  it('says when time alone will make it hold: Monday at eight, in Zurich', () => {
    const hours = 'now.getHours("Europe/Zurich") >= 8 && now.getDayOfWeek("Europe/Zurich") in [1, 2, 3, 4, 5]';
    expect(evaluateExpression(hours, facts)).toEqual({ verdict: 'fail', opensAt: '2026-03-09T07:00:00.000Z' });
    expect(evaluateExpression(`${hours} && artifacts.count == 3`, facts)).toEqual({ verdict: 'fail' });
  });

  it('gives the same outcome for the same facts', () => {
    const expression = 'now.getHours("Asia/Kolkata") >= 22';
    expect(JSON.stringify(evaluateExpression(expression, JSON.parse(JSON.stringify(facts)) as FactValues))).toBe(
      JSON.stringify(evaluateExpression(expression, facts)),
    );
  });

  it('is bounded in what it can cost before it is ever run', () => {
    const cost = (text: string): number => {
      const checked = checkExpression(text);
      if (isProblem(checked)) throw new Error(checked.detail);
      return checked.cost;
    };
    expect(cost('artifacts.count == 2')).toBeLessThan(10);
    expect(cost('tests.passed.all(a, a != "x")')).toBeGreaterThan(200);
    expect(checkExpression('tests.passed.all(a, tests.failed.all(b, a != b))')).toMatchObject({ code: 'expression-too-costly' });
    expect(cost('tests.passed.all(a, ["x", "y"].all(b, a != b))')).toBeLessThan(LIMITS.cost);
  });
});

describe('expressions together', () => {
  it.each<[readonly string[], boolean | 'unknown']>([
    [['change.class == "normal"', 'change.class == "standard"'], false],
    [['change.class == "normal"', 'change.class != "standard"'], true],
    [['artifacts.count > 3', 'artifacts.count < 5'], true],
    [['artifacts.count > 3', 'artifacts.count < 4'], false],
    [['release.product > "a"', 'release.product < "a"'], false],
    [['release.product > "a"', 'release.product < "b"'], true],
    [['change.class in ["standard", "normal"]', '!(change.class == "normal" || change.class == "standard")'], false],
    [['environment.ran_before', '!environment.ran_before'], false],
    [['now.getHours() > 3', 'now.getHours() < 2'], 'unknown'],
  ])('%j can all pass: %s', (texts, can) => {
    expect(canPassTogether(texts)).toBe(can);
  });
});
