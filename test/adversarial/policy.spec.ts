import { Worker } from 'node:worker_threads';
import { checkExpression, evaluateExpression, ExpressionHost, ExpressionsTimedOut, type FactValues } from '#libs/policy';
import { startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/** Gate expressions are code from outside. Each attack stands beside what is legitimate and must be taken. */
describe('an expression that would take the program down', () => {
  let app: RunningApp;
  let max: Person;
  let n = 0;
  const publish = (expression: string): Promise<Answer> =>
    max.post('/v1/governance/policies', {
      policyId: `attacked-${++n}`,
      title: 'Attacked',
      gates: [{ gate: 'expression:own', expression }],
      rollbackGates: [{ gate: 'rollback-target-ran' }],
    });
  const refused = (answer: Answer, ...types: readonly string[]): void => {
    expect([400, 422]).toContain(answer.status);
    expect(types.map((type) => `https://plimsoll.dev/problems/${type}`)).toContain(answer.body.type);
  };

  beforeAll(async () => {
    app = await startApp();
    max = await app.person('max', 'policy-editor');
    expect((await publish('artifacts.count > 0')).status).toBe(201);
  });
  afterAll(() => app.stop());

  it.each([
    ['brackets', `${'('.repeat(900)}artifacts.count > 0${')'.repeat(900)}`, 'expression-too-deep'],
    ['lists', `${'['.repeat(900)}1${']'.repeat(900)} == artifacts.count`, 'expression-too-deep'],
    ['conditions', `${'environment.ran_before ? true : '.repeat(60)}false`, 'expression-too-deep'],
    ['operators without brackets', `artifacts.count ${'+ 1 '.repeat(400)} > 0`, 'expression-too-deep'],
    ['members', `now${'.a'.repeat(900)} == 1`, 'fact-unknown'],
  ])('by nesting %s', async (_what, expression, ...types) => {
    refused(await publish(expression), ...types);
    expect((await publish('((artifacts.count > 0)) && !!environment.ran_before')).status).toBe(201);
  });

  it('by its length', async () => {
    refused(await publish(`artifacts.count > 0 ${' '.repeat(2000)}`), 'validation');
    expect((await publish(`artifacts.count > 0 ${' '.repeat(1900)}`)).status).toBe(201);
  });

  it('by a huge list', async () => {
    const list = (entries: number): string => `artifacts.count in [${Array.from({ length: entries }, (_, i) => i % 10).join(',')}]`;
    refused(await publish(list(800)), 'expression-too-large');
    expect((await publish(list(100))).status).toBe(201);
  });

  it.each([
    ['loops within loops', 'tests.passed.all(a, tests.passed.all(b, tests.passed.all(c, a + b + c != "x")))'],
    ['a loop that grows what it goes through', 'tests.passed.map(a, a + a).map(a, a + a).all(a, tests.passed.exists(b, a == b))'],
    ['lists that grow', 'tests.passed.map(a, tests.passed).all(l, l.all(x, x != "y"))'],
  ])('by %s', async (_what, expression) => {
    refused(await publish(expression), 'expression-too-costly');
    expect((await publish('tests.passed.all(a, ["e2e", "unit"].exists(b, a == b))')).status).toBe(201);
  });

  it('by a pattern that backtracks, which RE2 does not', async () => {
    const catastrophic = 'release.product.matches("^(a+)+$") && release.product.matches("(x+x+)+y")';
    expect((await publish(catastrophic)).status).toBe(201);
    const facts: FactValues = { 'release.product': `${'a'.repeat(100_000)}!` };
    const began = performance.now();
    expect(evaluateExpression(catastrophic, facts).verdict).toBe('fail');
    // A backtracking engine would not have ended before the sun does; a bound on what hangs, no measure of speed.
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it.each([
    ['a back-reference', 'release.product.matches("(a)\\\\1")', 'expression-malformed'],
    ['a look-ahead', 'release.product.matches("(?=a)b")', 'expression-malformed'],
    ['a repetition that explodes', 'release.product.matches("((a{1000}){1000}){1000}")', 'expression-malformed'],
    ['a pattern that comes from outside', 'release.product.matches(release.version)', 'expression-type'],
    ['a pattern as long as a book', `release.product.matches("${'a?'.repeat(300)}")`, 'expression-too-large'],
  ])('by %s', async (_what, expression, type) => {
    refused(await publish(expression), type);
    expect((await publish('release.product.matches("^[a-z]{1,20}$")')).status).toBe(201);
  });

  it.each([
    ['the prototype', '__proto__.constructor == "x"', 'fact-unknown'],
    ['a constructor', 'constructor.name == "x"', 'fact-unknown'],
    ['the process', 'process.env == "x"', 'fact-unknown'],
    ['a fact that it hides', 'tests.passed.all(now, now == "x")', 'expression-unsupported'],
    ['dynamic types', 'dyn(artifacts.count) == "x"', 'expression-type'],
  ])('by reaching for %s', async (_what, expression, type) => {
    refused(await publish(expression), type);
  });

  it('by more combinations than can be tried: it is taken, since nothing was shown against it', async () => {
    const facts = ['release.product', 'environment.name', 'release.version', 'change.deployer'];
    const many = facts.map((fact) => `!(${fact} in [${Array.from({ length: 12 }, (_, i) => `"${i}"`).join(', ')}])`);
    const never = 'change.class == "normal" && change.class == "standard"';
    expect((await publish(`${many.join(' && ')} && ${never}`)).status).toBe(201);
    refused(await publish(`${many[0]} && ${never}`), 'gate-unsatisfiable');
  });

  it('leaves the program answering', async () => {
    expect((await app.get('/health/live')).status).toBe(200);
    expect((await publish('artifacts.count > 0')).status).toBe(201);
  });
});

describe('an evaluation that does not end, whatever check it got past', () => {
  /** A worker that lost its way: it says that it is ready, and answers nothing. */
  const endless = (): Worker =>
    new Worker(
      "const { parentPort } = require('node:worker_threads'); parentPort.once('message', () => { for (;;); }); parentPort.postMessage('ready');",
      {
        eval: true,
      },
    );
  const greedy = (): Worker =>
    new Worker(
      "const { parentPort } = require('node:worker_threads'); parentPort.once('message', () => { const all = []; for (;;) all.push(new Array(1e5).fill(all.length)); }); parentPort.postMessage('ready');",
      { eval: true, resourceLimits: { maxOldGenerationSizeMb: 32 } },
    );

  it('is killed at its deadline, and the next decision gets a worker of its own', async () => {
    const started: Worker[] = [];
    const host = new ExpressionHost(
      50,
      () => {
        const worker = endless();
        started.push(worker);
        return worker;
      },
      100,
    );
    await expect(host.evaluate(['artifacts.count > 0'], {})).rejects.toThrow(ExpressionsTimedOut);
    // Tried twice, and stopped both times.
    expect(started.map((worker) => worker.threadId)).toEqual([-1, -1]);
    await expect(host.evaluate(['artifacts.count > 0'], {})).rejects.toThrow('longer than 100 ms');
    expect(started).toHaveLength(4);
    await host.close();
  });

  it('is killed when it takes more memory than it may', async () => {
    const host = new ExpressionHost(20_000, greedy);
    await expect(host.evaluate(['artifacts.count > 0'], {})).rejects.toThrow(ExpressionsTimedOut);
    await host.close();
  });

  it('is told from a worker that does not start, which is no verdict', async () => {
    const host = new ExpressionHost(50, () => new Worker("throw new Error('broken')", { eval: true }));
    await expect(host.evaluate(['artifacts.count > 0'], {})).rejects.toThrow('does not start');
    await host.close();
  });

  it('does not reach what is legitimate', async () => {
    const host = new ExpressionHost(20_000);
    expect(await host.evaluate(['artifacts.count > 0'], { 'artifacts.count': 1 })).toEqual([{ verdict: 'pass' }]);
    await host.close();
  });
});

it('whatever comes in as an expression, a result or a problem comes out', () => {
  for (const text of [
    '\0',
    '"',
    '\\',
    '((((',
    'a.b.c.d',
    '[',
    '{',
    '}',
    'null',
    'b"x"',
    "r'''",
    '1u',
    '0x',
    'now now',
    '..',
    '@result',
    'if',
    '\u202e',
    '1e999',
  ])
    expect(checkExpression(text)).toHaveProperty('code');
  expect(checkExpression('artifacts.count > 0')).not.toHaveProperty('code');
});
