import { NO_STREAM, type NewEvent } from '#libs/event-sourcing';
import { testEvent } from '#libs/event-sourcing/testing';
import { resumeFailedSubscriptions } from '#libs/subscriptions';
import { ok, problemOf, Stage, STEPS } from '../adversarial/stage.ts';
import { eventually, startApp, type RunningApp } from '../support/running-app.ts';

/** What a program of before has let through is in the log for good, and what can't be handled stops one view: neither may stop everything. */
describe('with what is in the log and is not as it must be', () => {
  let app: RunningApp;
  let stage: Stage;
  const append = async (stream: string, type: string, data: object): Promise<bigint> => {
    const events = [testEvent(0, { type, data })] as unknown as readonly NewEvent[];
    return (await app.plimsoll.infrastructure.log.append(stream, NO_STREAM, events)).position;
  };
  /** As the row says after the handler gave up on an event; who has the lease notices at its next batch. */
  const fail = (view: string): Promise<unknown> =>
    app.plimsoll.infrastructure.pool.query(
      `update subscription set state = 'failed', holder = null, lease_until = null, token = token + 1,
              failure = '{"message":"No row can be made of it.","eventId":"x","type":"T","stream":"s","revision":0,"position":"0","at":"2026-03-02T10:00:00.000Z"}'
        where name = $1`,
      [`projection:${view}:v1`],
    );
  const health = async (): Promise<{ status: string; failedSubscriptions: readonly { name: string }[] }> =>
    (await app.get('/health/ready')).body as never;

  beforeAll(async () => {
    app = await startApp(STEPS);
    stage = await Stage.on(app);
  });
  afterAll(() => app.stop());

  it('views go on behind a role and a legal hold whose scopes are none, and say so', async () => {
    const grant = {
      grantId: 'g-none',
      person: 'x',
      role: 'tester',
      scope: {},
      from: '2026-03-02T10:00:00.000Z',
      until: '2027-03-02T10:00:00.000Z',
    };
    await append('rolegrants-x', 'RoleRequested', { ...grant, requestedBy: 'x' });
    const position = await append('legalhold-register', 'LegalHoldPlaced', { holdId: 'h-none', scope: {}, reason: 'x', placedBy: 'x' });
    const read = (path: string) => stage.max.get(path, { 'plimsoll-min-position': String(position) });
    expect(ok(await read('/v1/governance/role-grants?person=x')).items).toMatchObject([
      { grantId: 'g-none', scopeKind: 'none', scopeId: '' },
    ]);
    const records = await app.person('rex', 'records-manager', 'auditor');
    expect(ok(await records.get('/v1/governance/legal-holds', { 'plimsoll-min-position': String(position) })).items).toMatchObject([
      { holdId: 'h-none', kind: 'everything', about: '*' },
    ]);
    expect(await health()).toMatchObject({ status: 'ready', failedSubscriptions: [] });
  });

  it('a smoke suite that is none fails with that reason, and what comes after it runs', async () => {
    const of = { smokeRunId: 'smoke-none', deploymentId: 'd-none', releaseId: 'r-none', environment: 'e-none' };
    const deadline = new Date(Date.now() + 60_000).toISOString();
    await append('smokerun-smoke-none', 'SmokeRunStarted', { ...of, suite: [], deadline, expectedDigests: [] });
    const failed = await eventually('The smoke run ends', async () =>
      (await stage.stream('smokerun-smoke-none')).find(({ type }) => type === 'SmokeRunFailed'),
    );
    expect((failed.data as { reason: string }).reason).toContain('What was planned as the smoke suite is none');
    ok(await stage.view('/v1/deployments/timeline'));
    expect(await health()).toMatchObject({ status: 'ready', failedSubscriptions: [] });
  });

  it('a smoke suite that is a list is refused where it is planned, and one that is none is not planned', async () => {
    const release = await stage.planned('smoke-list');
    for (const smoke of [[], [[]], 'x', { baseUrl: 'http://127.0.0.1:1', checks: [[]] }])
      expect(problemOf(await stage.plan(release, undefined, { smoke }))).toBe('validation');
    ok(await stage.plan(release));
  });

  it('a view that has stopped for good makes the program degraded, which answers 200: what is decided is decided on streams', async () => {
    const path = '/v1/governance/who-could?action=StartDeployment&at=2026-03-01T00:00:00Z';
    ok(await stage.max.get(path));
    await fail('role-grants');
    const degraded = await eventually('Health says it', async () => {
      const answer = await app.get('/health/ready');
      return answer.body.status === 'degraded' ? answer : undefined;
    });
    expect(degraded.status).toBe(200);
    expect(degraded.body.failedSubscriptions).toMatchObject([{ name: 'projection:role-grants:v1' }]);

    // A list says which view it lacks something of; who could do it is not answered by halves.
    const list = await eventually('The list says it', async () => {
      const answer = await stage.max.get('/v1/governance/role-grants');
      return answer.headers.get('plimsoll-view-failed') === null ? undefined : answer;
    });
    expect([list.status, list.headers.get('plimsoll-view-failed')]).toEqual([200, 'role-grants']);
    const refused = await stage.max.get(path);
    expect([refused.status, problemOf(refused), refused.headers.get('retry-after')]).toEqual([503, 'view-failed', '60']);

    expect(await resumeFailedSubscriptions(app.plimsoll.infrastructure.pool)).toEqual(['projection:role-grants:v1']);
    await eventually('All is well', async () => ((await health()).status === 'ready' ? true : undefined));
    await eventually('Who could is answered', async () => ((await stage.max.get(path)).status === 200 ? true : undefined));
  });

  it('deployments run to their end without the view of deployments', async () => {
    await fail('deployment-timeline');
    await eventually('It has stopped', async () => ((await health()).status === 'degraded' ? true : undefined));
    const first = await stage.planned('without-view');
    await stage.deployed(first);
    const second = await stage.planned('without-view-again');
    await stage.deployed(second);
    expect(await health()).toMatchObject({ status: 'degraded', failedSubscriptions: [{ name: 'projection:deployment-timeline:v1' }] });

    // And with it, once it is kept again.
    await resumeFailedSubscriptions(app.plimsoll.infrastructure.pool);
    await stage.deployed(await stage.planned('with-view'));
    const { items } = ok(await stage.view('/v1/deployments/timeline?status=succeeded'));
    expect(items).toHaveLength(3);
  });
});
