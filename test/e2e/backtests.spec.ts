import { SIX_GATES } from '../support/generated-decisions.ts';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

const rollbackGates = [{ gate: 'rollback-target-ran' }];
const EVER = { from: '2020-01-01T00:00:00Z', to: '2120-01-01T00:00:00Z' };
const hex = (c: string): string => c.repeat(64);
const ok = (answer: Answer): Answer['body'] => {
  if (answer.status >= 300) throw new Error(answer.text);
  return answer.body;
};
const ended = async (by: Pick<RunningApp, 'get'>, id: string): Promise<Answer['body']> =>
  await eventually('the end of a backtest', async () => {
    const { body } = await by.get(`/v1/governance/backtests/${id}`);
    return body.status === 'requested' || body.status === 'running' ? undefined : body;
  });

/** A draft policy on decisions that were made over HTTP. */
describe('a backtest', () => {
  let app: RunningApp;
  let max: Person;
  let dan: Person;
  let accepted: string;
  let target: { readonly releaseId: string; readonly environment: string };

  const publish = async (gates: readonly object[]): Promise<void> => {
    ok(await max.post('/v1/governance/policies', { policyId: 'bank', title: 'Bank', gates, rollbackGates }));
  };
  const request = (gates: readonly object[], period = EVER, policyId = 'bank', key?: string): Promise<Answer> =>
    max.post(
      `/v1/governance/policies/${policyId}/backtests`,
      { draft: { gates, rollbackGates }, ...period },
      key ? { 'idempotency-key': key } : {},
    );
  const tried = async (gates: readonly object[], period = EVER): Promise<Answer['body']> =>
    await ended(app, ok(await request(gates, period)).id as string);

  beforeAll(async () => {
    // Without a deployer: what counts here is the decision.
    app = await startApp({ PLIMSOLL_ROLES: 'api,correlator,projector' });
    max = await app.person('max', 'policy-editor');
    dan = await app.person('dan', 'deployer');
    const ada = await app.person('ada', 'developer');
    const rita = await app.person('rita', 'release-manager');
    await publish([{ gate: 'artifacts-registered' }, { gate: 'expression:own', expression: 'artifacts.count < 9' }]);
    ok(await rita.post('/v1/environments/environments', { environment: 'prod', class: 'production', policyId: 'bank' }));
    const digest = { algorithm: 'sha256', value: hex('a') };
    const artifact = { name: 'shop', version: '1.0.0', purl: 'pkg:npm/shop@1.0.0', digest, authors: ['plimsoll-embedded|ada'] };
    const { id } = ok(await ada.post('/v1/artifacts/artifacts', artifact));
    const { id: releaseId } = ok(await ada.post('/v1/planning/releases', { product: 'shop', artifactIds: [id] }));
    target = { releaseId, environment: 'prod' };
    const steps = [{ id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] }];
    ok(await ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment: 'prod', steps }));
    accepted = ok(await dan.post('/v1/deployments/deployments', target)).id;
    await publish([{ gate: 'tests-passed' }]);
    expect((await dan.post('/v1/deployments/deployments', target)).status).toBe(409);
  });
  afterAll(() => app.stop());

  it('tells what a draft would have blocked and let through, and what nobody can know', async () => {
    // What only the draft asks for is not known of the accepted one, and was asked of the denied one.
    const unknowable = await tried([{ gate: 'tests-passed' }]);
    expect(unknowable).toMatchObject({
      status: 'completed',
      run: 1,
      result: {
        decisions: 2,
        deployments: { accepted: { unknowable: { count: 1 }, blocked: { count: 0 } }, denied: { blocked: 1 } },
        differing: 1,
        listed: 1,
      },
    });
    expect(unknowable.result.cases).toBeUndefined();
    expect((await app.get(`/v1/governance/backtests/${unknowable.id}/cases`)).body).toMatchObject({
      items: [{ deploymentId: accepted, releaseId: target.releaseId, verdict: 'unknowable', gates: ['tests-passed'] }],
    });
    expect(await tried([{ gate: 'expression:own', expression: 'artifacts.count > 1' }])).toMatchObject({
      result: {
        deployments: { accepted: { blocked: { count: 1 } }, denied: { blocked: 1 } },
        gates: { 'expression:own': { blocked: 2 } },
        differing: 1,
      },
    });
    expect(await tried([{ gate: 'tests-passed' }], { from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' })).toMatchObject({
      result: { decisions: 0, differing: 0 },
    });
  });

  it('lists the decisions that differ in pages, and those that are asked for', async () => {
    for (let i = 0; i < 4; i++) expect((await dan.post('/v1/deployments/deployments', target)).status).toBe(409);
    const { id, result } = await tried([{ gate: 'artifacts-registered' }]);
    expect(result).toMatchObject({ deployments: { accepted: { letThrough: { count: 1 } }, denied: { letThrough: 5 } }, differing: 5 });
    const page = (query: string): Promise<Answer> => app.get(`/v1/governance/backtests/${id}/cases?${query}`);
    const first = (await page('limit=3&ending=denied')).body;
    const second = (await page(`limit=3&ending=denied&cursor=${first.nextCursor}`)).body;
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([3, 2, undefined]);
    const denials = [...first.items, ...second.items] as { denial: string; verdict: string; position: string }[];
    expect(new Set(denials.map((c) => c.denial)).size).toBe(5);
    expect(denials.every((c) => c.verdict === 'letThrough')).toBe(true);
    expect((await page('verdict=blocked')).body).toEqual({ items: [] });
    expect((await page('verdict=maybe')).status).toBe(400);
    expect((await app.get('/v1/governance/backtests/nothing/cases')).status).toBe(404);
  });

  it('is one for one Idempotency-Key', async () => {
    const key = '0190a1b2-c3d4-4e5f-8a6b-00000000b7e5';
    const { id } = ok(await request([{ gate: 'tests-passed' }], EVER, 'bank', key));
    await ended(app, id);
    expect(ok(await request([{ gate: 'tests-passed' }], EVER, 'bank', key)).id).toBe(id);
    const { events } = await app.plimsoll.infrastructure.log.readStream(`backtest-${id}`);
    expect(events.filter((e) => e.type === 'BacktestRequested')).toHaveLength(1);
    expect(events.filter((e) => e.type === 'BacktestCompleted')).toHaveLength(1);
  });

  it.each([
    ['of a policy that there is not', 'nobodys', EVER, [{ gate: 'tests-passed' }], 404, 'policy-unknown'],
    ['with a misspelt gate', 'bank', EVER, [{ gate: 'tests-pased' }], 422, 'gate-unknown'],
    ['with an unknown fact', 'bank', EVER, [{ gate: 'expression:x', expression: 'weather == "fine"' }], 422, 'fact-unknown'],
    ['of a period the wrong way round', 'bank', { from: EVER.to, to: EVER.from }, [{ gate: 'tests-passed' }], 422, 'period-empty'],
    ['of a period to come', 'bank', { from: '2119-01-01T00:00:00Z', to: EVER.to }, [{ gate: 'tests-passed' }], 422, 'period-to-come'],
    ['of a period without its offset', 'bank', { from: '2026-01-01T00:00:00', to: EVER.to }, [{ gate: 'tests-passed' }], 400, 'validation'],
  ])('is refused %s, and that is on record', async (_what, policyId, period, gates, status, type) => {
    const answer = await request(gates, period, policyId);
    expect([answer.status, answer.body.type]).toEqual([status, expect.stringMatching(new RegExp(`${type}$`))]);
    if (status === 400) return;
    const position = answer.headers.get('plimsoll-position') ?? '';
    const denials = await app.get(`/v1/governance/denials?command=RequestBacktest`, { 'plimsoll-min-position': position });
    expect(denials.body.items).toContainEqual(expect.objectContaining({ refusal: type }));
  });

  it('is for those who edit policies, manage releases or audit, and is cancelled while it runs only', async () => {
    const asDeployer = await dan.post('/v1/governance/policies/bank/backtests', { draft: { gates: SIX_GATES, rollbackGates }, ...EVER });
    expect(asDeployer.status).toBe(403);
    const { id } = await tried([{ gate: 'tests-passed' }]);
    const late = await max.post(`/v1/governance/backtests/${id}/cancel`, { reason: 'A mistake.' });
    expect([late.status, late.body.type]).toEqual([409, expect.stringMatching(/backtest-ended$/)]);
    const unknown = await max.post(`/v1/governance/backtests/${accepted}/cancel`, { reason: 'A mistake.' });
    expect([unknown.status, unknown.body.type]).toEqual([404, expect.stringMatching(/backtest-unknown$/)]);
    expect((await max.post(`/v1/governance/backtests/${id}/cancel`, { reason: '\u200b' })).status).toBe(400);
  });
});
