import fc from 'fast-check';
import { canPassTogether, checkAll, evaluateExpression, LOOK_AHEAD_DAYS } from './evaluate.ts';
import { MAX_LIST, type FactValues } from './facts.ts';

const now = '2026-03-07T10:15:30.000Z';

describe('what an expression says of facts', () => {
  it.each<[string, FactValues, string]>([
    ['artifacts.count == 2 && artifacts.registered == 3', { 'artifacts.count': 2, 'artifacts.registered': 3 }, 'pass'],
    ['environment.ran_before', { 'environment.ran_before': true }, 'pass'],
    ['environment.ran_before', { 'environment.ran_before': false }, 'fail'],
    ['now < approvals.expires_at', { now, 'approvals.expires_at': '2026-03-07T10:15:30.001Z' }, 'pass'],
    ['now < approvals.expires_at', { now, 'approvals.expires_at': '2026-03-07T12:15:30.000+02:00' }, 'fail'],
    ['approvals.persons == ["ann", "otto"]', { 'approvals.persons': ['ann', 'otto'] }, 'pass'],
    ['has(release.version)', { 'release.version': '1.0.0', 'release.product': 'shop' }, 'pass'],
    ['has(release.version) && release.product == "shop"', { 'release.product': 'shop' }, 'fail'],
    ['!has(release.version)', {}, 'pass'],
    ['artifacts.count > 1 ? "inconclusive" : "stale"', { 'artifacts.count': 2 }, 'inconclusive'],
    ['tests.failed.exists(t, t == "e2e") ? "stale" : "pass"', { 'tests.failed': ['e2e'] }, 'stale'],
    ['tests.failed.exists(t, t == "e2e") ? "stale" : "pass"', { 'tests.failed': ['unit'] }, 'pass'],
  ])('%s of %j: %s', (text, facts, verdict) => {
    expect(evaluateExpression(text, facts)).toEqual({ verdict });
  });

  it('is inconclusive, with all that is not known', () => {
    expect(
      evaluateExpression('release.version == "1" && artifacts.count == 2 && release.product == "a"', { 'artifacts.count': 2 }),
    ).toEqual({
      verdict: 'inconclusive',
      why: 'Not known: release.product, release.version.',
    });
  });

  it('is inconclusive where facts are not what they are declared to be, and where there is no value', () => {
    expect(evaluateExpression('environment.ran_before', { 'environment.ran_before': 'yes' })).toEqual({
      verdict: 'inconclusive',
      why: 'It has no value here: another type came out.',
    });
    expect(evaluateExpression('artifacts.count / 0 == 1', { 'artifacts.count': 1 })).toEqual({
      verdict: 'inconclusive',
      why: expect.stringMatching(/^It has no value here: .*(zero|divi)/) as never,
    });
    expect(evaluateExpression('now < approvals.expires_at', { now, 'approvals.expires_at': 'soon' }).verdict).toBe('inconclusive');
  });

  it('is inconclusive where nobody can read it, with what is wrong', () => {
    expect(evaluateExpression('weather == "fine"', {})).toEqual({
      verdict: 'inconclusive',
      why: expect.stringMatching(/^There is no fact weather/) as never,
    });
  });

  it(`is of lists of ${MAX_LIST} entries at most`, () => {
    const suites = (count: number): FactValues => ({
      'tests.passed': Array.from({ length: count }, (_, i) => `suite ${i}`),
      'tests.failed': [],
    });
    expect(evaluateExpression('tests.passed.all(t, t != "slow")', suites(200))).toEqual({ verdict: 'pass' });
    expect(evaluateExpression('tests.passed.all(t, t != "slow")', suites(201))).toEqual({
      verdict: 'inconclusive',
      why: 'tests.passed has 201 entries; an expression judges at most 200.',
    });
    // It is not spoken of.
    expect(evaluateExpression('tests.failed == []', suites(201)).verdict).toBe('pass');
    // A text is no list.
    expect(evaluateExpression('release.version != "1"', { 'release.version': 'a'.repeat(300) }).verdict).toBe('pass');
  });
});

describe('when an expression would pass, if nothing but the time changed', () => {
  const opensAt = (text: string, more: FactValues = {}): string | undefined => evaluateExpression(text, { now, ...more }).opensAt;

  it('is the first minute at which it does', () => {
    expect(opensAt('now >= timestamp("2026-03-07T10:16:00Z")')).toBe('2026-03-07T10:16:00.000Z');
    expect(opensAt('now >= timestamp("2026-03-07T10:16:01Z")')).toBe('2026-03-07T10:17:00.000Z');
    expect(opensAt('now >= timestamp("2026-03-07T11:15:00Z")')).toBe('2026-03-07T11:15:00.000Z');
    expect(opensAt('now >= timestamp("2026-03-07T11:16:00Z")')).toBe('2026-03-07T11:16:00.000Z');
    expect(opensAt('now.getHours() >= 22')).toBe('2026-03-07T22:00:00.000Z');
  });

  it('is said of a verdict, too', () => {
    expect(evaluateExpression('now.getHours() >= 22 ? "pass" : "stale"', { now })).toEqual({
      verdict: 'stale',
      opensAt: '2026-03-07T22:00:00.000Z',
    });
  });

  it(`is looked for in ${LOOK_AHEAD_DAYS} days`, () => {
    expect(opensAt('now >= timestamp("2026-03-21T10:15:00Z")')).toBe('2026-03-21T10:15:00.000Z');
    expect(opensAt('now >= timestamp("2026-03-21T10:14:00Z")')).toBe('2026-03-21T10:14:00.000Z');
    expect(opensAt('now >= timestamp("2026-03-21T10:16:00Z")')).toBeUndefined();
  });

  it('is not said where it passes, where time alone does not help, where nobody asks, and where there is no time', () => {
    const later = 'now >= timestamp("2026-03-07T11:00:00Z")';
    expect(evaluateExpression(later, { now: '2026-03-07T11:00:00.000Z' })).toEqual({ verdict: 'pass' });
    expect(evaluateExpression(`${later} && artifacts.count == 3`, { now, 'artifacts.count': 2 })).toEqual({ verdict: 'fail' });
    expect(evaluateExpression(later, { now }, false)).toEqual({ verdict: 'fail' });
    expect(evaluateExpression(later, {})).toEqual({ verdict: 'inconclusive', why: 'Not known: now.' });
    expect(evaluateExpression(later, { now: 'soon' }).opensAt).toBeUndefined();
  });

  it('is not looked for with an expression that takes more than sixty steps', () => {
    // A comparison of instants takes five steps and "or" one: nine take 53. What is added takes seven, or eight.
    const nine = Array.from({ length: 9 }, (_, i) => `now >= timestamp("2026-03-07T${i + 12}:00:00Z")`).join(' || ');
    expect(opensAt(`${nine} || !(1 + 1 == 2)`)).toBe('2026-03-07T12:00:00.000Z');
    expect(opensAt(`${nine} || 1 + 1 == 1 + 2`)).toBeUndefined();
  });
});

describe('expressions of which one says the opposite of another', () => {
  it.each([
    ['"unit" in tests.passed', '!("unit"  in  tests.passed)'],
    ['size(tests.failed) == 0', 'size(tests.failed) != 0'],
    ['size(tests.passed) < 3', 'size(tests.passed) >= 3 && artifacts.count > 0'],
    ['size(tests.passed) > 3', '3 >= size(tests.passed)'],
    ['3 < size(tests.passed)', '!(size(tests.passed) > 3)'],
    ['tests.passed.exists(suite, suite == "unit")', '!tests.passed.exists(suite, suite == "unit")'],
    ['!has(release.version)', 'has(release.version)'],
    ['"unit" in tests.passed', '!("unit" in tests.passed || artifacts.count > 3)'],
    ['now > timestamp("2026-01-01T00:00:00Z")', 'now <= timestamp("2026-01-01T00:00:00Z")'],
  ])('never pass together: %s and %s', (one, other) => {
    expect(canPassTogether([one])).not.toBe(false);
    expect(canPassTogether([other])).not.toBe(false);
    expect(canPassTogether([one, other])).toBe(false);
    expect(canPassTogether([`(${one}) && (${other})`])).toBe(false);
  });

  it.each([
    ['"unit" in tests.passed', '!("e2e" in tests.passed)'],
    ['size(tests.passed) < 3', 'size(tests.passed) <= 3'],
    ['size(tests.passed) < 3', 'size(tests.failed) >= 3'],
    ['"unit" in tests.passed', '!("unit" in tests.passed && artifacts.count > 3)'],
    ['"unit" in tests.passed', '!("unit" in tests.passed) || artifacts.count > 3'],
    ['"unit" in tests.passed ? "pass" : "fail"', '!("unit" in tests.passed)'],
  ])('is not said of others: %s and %s', (one, other) => {
    expect(canPassTogether([one, other])).toBe('unknown');
  });

  it('is never said of what some facts let pass', () => {
    const lists = fc.subarray(['unit', 'e2e']);
    const leaf = fc.constantFrom('"unit" in tests.passed', '"e2e" in tests.passed', 'size(tests.passed) == 1', 'size(tests.passed) < 2');
    const expression = fc.letrec<{ e: string }>((tie) => ({
      e: fc.oneof(
        { depthSize: 'small' },
        leaf,
        tie('e').map((e) => `!(${e})`),
        fc.tuple(tie('e'), tie('e')).map(([a, b]) => `(${a} && ${b})`),
        fc.tuple(tie('e'), tie('e')).map(([a, b]) => `(${a} || ${b})`),
      ),
    })).e;
    let opposites = 0;
    fc.assert(
      fc.property(expression, expression, lists, (one, other, passed) => {
        if (canPassTogether([one, other]) !== false) return;
        opposites++;
        const facts = { 'tests.passed': passed };
        expect([one, other].every((text) => evaluateExpression(text, facts).verdict === 'pass')).toBe(false);
      }),
      { numRuns: 500 },
    );
    expect(opposites).toBeGreaterThan(5);
  });
});

describe('expressions that shall pass together', () => {
  const ints = ['artifacts.count', 'plan.steps'] as const;
  const texts = ['release.product', 'release.version'] as const;
  type Comparison = readonly [string, string, number | string];
  const say = ([fact, operator, value]: Comparison): string => `${fact} ${operator} ${JSON.stringify(value)}`;
  const operator = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
  const holds = ([, how, value]: Comparison, fact: number | string): boolean =>
    ({ '==': fact === value, '!=': fact !== value, '<': fact < value, '<=': fact <= value, '>': fact > value, '>=': fact >= value })[how]!;
  const all = <T extends number | string>(facts: readonly string[], domain: readonly T[], comparisons: readonly Comparison[]): boolean =>
    facts.every((name) => domain.some((v) => comparisons.every((c) => c[0] !== name || holds(c, v))));

  it('can where there is a number for each fact, as trying all small numbers shows', () => {
    const comparison = fc.tuple(fc.constantFrom(...ints), operator, fc.integer({ min: 0, max: 8 }));
    fc.assert(
      fc.property(fc.array(comparison, { minLength: 1, maxLength: 6 }), (comparisons) => {
        const possible = all(ints, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], comparisons);
        expect(canPassTogether(comparisons.map(say))).toBe(possible);
        expect(canPassTogether([comparisons.map(say).join(' && ')])).toBe(possible);
      }),
    );
  });

  it('can where there is a text for each fact, as trying what lies around and between shows', () => {
    const comparison = fc.tuple(fc.constantFrom(...texts), operator, fc.constantFrom('a', 'b', 'bb', 'c'));
    const domain = ['', 'A', 'a', 'aa', 'b', 'b!', 'bb', 'bbb', 'c', 'cc', 'd'];
    fc.assert(
      fc.property(fc.array(comparison, { minLength: 1, maxLength: 6 }), (comparisons) => {
        expect(canPassTogether(comparisons.map(say))).toBe(all(texts, domain, comparisons));
      }),
    );
  });

  it.each<[string, readonly string[], boolean | 'unknown']>([
    ['a fact has no value but those declared', ['change.kind != "deployment"', 'change.kind != "rollback"'], false],
    ['one of the declared values is left', ['environment.class != "production"', 'environment.class != "test"'], true],
    ['true and false are all there is', ['environment.ran_before == false', 'environment.ran_before'], false],
    ['true is one of two', ['environment.ran_before'], true],
    ['false is one of two', ['!environment.ran_before'], true],
    ['no number is less than nothing', ['artifacts.count < 0'], false],
    ['nothing is a number', ['artifacts.count < 1'], true],
    ['numbers have no end', ['artifacts.count > 1000000'], true],
    ['nothing comes before the empty text', ['release.version < ""'], false],
    ['there is always a text after', ['release.version > "zzz"', 'release.product > "\u{FFFF}"'], true],
    ['a verdict other than pass does not', ['environment.ran_before ? "pass" : "fail"', '!environment.ran_before'], false],
    ['a verdict does', ['environment.ran_before ? "fail" : "pass"', '!environment.ran_before'], true],
    ['what is missing is possible', ['!has(release.version)'], 'unknown'],
    ['one of them can not be read', ['artifacts.count <', 'artifacts.count < 1'], 'unknown'],
    ['one of them says more than comparisons', ['artifacts.count < 1', 'size(tests.passed) == 0'], 'unknown'],
    ['whatever the other one says, this can not be', ['artifacts.count < 0', 'size(tests.passed) == 0'], false],
    ['one of two that have nothing in common can not', ['artifacts.count < 1', 'environment.ran_before', 'plan.steps < 0'], false],
  ])('are tried: %s', (_why, expressions, can) => {
    expect(canPassTogether(expressions)).toBe(can);
  });

  it('are tried with what is known of the facts there', () => {
    expect(canPassTogether(['change.class == "normal"'], { 'change.class': ['standard'] })).toBe(false);
    expect(canPassTogether(['change.class == "normal"'], { 'change.class': ['standard', 'normal'] })).toBe(true);
    expect(canPassTogether(['approvals.count < 2'], { 'approvals.count': { atLeast: 2 } })).toBe(false);
    expect(canPassTogether(['approvals.count < 2'], { 'approvals.count': { atLeast: 1 } })).toBe(true);
    expect(canPassTogether(['approvals.count == 2'], { 'approvals.count': { atLeast: 2 } })).toBe(true);
    expect(canPassTogether(['approvals.count == 1'], { 'approvals.count': { atLeast: 2 } })).toBe(false);
    // Of another fact it says nothing.
    expect(canPassTogether(['artifacts.count < 2'], { 'approvals.count': { atLeast: 2 } })).toBe(true);
  });

  it('are not tried in more than 20,000 ways', () => {
    // Of a text, two values beside two for each constant.
    const among = (fact: string, values: number): string =>
      `${fact} in [${Array.from({ length: (values - 2) / 2 }, (_, i) => `"v${i}"`).join(', ')}]`;
    expect(canPassTogether([among('release.version', 200), among('release.product', 100)])).toBe(true);
    const [version, product] = [among('release.version', 200), among('release.product', 102)];
    // Two that have nothing in common are tried one after the other, and together only where one text speaks of both.
    expect(canPassTogether([version, product])).toBe(true);
    expect(canPassTogether([`${version} && ${product}`])).toBe('unknown');
    // For many questions there are so many tries in all.
    const tries = { left: 250 };
    expect(canPassTogether([version, product], {}, tries)).toBe(true);
    expect(tries.left).toBeLessThan(250);
    expect(canPassTogether([version, product], {}, { left: 150 })).toBe('unknown');
    expect(canPassTogether(['artifacts.count < 0'], {}, { left: 0 })).toBe('unknown');
  });
});

describe('all expressions of a policy', () => {
  const together = (...texts: readonly string[]) => ({ texts, known: {}, where: 'the gates of production' });

  it('have no problem where each can be read and they can pass', () => {
    const texts = ['artifacts.count > 1', 'artifacts.count < 3', 'now.getHours("Europe/Zurich") < 3', 'release.version.matches("^1[.]")'];
    expect(checkAll({ texts, together: [together(...texts), together(texts[0]!, texts[1]!), together()] })).toEqual([]);
    expect(
      checkAll({ texts: ['now - timestamp("2026-03-01T00:00:00Z") > duration("90m")', 'now.getDate("+02:00") == 1'], together: [] }),
    ).toEqual([]);
  });

  it.each([
    ['release.version.matches("(")', /^matches can't take "\(": .*missing closing/],
    ['release.version.matches("(a)\\\\1")', /^matches can't take "\(a\)\\\\1": /],
    ['now < timestamp("soon")', /^timestamp can't take "soon": /],
    ['now - now < duration("long")', /^duration can't take "long": /],
    ['now.getHours("Mars/Olympus") < 3', /^getHours can't take "Mars\/Olympus": .*Mars/],
    ['artifacts.count > 1 && now.getFullYear("Mars/Olympus") < 3', /^getFullYear can't take "Mars\/Olympus": /],
  ])('are told what is written out wrong: %s', (text, detail) => {
    expect(checkAll({ texts: [text], together: [] })).toEqual([
      { text, code: 'expression-malformed', detail: expect.stringMatching(detail) as never },
    ]);
  });

  it('are told every problem of every one, and then not whether they can pass', () => {
    const texts = ['weather == "fine"', 'artifacts.count < 0', 'now < timestamp("soon")'];
    expect(checkAll({ texts, together: [together('artifacts.count < 0')] })).toMatchObject([
      { text: texts[0], code: 'fact-unknown', detail: expect.stringMatching(/^There is no fact weather/) as never },
      { text: texts[2], code: 'expression-malformed' },
    ]);
  });

  it('are told which of them nothing can satisfy', () => {
    const texts = ['artifacts.count > 3', 'artifacts.count < 3'];
    expect(checkAll({ texts, together: [together(texts[0]!), together(...texts)] })).toEqual([
      {
        text: 'artifacts.count > 3 && artifacts.count < 3',
        code: 'gate-unsatisfiable',
        detail: 'Nothing can satisfy the gates of production: artifacts.count > 3 && artifacts.count < 3.',
      },
    ]);
    expect(
      checkAll({ texts, together: [{ ...together('artifacts.count < 3'), known: { 'artifacts.count': { atLeast: 3 } } }] }),
    ).toHaveLength(1);
  });
});
