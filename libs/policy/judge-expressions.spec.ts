import type { GateRule } from '#libs/contracts';
import {
  evaluateAtHand,
  evaluateGates,
  expressionHost,
  ExpressionsTimedOut,
  factValuesOf,
  isExpression,
  judgeExpressions,
  TIMED_OUT,
  readJudgedFacts,
  type ExpressionOutcome,
  type GateFacts,
} from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';

const request = { deployer: 'dan', now: '2026-03-02T10:00:00.000Z' };
const gate = (slug: string, expression = 'true', unblockedBy?: string): GateRule => ({
  gate: `expression:${slug}`,
  expression,
  ...(unblockedBy ? { unblockedBy } : {}),
});
const withGates = (gates: readonly GateRule[], rollbackGates: readonly GateRule[] = []): GateFacts =>
  gateFacts({ policy: { id: 'bank', version: 1, gates, rollbackGates } });

describe('the gates of a policy’s own', () => {
  it('are evaluated on the facts, those of a rollback for a rollback, and none where there are none', async () => {
    const asked: (readonly string[])[] = [];
    const evaluate = async (texts: readonly string[]): Promise<readonly ExpressionOutcome[]> => {
      asked.push(texts);
      return texts.map(() => ({ verdict: 'pass' }));
    };
    const facts = withGates([gate('a', '1 == 1'), { gate: 'tests-passed' }, gate('b', '2 == 2')], [gate('c', '3 == 3')]);
    expect((await judgeExpressions(facts, request, 'deployment', evaluate)).expressions).toEqual({
      'expression:a': { verdict: 'pass' },
      'expression:b': { verdict: 'pass' },
    });
    expect((await judgeExpressions(facts, request, 'rollback', evaluate)).expressions).toEqual({ 'expression:c': { verdict: 'pass' } });
    const none = withGates([{ gate: 'tests-passed' }]);
    expect(await judgeExpressions(none, request, 'deployment', evaluate)).toBe(none);
    expect(asked).toEqual([['1 == 1', '2 == 2'], ['3 == 3']]);
  });

  it('are inconclusive where nothing comes back for them: absence is not success', async () => {
    const facts = await judgeExpressions(withGates([gate('a')]), request, 'deployment', async () => []);
    expect(facts.expressions).toEqual({ 'expression:a': { verdict: 'inconclusive', why: 'It was not evaluated.' } });
  });

  it('are told apart from those of the program', () => {
    expect(isExpression(gate('a'))).toBe(true);
    expect(isExpression({ gate: 'tests-passed' })).toBe(false);
  });

  describe('on the receipt', () => {
    const said = (rule: GateRule, found?: ExpressionOutcome) => {
      const facts = withGates([rule]);
      return evaluateGates({ ...facts, ...(found ? { expressions: { [rule.gate]: found } } : {}) }, request).gates[0];
    };
    const evidence = ['approval-1@2', 'environment-production@0', 'policy-bank@0', 'release-1@3', 'testreport-1@0', 'versionline-1@0'];

    it('say that they hold, with all that they may rest on', () => {
      expect(said(gate('a', 'x == 1'), { verdict: 'pass' })).toEqual({
        gate: 'expression:a',
        verdict: 'pass',
        detail: 'It holds: x == 1',
        evidence,
      });
    });

    it('say that they do not, or why that is not known, and what would unblock them', () => {
      expect(said(gate('a', 'x == 1'), { verdict: 'fail' })).toEqual({
        gate: 'expression:a',
        verdict: 'fail',
        detail: 'It does not hold: x == 1',
        evidence,
      });
      expect(said(gate('a', 'x == 1', 'Wait.'), { verdict: 'stale', why: 'Old.', opensAt: '2026-03-03T00:00:00.000Z' })).toMatchObject({
        verdict: 'stale',
        detail: 'Old.',
        unblockedBy: 'Wait. By itself at 2026-03-03T00:00:00.000Z.',
      });
      expect(said(gate('a', 'x == 1'), { verdict: 'fail', opensAt: 'then' })?.unblockedBy).toBe('By itself at then.');
      expect(said(gate('a', 'x == 1', 'Wait.'))).toMatchObject({
        verdict: 'inconclusive',
        detail: 'It was not evaluated.',
        unblockedBy: 'Wait.',
      });
    });
  });

  describe('in a worker', () => {
    const read = (async (_aggregate: { initial: unknown; category: string }, id: string) => ({
      id,
      stream: id,
      state:
        _aggregate.category === 'policy'
          ? [{ version: 1, effectiveFrom: '', gates: [gate('a', 'artifacts.count == 0')], rollbackGates: [], clauses: [] }]
          : _aggregate.initial,
      revision: 0,
      exists: true,
      ref: `${_aggregate.category}-${id}@0`,
      events: [],
    })) as never;
    const subject = { releaseId: 'r', environment: 'e', kind: 'deployment', deployer: 'dan' } as const;
    afterEach(() => jest.restoreAllMocks());

    it('that does not answer in time are inconclusive, with the one reason that depends on the machine', async () => {
      jest.spyOn(expressionHost, 'evaluate').mockRejectedValue(new ExpressionsTimedOut('too long'));
      expect((await readJudgedFacts(read, subject, request.now)).expressions).toEqual({
        'expression:a': { verdict: 'inconclusive', why: TIMED_OUT },
      });
      expect(TIMED_OUT).toContain('did not end in time');
    });

    it('that fails otherwise fail the decision, and say what came out where it answers', async () => {
      jest.spyOn(expressionHost, 'evaluate').mockRejectedValueOnce(new Error('no memory'));
      await expect(readJudgedFacts(read, subject, request.now)).rejects.toThrow('no memory');
      jest.spyOn(expressionHost, 'evaluate').mockResolvedValueOnce([{ verdict: 'pass' }]);
      expect((await readJudgedFacts(read, subject, request.now)).expressions).toEqual({ 'expression:a': { verdict: 'pass' } });
      expect((await readJudgedFacts(read, subject, request.now, evaluateAtHand)).expressions).toEqual({
        'expression:a': { verdict: 'pass' },
      });
    });

    it('are asked about who would deploy it, and when', async () => {
      const asked = jest.fn(async () => [{ verdict: 'pass' as const }]);
      await readJudgedFacts(read, subject, request.now, asked);
      expect(asked).toHaveBeenCalledWith(['artifacts.count == 0'], expect.objectContaining({ 'change.deployer': 'dan', now: request.now }));
    });
  });
});

describe('the facts that expressions speak of', () => {
  it('are what the sources say', () => {
    const [artifact] = gateFacts().artifacts;
    const step = { driver: 'exec', action: 'a', input: {}, dependsOn: [] };
    const report = (suite: string, outcome: 'pass' | 'fail' | 'inconclusive') => ({ suite, outcome, tester: 't' });
    const facts = gateFacts({
      artifacts: [
        artifact!,
        { ...artifact!, artifactId: 'artifact-2', name: 'web', digest: 'sha256:bb' },
        { ...artifact!, artifactId: 'artifact-3', name: 'cli' },
      ],
      registered: { 'artifact-1': 'sha256:aa', 'artifact-2': 'sha256:cc' },
      reports: {
        'sha256:aa': { unit: report('unit', 'pass'), api: report('api', 'pass'), e2e: report('e2e', 'pass'), lint: report('lint', 'pass') },
        'sha256:bb': {
          unit: report('unit', 'pass'),
          sec: report('sec', 'fail'),
          e2e: report('e2e', 'fail'),
          lint: report('lint', 'inconclusive'),
        },
        'sha256:cc': { other: report('other', 'pass') },
      },
      approval: { requester: 'rita', approvers: ['otto', 'anna', 'otto'], tuple: { expiresAt: '2026-03-05T10:00:00.000Z' } as never },
      plan: {
        steps: [
          { id: '1', ...step },
          { id: '2', ...step },
          { id: '3', ...step, driver: 'http' },
          { id: '4', ...step, driver: 'a' },
        ],
        planHash: 'x',
        changeClass: 'standard',
      },
      regimes: ['SOX'],
      ranBefore: true,
    });
    expect(factValuesOf(facts, request, 'rollback')).toEqual({
      now: request.now,
      'change.class': 'standard',
      'change.kind': 'rollback',
      'change.deployer': 'dan',
      'environment.name': 'production',
      'environment.class': 'production',
      'environment.regimes': ['SOX'],
      'environment.ran_before': true,
      'release.product': 'shop',
      'release.version': '1.0.0',
      'release.authors': ['ada'],
      'artifacts.names': ['api', 'web', 'cli'],
      'artifacts.digests': ['sha256:aa', 'sha256:bb', 'sha256:aa'],
      'artifacts.count': 3,
      'artifacts.registered': 1,
      'tests.passed': ['api', 'unit'],
      'tests.failed': ['e2e', 'sec'],
      'approvals.count': 2,
      'approvals.persons': ['anna', 'otto'],
      'approvals.requester': 'rita',
      'approvals.expires_at': '2026-03-05T10:00:00.000Z',
      'plan.steps': 4,
      'plan.drivers': ['a', 'exec', 'http'],
    });
  });

  it('are absent where the sources say nothing', () => {
    const { environmentClass: _class, product: _product, version: _version, plan: _plan, ...bare } = gateFacts({ reports: {} });
    expect(factValuesOf(bare, request, 'deployment')).toEqual({
      now: request.now,
      'change.class': 'normal',
      'change.kind': 'deployment',
      'change.deployer': 'dan',
      'environment.name': 'production',
      'environment.regimes': ['none'],
      'environment.ran_before': false,
      'release.authors': ['ada'],
      'artifacts.names': ['api'],
      'artifacts.digests': ['sha256:aa'],
      'artifacts.count': 1,
      'artifacts.registered': 1,
      'tests.passed': [],
      'tests.failed': [],
      'approvals.count': 0,
      'approvals.persons': [],
    });
    expect(factValuesOf(gateFacts(), request, 'deployment')['change.class']).toBe('normal');
  });
});
