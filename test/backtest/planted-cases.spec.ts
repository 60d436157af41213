import type { BacktestCase, BacktestResult, GateRule, PolicyDraft } from '#libs/contracts';
import { derivedId, recordDenied, refuse } from '#libs/event-sourcing';
import { expressionHost, PolicyBacktest } from '#libs/policy';
import { GovernedLog, type Asked } from '../support/governed-log.ts';

const ENV = 'production';
const RULES: readonly GateRule[] = [
  { gate: 'artifacts-registered' },
  { gate: 'version-assigned' },
  { gate: 'approved', quorum: 1 },
  { gate: 'duties-separated' },
];
const rollbackGates: readonly GateRule[] = [{ gate: 'rollback-target-ran' }];
const BEGIN = '2026-03-02T10:00:00.000Z';
const [FROM, TO] = ['2026-03-09T00:00:00.000Z', '2026-03-16T00:00:00.000Z'];

/** What was planted, and how often. */
const PLANTED = {
  good: 5,
  'failing tests, failed': 3,
  'never tested, succeeded': 2,
  'never tested, incident': 1,
  'one approval, rolled back': 2,
  'emergency in the freeze': 1,
  'bypass of the approval': 1,
  'denied: nobody approved': 4,
  'denied: rejected': 1,
  'denied: frozen': 2,
  'elsewhere, under another policy': 3,
  'denied: no such release': 2,
  'denied: no role': 1,
} as const;
type Planted = keyof typeof PLANTED;

/** Everything decided in the second of three weeks, in an order that mixes it, with the same around it that does not count. */
async function plant(): Promise<{ readonly log: GovernedLog; readonly ids: ReadonlyMap<string, Planted> }> {
  const log = new GovernedLog(BEGIN);
  const ids = new Map<string, Planted>();
  await log.publish('bank', { gates: RULES, rollbackGates });
  await log.publish('loose', { gates: [{ gate: 'artifacts-registered' }], rollbackGates });
  await log.environment(ENV, 'bank');
  await log.environment('sandbox', 'loose');
  await log.freeze('party', '2026-03-14T00:00', '2026-03-15T00:00');

  let serial = 0;
  let incidentId = '';
  const once = async (what: Planted): Promise<void> => {
    const name = `svc-${serial++}`;
    const changeClass = what === 'emergency in the freeze' ? 'emergency' : 'normal';
    const environment = what === 'elsewhere, under another policy' ? 'sandbox' : ENV;
    const releaseId = await log.release(name, environment, { changeClass });
    const tested = !what.startsWith('never tested') && !what.startsWith('bypass') && environment === ENV;
    if (tested) await log.report(releaseId, what.startsWith('failing tests') ? 'fail' : 'pass');
    const approvers = what.startsWith('one approval') || what.startsWith('failing') ? ['anna'] : ['anna', 'otto'];
    const unapproved = ['bypass of the approval', 'denied: nobody approved', 'elsewhere, under another policy', 'denied: no role'];
    if (what === 'denied: rejected') await log.approve(releaseId, ENV, [], 'anna');
    else if (!unapproved.includes(what)) await log.approve(releaseId, environment, approvers);
    const bypassId = what === 'bypass of the approval' ? await log.bypass(releaseId, ENV, ['approved']) : undefined;
    if (what === 'denied: no role') return await noRole(log, releaseId);
    if (what === 'emergency in the freeze') await log.emergency(releaseId, ENV, incidentId);
    const asked = await log.start(what === 'denied: no such release' ? derivedId('nothing', name) : releaseId, environment, bypassId);
    const deploymentId = started(asked, what);
    ids.set(deploymentId ?? releaseId, what);
    if (!deploymentId) return;
    expect(await log.carryOut(deploymentId, what.endsWith('failed') ? 'failed' : 'succeeded')).toMatch(/succeeded|failed/);
    if (what.endsWith('incident')) incidentId = await log.incident(deploymentId);
    if (what.endsWith('rolled back')) expect((await log.rollBack(deploymentId)).refusal).toBeUndefined();
  };
  const week = async (): Promise<void> => {
    // Something must have run before, or there is nothing to roll back to.
    const all = (Object.keys(PLANTED) as Planted[]).flatMap((what) => Array.from({ length: PLANTED[what] }, () => what));
    const frozen = (what: Planted): boolean => (what.includes('fr') && what.includes('ozen')) || what.includes('freeze');
    for (const what of [...all.filter((w) => !frozen(w)).sort((a, b) => hash(a) - hash(b)), ...all.filter(frozen)]) {
      if (frozen(what) && log.now < '2026-03-14') log.now = '2026-03-14T08:00:00.000Z';
      log.later(20);
      await once(what);
    }
  };
  for (const what of ['good', 'failing tests, failed', 'denied: nobody approved'] as const) await once(what);
  ids.clear();
  log.now = '2026-03-09T00:00:00.000Z';
  await week();
  const inPeriod = new Map(ids);
  log.now = TO;
  for (const what of ['good', 'denied: nobody approved'] as const) await once(what);
  return { log, ids: inPeriod };
}

function started(asked: Asked, what: Planted): string | undefined {
  const denied = what.startsWith('denied');
  if (denied !== (asked.refusal !== undefined)) throw new Error(`${what}: ${asked.refusal?.detail ?? 'it was let through'}`);
  return asked.refusal ? undefined : asked.deploymentId;
}

/** What the edge puts on record of somebody without the role. */
async function noRole(log: GovernedLog, releaseId: string): Promise<void> {
  const commandId = derivedId('no-role', releaseId);
  const actor = { person: 'eve', principal: 'test|eve', roles: [] };
  const meta = { commandId, actor, correlationId: commandId, causationId: commandId, now: log.now };
  const asked = { releaseId, environment: ENV };
  await recordDenied(
    log,
    {
      id: commandId,
      command: 'StartDeployment',
      stream: `deployment-${commandId}`,
      about: asked,
      asked,
      meta,
      commandHash: '0'.repeat(64),
    },
    refuse('duty', 'role-missing', 'You need the role of deployer.'),
  );
}

function hash(text: string): number {
  return [...text].reduce((sum, c) => (sum * 31 + (c.codePointAt(0) ?? 0)) % 101, 7);
}

describe('a draft policy that is tried on a past with planted cases', () => {
  let log: GovernedLog;
  let ids: ReadonlyMap<string, Planted>;
  const all = Object.values(PLANTED).reduce((a, b) => a + b, 0);
  const notJudged = {
    underOtherPolicies: PLANTED['elsewhere, under another policy'],
    deniedOtherwise: PLANTED['denied: no such release'] + PLANTED['denied: no role'],
  };

  const tryOut = async (gates: readonly GateRule[], more: Partial<PolicyDraft> = {}): Promise<BacktestResult> => {
    const draft = { gates, rollbackGates, clauses: [], ...more };
    const test = new PolicyBacktest(
      { policyId: 'bank', draft, from: FROM, to: TO },
      { readStream: async (stream) => (await log.log.readStream(stream)).events },
    );
    for (const event of await log.events()) await test.add(event);
    const result = test.result();
    expect(result.notJudged).toEqual(notJudged);
    const rollbacks = PLANTED['one approval, rolled back'];
    expect(result.decisions).toBe(all + rollbacks - notJudged.deniedOtherwise - notJudged.underOtherPolicies);
    return result;
  };
  /** How often each planted thing is among the cases, by verdict. */
  const found = ({ cases }: BacktestResult): Partial<Record<string, Partial<Record<Planted, number>>>> => {
    const told: Record<string, Record<string, number>> = {};
    for (const one of cases) {
      const what = ids.get(one.deploymentId ?? one.releaseId) ?? `${one.kind} nobody planted`;
      const of = (told[one.verdict] ??= {});
      of[what] = (of[what] ?? 0) + 1;
    }
    return told;
  };
  const only = (result: BacktestResult, verdict: BacktestCase['verdict'], ...whats: readonly Planted[]): void => {
    expect(found(result)).toEqual({ [verdict]: Object.fromEntries(whats.map((what) => [what, PLANTED[what]])) });
    expect(result.differing).toBe(whats.reduce((sum, what) => sum + PLANTED[what], 0));
  };
  const none = { count: 0, succeeded: 0, failed: 0, halted: 0, 'rolled-back': 0, incident: 0, 'under-way': 0 };

  beforeAll(async () => {
    ({ log, ids } = await plant());
  });
  afterAll(() => expressionHost.close());

  it('finds nothing where the draft says what was in force', async () => {
    const result = await tryOut(RULES);
    expect(result).toMatchObject({ differing: 0, cases: [], letThroughByBypass: 1 });
    const { accepted, denied } = result.deployments;
    expect(denied).toEqual({ letThrough: 0, blocked: 7, unknowable: 0 });
    expect(accepted).toEqual({
      letThrough: { ...none, count: 15, succeeded: 9, failed: 3, 'rolled-back': 2, incident: 1 },
      blocked: none,
      unknowable: none,
    });
    expect(result.rollbacks.accepted.letThrough).toMatchObject({ count: 2 });
  });

  it('tells what failed from what nobody was asked for, where the draft asks for tests too', async () => {
    const result = await tryOut([...RULES, { gate: 'tests-passed' }]);
    expect(found(result)).toEqual({
      blocked: { 'failing tests, failed': 3 },
      unknowable: { 'never tested, succeeded': 2, 'never tested, incident': 1, 'bypass of the approval': 1 },
    });
    const { accepted } = result.deployments;
    expect(accepted.blocked).toEqual({ ...none, count: 3, failed: 3 });
    expect(accepted.unknowable).toEqual({ ...none, count: 4, succeeded: 3, incident: 1 });
    expect(result.gates['tests-passed']).toEqual({ blocked: 3, unknowable: 4 });
    expect(result.cases.find((c) => c.verdict === 'blocked')).toMatchObject({
      kind: 'deployment',
      environment: ENV,
      gates: ['tests-passed'],
      why: expect.stringContaining('Failing: unit of'),
      ending: 'failed',
    });
  });

  it('does not know whether a second approval would have come where one was enough, and lets a bypass stand', async () => {
    const result = await tryOut(RULES.map((rule) => (rule.gate === 'approved' ? { ...rule, quorum: 2 } : rule)));
    only(result, 'unknowable', 'failing tests, failed', 'one approval, rolled back');
    expect(result.deployments.accepted.unknowable).toEqual({ ...none, count: 5, failed: 3, 'rolled-back': 2 });
    expect(result.letThroughByBypass).toBe(PLANTED['bypass of the approval']);
  });

  it('lets through what was only not approved where the draft asks for no approval, but nothing in a freeze', async () => {
    const result = await tryOut(RULES.slice(0, 2));
    only(result, 'letThrough', 'denied: nobody approved', 'denied: rejected');
    expect(result.deployments.denied).toEqual({ letThrough: 5, blocked: 2, unknowable: 0 });
    expect(result.cases.every((c) => c.ending === 'denied' && c.denial?.startsWith('denial-'))).toBe(true);
  });

  it('judges by what an expression says of that moment', async () => {
    const result = await tryOut([
      ...RULES,
      { gate: 'expression:own', expression: 'change.class == "emergency" && now.getDayOfWeek() == 6' },
    ]);
    expect(found(result)).toEqual({
      blocked: {
        good: 5,
        'failing tests, failed': 3,
        'never tested, succeeded': 2,
        'never tested, incident': 1,
        'one approval, rolled back': 2,
        'bypass of the approval': 1,
      },
    });
  });

  it('counts clauses where they are in scope, and approvals of groups by who was in them then', async () => {
    await log.group('cab', 'anna');
    const asking: GateRule = { gate: 'approved', quorum: 1, groups: [{ group: 'cab', quorum: 1 }] };
    // The group came later: then it had nobody, and nobody was asked.
    const result = await tryOut(RULES, { clauses: [{ when: { changeClasses: ['normal'] }, gates: [asking] }] });
    expect(found(result)['blocked']).toBeUndefined();
    expect(result.deployments.accepted.letThrough.count).toBe(PLANTED['emergency in the freeze'] + PLANTED['bypass of the approval']);
    expect(result.deployments.accepted.unknowable.count).toBe(13);
  });

  it('judges what nobody declared a risk of as high, as it is judged today, and knows floors', async () => {
    const asking: GateRule = { gate: 'approved', quorum: 5 };
    const everywhere = await tryOut(RULES, { clauses: [{ when: {}, gates: [asking] }] });
    const high = await tryOut(RULES, { clauses: [{ when: { riskClasses: ['high'] }, gates: [asking] }] });
    expect(high).toEqual(everywhere);
    const without = await tryOut(RULES);
    expect(high).not.toEqual(without);
    const lower: PolicyDraft['clauses'] = [{ when: { riskClasses: ['low', 'medium'] }, gates: [asking] }];
    expect(await tryOut(RULES, { clauses: lower, riskFloors: [{ when: {}, atLeast: 'medium' }] })).toEqual(without);
  });

  it('judges rollbacks by the gates of rollbacks, accepted and denied', async () => {
    const result = await tryOut(RULES, {
      rollbackGates: [{ gate: 'artifacts-registered' }, { gate: 'expression:never', expression: 'artifacts.count > 5' }],
    });
    expect(result.rollbacks.accepted.blocked).toMatchObject({ count: 2, 'under-way': 2 });
    expect(result.cases).toMatchObject([
      { kind: 'rollback', verdict: 'blocked', gates: ['expression:never'] },
      { kind: 'rollback', verdict: 'blocked' },
    ]);
  });
});
