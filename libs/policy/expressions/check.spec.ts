import fc from 'fast-check';
import { checkExpression, isProblem, LIMITS, nearest, type CheckedExpression } from './check.ts';
import { declaredFacts } from './facts.ts';

const checked = (text: string): CheckedExpression => {
  const result = checkExpression(text);
  if (isProblem(result)) throw new Error(`${text}: ${result.detail}`);
  return result;
};
const problem = (text: string): { readonly code: string; readonly detail: string } => {
  const result = checkExpression(text);
  if (!isProblem(result)) throw new Error(`${text} was taken`);
  return result;
};
const ones = (count: number): string => `[${Array.from({ length: count }, () => '1').join(', ')}]`;

describe('an expression of a gate', () => {
  it.each([
    'environment.ran_before && !environment.ran_before || artifacts.count == 1',
    'artifacts.count == 1',
    'artifacts.count != 1',
    'release.version == "1.0.0"',
    'environment.ran_before == true',
    'tests.failed == []',
    '[] == tests.failed',
    'tests.passed != tests.failed',
    'tests.passed == ["unit"]',
    'artifacts.count < 1',
    'artifacts.count <= 1',
    'artifacts.count > 1',
    'artifacts.count >= 1',
    'release.version >= "2"',
    'now < approvals.expires_at',
    'approvals.expires_at - now > duration("1h")',
    'tests.passed + tests.failed == ["unit"]',
    '[] + tests.passed == ["unit"]',
    'tests.passed + [] == ["unit"]',
    'now + duration("1h") < approvals.expires_at',
    'duration("1h") + now < approvals.expires_at',
    'duration("1h") + duration("1m") < approvals.expires_at - now',
    'approvals.expires_at - now - duration("1h") > duration("1m")',
    'artifacts.count + 1 == 2',
    'release.product + "-" + release.version == "shop-1"',
    'now - duration("1h") < timestamp("2026-03-01T00:00:00Z")',
    'artifacts.count - 1 == 2',
    'artifacts.count * 2 == 4',
    'artifacts.count / 2 == 4',
    'artifacts.count % 2 == 0',
    '-artifacts.count == 0',
    '"unit" in tests.passed',
    'artifacts.count in [1, 2]',
    'size(release.version) == 1',
    'size(tests.passed) == 1',
    'tests.passed.size() == 1',
    'release.version.startsWith("1")',
    'release.version.endsWith("1")',
    'release.version.contains("1")',
    'release.version.matches("1")',
    'has(release.version)',
    'tests.passed.all(t, t != "slow")',
    'tests.passed.exists(t, t == "slow")',
    'tests.passed.exists_one(t, t == "slow")',
    'tests.passed.filter(t, t != "slow") == ["unit"]',
    'tests.passed.map(t, t + "!") == ["unit!"]',
    'tests.passed.map(t, size(t)) == [4]',
    'tests.passed.all(t, tests.failed == [] || size(t) > 1)',
    'artifacts.count > 1 ? environment.ran_before : true',
    ...[
      'getFullYear',
      'getMonth',
      'getDate',
      'getDayOfMonth',
      'getDayOfWeek',
      'getDayOfYear',
      'getHours',
      'getMinutes',
      'getSeconds',
    ].flatMap((part) => [`now.${part}() == 1`, `now.${part}("Europe/Zurich") == 1`]),
  ])('may say %s', (text) => {
    expect(checked(text).type).toBe('bool');
  });

  it.each([
    ['artifacts.count && environment.ran_before', '&&', 'int and bool'],
    ['environment.ran_before || artifacts.count', '||', 'bool and int'],
    ['!artifacts.count', '!', 'int'],
    ['artifacts.count == "1"', '==', 'int and string'],
    ['artifacts.count != "1"', '!=', 'int and string'],
    ['artifacts.count == []', '==', 'int and list<?>'],
    ['[] == artifacts.count', '==', 'list<?> and int'],
    ['tests.passed == [1]', '==', 'list<string> and list<int>'],
    ['environment.ran_before < true', '<', 'bool and bool'],
    ['tests.passed <= tests.failed', '<=', 'list<string> and list<string>'],
    ['artifacts.count > "1"', '>', 'int and string'],
    ['now >= "2026"', '>=', 'timestamp and string'],
    ['environment.ran_before + true', '+', 'bool and bool'],
    ['now + now', '+', 'timestamp and timestamp'],
    ['now + 1', '+', 'timestamp and int'],
    ['artifacts.count + "1"', '+', 'int and string'],
    ['tests.passed + "unit"', '+', 'list<string> and string'],
    ['tests.passed + [1]', '+', 'list<string> and list<int>'],
    ['artifacts.count + []', '+', 'int and list<?>'],
    ['[] + artifacts.count', '+', 'list<?> and int'],
    ['release.version - "1"', '-', 'string and string'],
    ['duration("1h") - now', '-', 'duration and timestamp'],
    ['now - 1', '-', 'timestamp and int'],
    ['tests.passed - tests.failed', '-', 'list<string> and list<string>'],
    ['release.version * 2', '*', 'string and int'],
    ['artifacts.count / "2"', '/', 'int and string'],
    ['release.version % 2', '%', 'string and int'],
    ['-release.version', '-', 'string'],
    ['artifacts.count in tests.passed', 'in', 'int and list<string>'],
    ['"1" in release.version', 'in', 'string and string'],
    ['size(artifacts.count)', 'size', 'int'],
    ['size(tests.passed, tests.failed)', 'size', 'list<string> and list<string>'],
    ['tests.passed.startsWith("1")', 'startsWith', 'list<string> and string'],
    ['release.version.endsWith(1)', 'endsWith', 'string and int'],
    ['release.version.contains("1", "2")', 'contains', 'string and string and string'],
    ['artifacts.count.matches("1")', 'matches', 'int and string'],
    ['timestamp(artifacts.count) < now', 'timestamp', 'int'],
    ['duration(artifacts.count) == duration("1h")', 'duration', 'int'],
    ['release.version.getHours()', 'getHours', 'string'],
    ['now.getHours(1)', 'getHours', 'timestamp and int'],
    ['now.getHours("UTC", "UTC")', 'getHours', 'timestamp and string and string'],
    ['now.getMilliseconds()', 'getMilliseconds', 'timestamp'],
    ['tests.passed[0] == "unit"', '[]', 'list<string> and int'],
    ['has(release.version) == "1.0.0"', '==', 'bool and string'],
    ['tests.passed.all(t, t)', '&&', 'bool and string'],
    ['foo() == 1', 'foo', 'nothing'],
  ])('may not say %s', (text, name, types) => {
    expect(problem(text)).toEqual({
      code: 'expression-type',
      detail: `${name} is not among what gates may say of ${types}.`,
    });
  });

  it.each([
    ['artifacts.count > 1 ? 1 : "a"', '? : takes true or false, and yields one type, not int and string.'],
    ['artifacts.count ? true : false', '? : takes true or false, and yields one type, not bool and bool.'],
    ['tests.passed == ["a", 1]', 'A list has entries of several types.'],
    ['release.version.all(c, c == "1")', 'Only lists can be gone through, entry by entry.'],
    ['timestamp(release.version) < now', 'timestamp takes a text that is written out.'],
    ['duration(release.version) < duration("1h")', 'duration takes a text that is written out.'],
    ['now.getHours(environment.name) < 2', 'getHours takes a text that is written out.'],
    ['release.version.matches(release.product)', 'matches takes a text that is written out.'],
  ])('may not say %s, and is told why', (text, detail) => {
    expect(problem(text)).toEqual({ code: 'expression-type', detail });
  });

  it.each([
    ['artifacts.count > 1.5', 'Constants are texts, whole numbers, true and false.'],
    ['artifacts.count == null', 'Constants are texts, whole numbers, true and false.'],
    ['artifacts.count < 9007199254740992', 'Constants are texts, whole numbers, true and false.'],
    ['{"a": artifacts.count}["a"] == 1', 'Maps and messages are not among what gates may say.'],
    ['tests.passed.all(now, now != "a")', 'now is a fact: call what you go through something else.'],
    ['tests.passed.all(tests, tests != "a")', 'tests is a fact: call what you go through something else.'],
  ])('may not say %s, which nobody can judge', (text, detail) => {
    expect(problem(text)).toEqual({ code: 'expression-unsupported', detail });
  });

  it('takes the greatest whole number that is exact', () => {
    expect(checked('artifacts.count < 9007199254740991').constants).toEqual({ 'artifacts.count': [9_007_199_254_740_991] });
  });

  it('that can not be read is told where, in one line that is not as long as what came in', () => {
    const { code, detail } = problem(`artifacts.count == 1 && "${'\\q'.repeat(900)}`);
    expect(code).toBe('expression-malformed');
    expect(detail).toMatch(/^The expression can't be read: <input>:1:/);
    expect(detail).not.toContain('\n');
    expect(detail.length).toBeLessThanOrEqual(350);
    expect(problem('artifacts.count == 1 &&')).toMatchObject({ detail: expect.stringContaining('1:22') });
  });
});

describe('what an expression yields', () => {
  it('is true or false, or a verdict in every case', () => {
    expect(checked('artifacts.count > 1 ? "pass" : "fail"').type).toBe('string');
    expect(checked('artifacts.count > 1 ? (artifacts.count > 2 ? "stale" : "inconclusive") : "fail"').type).toBe('string');
    expect(checked('change.class == "normal" ? "pass" : "fail"').type).toBe('string');
    expect(checked('"unit" in ["unit"] && environment.ran_before ? "pass" : "fail"').type).toBe('string');
  });

  it('is a verdict also where a loop says which', () => {
    expect(checked('tests.failed.exists(t, t == "e2e") ? "stale" : "pass"').type).toBe('string');
    expect(checked('artifacts.count > 1 && tests.failed.all(t, t == "slow") ? "pass" : "fail"').type).toBe('string');
  });

  it.each([
    ['artifacts.count', 'int'],
    ['artifacts.count + 1', 'int'],
    ['tests.passed', 'list<string>'],
    ['tests.passed.map(t, t)', 'list<string>'],
    ['release.version', 'string'],
    ['"pa" + "ss"', 'string'],
    ['artifacts.count > 1 ? "pass" : "ok"', 'string'],
    ['artifacts.count > 1 ? "ok" : "fail"', 'string'],
    ['artifacts.count > 1 ? "pass" : release.version', 'string'],
    ['artifacts.count > 1 ? "pass" : "fa" + "il"', 'string'],
    ['artifacts.count > 1 ? "pass" : (artifacts.count > 0 ? "stale" : "maybe")', 'string'],
  ])('is nothing else: %s', (text, type) => {
    expect(problem(text)).toEqual({
      code: 'expression-type',
      detail: `The expression yields ${type}: it must be true or false, or one of pass, fail, inconclusive, stale in every case.`,
    });
  });

  it('depends on a fact', () => {
    expect(problem('1 < 2')).toEqual({
      code: 'expression-constant',
      detail: 'The expression speaks of no fact: it would always say the same.',
    });
    expect(problem('"pass"').code).toBe('expression-constant');
  });
});

describe('facts of an expression', () => {
  it('are those that it speaks of, each once and in order', () => {
    expect(checked('tests.passed == [] || artifacts.count == 1 || artifacts.count == 2').facts).toEqual([
      'artifacts.count',
      'tests.passed',
    ]);
    expect(checked('tests.passed.all(t, t == release.version)').facts).toEqual(['release.version', 'tests.passed']);
    expect(checked('artifacts.count == 2').facts).toEqual(['artifacts.count']);
  });

  it('are those that are declared, and a slip of the pen is told', () => {
    const all = Object.keys(declaredFacts).join(', ');
    expect(problem('artifacts.cuont == 2')).toEqual({
      code: 'fact-unknown',
      detail: `There is no fact artifacts.cuont: is it artifacts.count? Facts are ${all}.`,
    });
    expect(problem('weather == "fine"')).toEqual({ code: 'fact-unknown', detail: `There is no fact weather. Facts are ${all}.` });
    expect(problem('"a".b == "c"')).toEqual({ code: 'fact-unknown', detail: `There is no fact of that form. Facts are ${all}.` });
    expect(problem('constructor == "c"').code).toBe('fact-unknown');
    expect(problem('tests.passed.all(t, t.name == "c")').detail).toMatch(/^There is no fact t\.name/);
  });

  it('are not what a loop goes through, which has a name within the loop alone', () => {
    expect(checked('tests.passed.all(t, tests.failed == [t])').facts).toEqual(['tests.failed', 'tests.passed']);
    expect(problem('tests.passed.all(t, t != "a") && t == "a"').detail).toMatch(/^There is no fact t\./);
    expect(problem('tests.passed.exists(t, t == "a") && tests.passed.all(u, u == t)').detail).toMatch(/^There is no fact t\./);
  });

  it.each([
    ['change.class == "norml"', 'change.class is never "norml": it is standard, normal, emergency.'],
    ['"norml" == change.class', 'change.class is never "norml": it is standard, normal, emergency.'],
    ['change.kind != "deploy"', 'change.kind is never "deploy": it is deployment, rollback.'],
    ['change.class in ["normal", "minor"]', 'change.class is never "minor": it is standard, normal, emergency.'],
    ['environment.class == "prod"', 'environment.class is never "prod": it is development, test, staging, production.'],
  ])('have the values that they can have: %s', (text, detail) => {
    expect(problem(text)).toEqual({ code: 'value-impossible', detail });
  });

  it.each([
    ['artifacts.count == 2 || 3 < artifacts.count', { 'artifacts.count': [2, 3] }],
    ['artifacts.count == 2 || artifacts.count != 2', { 'artifacts.count': [2] }],
    ['artifacts.count in [4, 5]', { 'artifacts.count': [4, 5] }],
    ['release.version >= "1" && release.product < "b"', { 'release.version': ['1'], 'release.product': ['b'] }],
    ['artifacts.count <= 2 && artifacts.count > -1', { 'artifacts.count': [2, -1] }],
    ['environment.ran_before == true', { 'environment.ran_before': [] }],
    ['environment.ran_before', {}],
    ['artifacts.count == artifacts.registered', {}],
    ['artifacts.count + 1 == 2', {}],
    ['artifacts.count in [1, artifacts.registered]', {}],
    ['size(tests.passed) == 2', {}],
  ])('are compared with constants: %s', (text, constants) => {
    expect(checked(text).constants).toEqual(constants);
  });

  it.each([
    ['artifacts.count == 2 && !(environment.ran_before || 3 >= artifacts.count)', true],
    ['environment.ran_before', true],
    ['change.class in ["normal"] ? artifacts.count == 1 : environment.ran_before', true],
    ['artifacts.count > 1 ? "pass" : "fail"', true],
    ['artifacts.count == artifacts.registered', false],
    ['release.version == release.product', false],
    ['artifacts.count + 1 == 2', false],
    ['size(release.version) == 2', false],
    ['release.version.startsWith("1")', false],
    ['now > timestamp("2026-03-01T00:00:00Z")', false],
    ['now.getHours() == 2', false],
    ['"unit" in tests.passed', false],
    ['tests.failed == []', false],
    ['["a"].all(t, t == release.version)', false],
    ['[true].all(t, t && environment.ran_before)', false],
    ['1 < 2 && environment.ran_before', false],
    ['artifacts.count in [1, artifacts.registered]', false],
    // What is missing is none of the values that it can have.
    ['has(release.version)', false],
    ['!has(release.version) && artifacts.count > 0', false],
  ])('are all that matters, one by one, in %s: %s', (text, simple) => {
    expect(checked(text).simple).toBe(simple);
  });

  it('are looked at with patterns, instants, durations and zones that are written out', () => {
    expect(
      checked(
        'release.version.matches("1.*") && now > timestamp("2026-03-01T00:00:00Z") && now - duration("1h") < now && now.getHours("UTC") < 3 && now.getDate() == 1',
      ).written,
    ).toEqual([
      ['matches', '1.*'],
      ['timestamp', '2026-03-01T00:00:00Z'],
      ['duration', '1h'],
      ['getHours', 'UTC'],
    ]);
    expect(checked('release.version.startsWith("1") && artifacts.count == 1').written).toEqual([]);
  });
});

describe('an expression has bounds', () => {
  it(`of ${LIMITS.length} characters`, () => {
    const text = 'artifacts.count == 1';
    expect(checked(text.padEnd(LIMITS.length)).type).toBe('bool');
    expect(problem(text.padEnd(LIMITS.length + 1))).toEqual({
      code: 'expression-too-long',
      detail: 'The expression has 2001 characters; at most 2000 are taken.',
    });
  });

  it.each([
    ['(', ')'],
    ['!(', ')'],
  ])(`of ${LIMITS.depth} brackets, one in the other: %s`, (open, close) => {
    const nested = (depth: number): string => `${open.repeat(depth)}environment.ran_before${close.repeat(depth)}`;
    expect(checked(nested(LIMITS.depth)).type).toBe('bool');
    expect(problem(nested(LIMITS.depth + 1))).toEqual({
      code: 'expression-too-deep',
      detail: 'Brackets are nested 33 deep; at most 32 levels are taken.',
    });
    expect(problem(nested(400)).detail).toBe('Brackets are nested 400 deep; at most 32 levels are taken.');
  });

  it('of brackets of every kind, which are refused before they are parsed', () => {
    expect(problem('['.repeat(40)).detail).toMatch(/^Brackets are nested 40 deep/);
    expect(problem('{'.repeat(40)).detail).toMatch(/^Brackets are nested 40 deep/);
    expect(problem('([{'.repeat(12)).detail).toMatch(/^Brackets are nested 36 deep/);
    expect(problem(`${'()[]{}'.repeat(20)}${'('.repeat(33)}`).detail).toMatch(/^Brackets are nested 33 deep/);
  });

  it('of brackets that are brackets: not those in a text, nor those beside each other', () => {
    const many = '('.repeat(40);
    expect(checked(`release.version == "${many}"`).type).toBe('bool');
    expect(checked(`release.version == '${many}'`).type).toBe('bool');
    expect(checked(`release.version == "'\\"${many}"`).type).toBe('bool');
    expect(checked(`release.version == '"\\'${many}'`).type).toBe('bool');
    expect(checked(`artifacts.count in [${Array.from({ length: 40 }, () => 'size("")').join(', ')}]`).type).toBe('bool');
    // A text that has ended hides nothing.
    expect(problem(`release.version == "" || ${many}`).code).toBe('expression-too-deep');
    expect(problem(`release.version == "\\\\" || ${many}`).code).toBe('expression-too-deep');
  });

  it.each<[string, (levels: number) => string]>([
    // Each level of what is asked is one level more; the comparison, or the condition, at the end is two.
    ['conditions', (levels) => `${'environment.ran_before ? true : '.repeat(levels - 1)}false`],
    ['lists', (levels) => `artifacts.count == size(${'['.repeat(levels - 3)}1${']'.repeat(levels - 3)})`],
    ['operators', (levels) => `1${' + 1'.repeat(levels - 2)} == artifacts.count`],
    ['conditions of loops', (levels) => `[1].all(a, ${'environment.ran_before ? true : '.repeat(levels - 3)}false)`],
    ['what loops go through', (levels) => `${'['.repeat(levels - 2)}1${']'.repeat(levels - 2)}.all(a, environment.ran_before)`],
  ])(`of ${LIMITS.depth} levels: %s`, (_what, of) => {
    expect(checked(of(LIMITS.depth)).type).toBe('bool');
    expect(problem(of(LIMITS.depth + 1))).toEqual({
      code: 'expression-too-deep',
      detail: 'The expression is nested deeper than 32 levels.',
    });
  });

  it(`of ${LIMITS.nodes} parts`, () => {
    // Three parts beside the entries of each list, and one for each "or".
    const of = (...lists: readonly number[]): string => lists.map((n) => `artifacts.count in ${ones(n)}`).join(' || ');
    expect(checked(of(97, 97, 97, 94)).type).toBe('bool');
    expect(problem(of(97, 97, 97, 95))).toEqual({ code: 'expression-too-large', detail: 'The expression has more than 400 parts.' });
  });

  it(`of ${LIMITS.list} entries in a list`, () => {
    expect(checked(`artifacts.count in ${ones(100)}`).type).toBe('bool');
    expect(problem(`artifacts.count in ${ones(101)}`)).toEqual({
      code: 'expression-too-large',
      detail: 'A list has more than 100 entries.',
    });
  });

  it(`of ${LIMITS.pattern} characters in a pattern, and there alone`, () => {
    const pattern = (length: number): string => 'a'.repeat(length);
    expect(checked(`release.version.matches("${pattern(200)}")`).type).toBe('bool');
    expect(problem(`release.version.matches("${pattern(201)}")`)).toEqual({
      code: 'expression-too-large',
      detail: 'A pattern has 201 characters; at most 200 are taken.',
    });
    expect(checked(`release.version.contains("${pattern(201)}")`).type).toBe('bool');
    expect(checked(`now < timestamp("${pattern(201)}")`).type).toBe('bool');
  });

  it.each([
    ['environment.ran_before', 2],
    ['artifacts.count == 2', 4],
    ['artifacts.count in [1, 2, 3]', 7],
    ['!(artifacts.count == 2)', 5],
    ['artifacts.count == 2 && environment.ran_before', 7],
    ['environment.ran_before ? artifacts.count == 2 : artifacts.count == 3', 11],
    ['release.version.startsWith("1")', 4],
    ['release.version.matches("1")', 24],
  ])('of what it may take: %s takes %i steps, one for a constant or a call, two for a fact and twenty more for a pattern', (text, cost) => {
    expect(checked(text).cost).toBe(cost);
  });

  it('of what loops may take: as often as there are entries, or as there can be at most', () => {
    const all = (list: string): number => checked(`${list}.all(n, n == artifacts.count)`).cost;
    const round = all('[1, 2]') - all('[1]') - 1;
    expect(round).toBeGreaterThan(5);
    // The list itself takes one step for each entry.
    expect(all('[1, 2, 3]') - all('[1, 2]')).toBe(round + 1);
    const suites = checked('tests.passed.all(n, n == release.version)').cost;
    const one = checked('["a"].all(n, n == release.version)').cost;
    // 199 rounds more; the fact takes as much as a list of one entry.
    expect(suites - one).toBe(199 * round);
  });

  it(`of ${LIMITS.cost} steps in all`, () => {
    // A loop within a loop over lists that are written out takes 9,985 steps; what follows takes five steps each, or four.
    const loops = `${ones(46)}.all(a, ${ones(19)}.all(b, a + b < artifacts.count))`;
    expect(checked(`${loops}${' || !(1 == 1)'.repeat(3)}`).cost).toBe(10_000);
    expect(problem(`${loops}${' || 1 == 1'.repeat(4)}`)).toEqual({
      code: 'expression-too-costly',
      detail: 'The expression may take 10001 steps with lists of 200; at most 10000 are taken. Leave out loops within loops.',
    });
  });
});

describe('the name that was meant', () => {
  const names = ['tests.passed', 'tests.failed', 'now'];

  it('is one that a slip of the pen makes of it: a letter too many, too few, or another', () => {
    expect(nearest('tests.pased', names)).toBe('tests.passed');
    expect(nearest('tests.passsed', names)).toBe('tests.passed');
    expect(nearest('tests.parsed', names)).toBe('tests.passed');
    expect(nearest('test.failed', names)).toBe('tests.failed');
    expect(nearest('nou', names)).toBe('now');
    expect(nearest('now', names)).toBe('now');
  });

  it('is none where too much of it differs: a quarter of it, and one letter in any case', () => {
    // Three of twelve letters, and four.
    expect(nearest('xxxts.passed', ['tests.passed'])).toBe('tests.passed');
    expect(nearest('xxxxs.passed', ['tests.passed'])).toBeUndefined();
    expect(nearest('nnn', names)).toBeUndefined();
    expect(nearest('weather', names)).toBeUndefined();
    expect(nearest('now', [])).toBeUndefined();
  });

  it('is the nearest of several', () => {
    expect(nearest('abcdefgx', ['abcdexyx', 'abcdefgh', 'abcdefxx'])).toBe('abcdefgh');
    expect(nearest('abcdefgx', ['abcdefgh', 'abcdefxy'])).toBe('abcdefgh');
  });

  it('is not looked for in what is longer than any name', () => {
    const long = 'a'.repeat(100);
    expect(nearest(`${long}`, [`${long}b`])).toBe(`${long}b`);
    expect(nearest(`${long}a`, [`${long}b`])).toBeUndefined();
  });

  it('is as far away as the edits that made it, or nearer', () => {
    const letter = fc.constantFrom('a', 'b', 'c');
    const edit = fc.record({ kind: fc.constantFrom('insert', 'drop', 'replace'), at: fc.nat(40), letter });
    fc.assert(
      fc.property(
        fc.array(letter, { minLength: 20, maxLength: 40 }).map((letters) => letters.join('')),
        fc.array(edit, { maxLength: 5 }),
        (name, edits) => {
          const written = edits.reduce((text, { kind, at, letter: other }) => {
            const i = at % text.length;
            return text.slice(0, i) + (kind === 'drop' ? '' : other) + text.slice(kind === 'insert' ? i : i + 1);
          }, name);
          const found = nearest(written, [name]);
          if (edits.length <= Math.max(1, Math.floor(written.length / 4))) expect(found).toBe(name);
        },
      ),
    );
  });
});
