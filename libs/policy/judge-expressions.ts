import type { ExpressionGate, GateRule } from '#libs/contracts';
import type { ReadAggregate } from '#libs/event-sourcing';
import { expressionHost, ExpressionsTimedOut, type ExpressionOutcome, type FactValues } from './expressions/index.ts';
import { readGateFacts, type GateFacts } from './sources.ts';

export type DecisionKind = 'deployment' | 'rollback';

export interface DecisionSubject {
  readonly releaseId: string;
  readonly environment: string;
  readonly kind: DecisionKind;
  /** Person. */
  readonly deployer: string;
  /** The bypass that is asked to waive gates. */
  readonly bypassId?: string;
}

/** What evaluates expressions: apart and with a deadline where it is live, at hand where it is a replay. */
export type Evaluate = (expressions: readonly string[], facts: FactValues) => Promise<readonly ExpressionOutcome[]>;

type ExpressionRule = Extract<GateRule, { readonly gate: ExpressionGate }>;

export function isExpression(rule: GateRule): rule is ExpressionRule {
  return 'expression' in rule;
}

/** Facts with what the policy's own gates say of them: all that `evaluateGates` needs. */
export async function readJudgedFacts(
  read: ReadAggregate,
  { releaseId, environment, kind, deployer, bypassId }: DecisionSubject,
  now: string,
  evaluate: Evaluate = inWorker,
  engine?: string,
): Promise<GateFacts> {
  const facts = await readGateFacts(read, releaseId, environment, now, bypassId, engine);
  return await judgeExpressions(facts, { deployer, now }, kind, evaluate);
}

/** Evaluates the expressions among the gates that count. What does not answer in time is inconclusive: nothing was shown. */
export async function judgeExpressions(
  facts: GateFacts,
  request: { readonly deployer: string; readonly now: string },
  kind: DecisionKind,
  evaluate: Evaluate,
): Promise<GateFacts> {
  const rules = (kind === 'rollback' ? facts.policy.rollbackGates : facts.policy.gates).filter(isExpression);
  if (rules.length === 0) return facts;
  const outcomes = await evaluate(
    rules.map((rule) => rule.expression),
    factValuesOf(facts, request, kind),
  );
  return {
    ...facts,
    expressions: Object.fromEntries(
      rules.map((rule, i) => [rule.gate, outcomes[i] ?? { verdict: 'inconclusive', why: 'It was not evaluated.' }]),
    ),
  };
}

async function inWorker(expressions: readonly string[], facts: FactValues): Promise<readonly ExpressionOutcome[]> {
  try {
    return await expressionHost.evaluate(expressions, facts);
  } catch (error) {
    if (!(error instanceof ExpressionsTimedOut)) throw error;
    return expressions.map(() => ({ verdict: 'inconclusive', why: TIMED_OUT }));
  }
}

/** The one reason that depends on the machine: a receipt that gives it can't be executed again to the same bytes. */
export const TIMED_OUT = 'The evaluation did not end in time and was stopped.';

/** The declared facts, as the sources say. */
export function factValuesOf(
  facts: GateFacts,
  { deployer, now }: { readonly deployer: string; readonly now: string },
  kind: DecisionKind,
): FactValues {
  const { approval, plan } = facts;
  const digests = new Set(facts.artifacts.map((a) => a.digest));
  const reports = [...digests].flatMap((digest) => Object.values(facts.reports[digest] ?? {}));
  const failed = new Set(reports.filter((r) => r.outcome === 'fail').map((r) => r.suite));
  const passed = new Set(reports.filter((r) => reports.every((o) => o.suite !== r.suite || o.outcome === 'pass')).map((r) => r.suite));
  return {
    now,
    'change.class': facts.counted?.class ?? plan?.changeClass ?? 'normal',
    ...(facts.risk ? { 'change.risk': facts.risk.effective } : {}),
    'change.kind': kind,
    'change.deployer': deployer,
    'environment.name': facts.environment,
    ...(facts.environmentClass ? { 'environment.class': facts.environmentClass } : {}),
    'environment.regimes': facts.regimes ?? ['none'],
    'environment.ran_before': facts.ranBefore,
    ...(facts.product ? { 'release.product': facts.product } : {}),
    ...(facts.version ? { 'release.version': facts.version } : {}),
    'release.authors': facts.authors,
    'artifacts.names': facts.artifacts.map((a) => a.name),
    'artifacts.digests': facts.artifacts.map((a) => a.digest),
    'artifacts.count': facts.artifacts.length,
    'artifacts.registered': facts.artifacts.filter((a) => facts.registered[a.artifactId] === a.digest).length,
    'tests.passed': [...passed].sort(),
    'tests.failed': [...failed].sort(),
    'approvals.count': new Set(approval.approvers).size,
    'approvals.persons': [...new Set(approval.approvers)].sort(),
    ...(approval.requester ? { 'approvals.requester': approval.requester } : {}),
    ...(approval.tuple ? { 'approvals.expires_at': approval.tuple.expiresAt } : {}),
    ...(plan ? { 'plan.steps': plan.steps.length, 'plan.drivers': [...new Set(plan.steps.map((s) => s.driver))].sort() } : {}),
  };
}
