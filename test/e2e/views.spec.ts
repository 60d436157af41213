import { createHash } from 'node:crypto';
import { get as httpGet } from 'node:http';
import { compareWithRebuild } from '#libs/read-models';
import { views } from '../../src/read-models.ts';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/** Views over HTTP: what was written is there when the caller says that it wants to read it. */
describe('the views over HTTP', () => {
  let app: RunningApp;
  let manager: Person;
  let anna: Person;
  let releaseId: string;
  let first: Answer;
  const after = (command: Answer): Record<string, string> => ({ 'plimsoll-min-position': command.headers.get('plimsoll-position') ?? '' });
  const done = (answer: Answer): Answer => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer;
  };
  const step = { id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] };
  const compose = async (product: string): Promise<Answer> => {
    const registered = done(
      await manager.post('/v1/artifacts/artifacts', {
        name: product,
        version: '1.0.0',
        purl: `pkg:npm/${product}@1.0.0`,
        digest: { algorithm: 'sha256', value: 'a1'.repeat(32) },
        authors: ['plimsoll-embedded|ada'],
      }),
    );
    return done(await manager.post('/v1/planning/releases', { product, artifactIds: [registered.body.id] }));
  };

  beforeAll(async () => {
    app = await startApp();
    manager = await app.person('rita', 'release-manager', 'developer', 'service', 'policy-editor', 'deployer', 'sre');
    anna = await app.person('anna', 'approver');
    done(
      await manager.post('/v1/governance/policies', {
        policyId: 'strict',
        title: 'Strict',
        gates: [{ gate: 'approved', quorum: 1 }, { gate: 'duties-separated' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    done(await manager.post('/v1/environments/environments', { environment: 'production', class: 'production', policyId: 'strict' }));
    first = await compose('shop');
    releaseId = first.body.id;
  }, 60_000);
  afterAll(() => app.stop());

  it('show a caller its own write, and say how far they have come', async () => {
    const answer = done(await app.get(`/v1/planning/release-board/${releaseId}`, after(first)));
    expect(answer.body).toMatchObject({ releaseId, product: 'shop', artifacts: [{ name: 'shop', version: '1.0.0' }], denials: 0 });
    expect(answer.body).not.toHaveProperty('version');
    expect(Number(answer.headers.get('plimsoll-view-position'))).toBeGreaterThanOrEqual(Number(first.headers.get('plimsoll-position')));
    expect(answer.headers.get('plimsoll-view-lag')).toMatch(/^\d/);
    const planned = done(await manager.post(`/v1/planning/releases/${releaseId}/plan`, { environment: 'production', steps: [step] }));
    const board = done(await app.get('/v1/planning/release-board?environment=production', after(planned)));
    expect(board.body.items).toMatchObject([{ releaseId, environments: { production: { planHash: expect.any(String) } } }]);
    expect(done(await app.get('/v1/planning/release-board?environment=attic')).body.items).toEqual([]);
  });

  it('know nothing of what does not exist', async () => {
    for (const path of [
      'planning/release-board/none',
      'deployments/timeline/none',
      'environments/map/none',
      'governance/audit-reports/none',
    ]) {
      expect((await app.get(`/v1/${path}`)).status).toBe(404);
    }
  });

  it('refuse a filter that they do not have, and need a token', async () => {
    expect(await app.get('/v1/planning/release-board?colour=red')).toMatchObject({ status: 400 });
    expect(await app.get('/v1/governance/approvals?outcome=maybe')).toMatchObject({ status: 400 });
    expect(await app.get('/v1/observability/metric-timeline?environment=production')).toMatchObject({ status: 400 });
    expect((await app.bearer('none').get('/v1/governance/denials')).status).toBe(401);
  });

  it('come in pages, and by product', async () => {
    const second = await compose('desk');
    const page = done(await app.get('/v1/planning/release-board?limit=1', after(second)));
    expect(page.body.items.map((r: { product: string }) => r.product)).toEqual(['desk']);
    const next = done(await app.get(`/v1/planning/release-board?limit=1&cursor=${page.body.nextCursor}`));
    expect(next.body.items.map((r: { product: string }) => r.product)).toEqual(['shop']);
    expect(next.body).not.toHaveProperty('nextCursor');
    expect(done(await app.get('/v1/planning/release-board?product=desk')).body.items).toHaveLength(1);
  });

  it('show a refusal to whoever asks what was refused', async () => {
    const refused = await manager.post('/v1/deployments/deployments', { releaseId, environment: 'production' });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    const denials = done(await app.get('/v1/governance/denials?command=StartDeployment', after(refused)));
    expect(denials.body.items).toMatchObject([
      { command: 'StartDeployment', refusal: 'gates-not-passed', about: { releaseId }, reasons: [{ code: 'gate-approved-inconclusive' }] },
    ]);
    expect(done(await app.get('/v1/governance/denials?command=ComposeRelease')).body.items).toEqual([]);
    const board = done(await app.get(`/v1/planning/release-board/${releaseId}`, after(refused)));
    expect(board.body.denials).toBe(1);
  });

  it('show releases as they change to who listens', async () => {
    const seen = done(await app.get('/v1/planning/release-board')).headers.get('plimsoll-view-position');
    const stream = await listen(app, `/v1/planning/release-board/live?after=${seen}`);
    const third = await compose('lamp');
    expect(await stream.until('"product":"lamp"')).toMatch(/event: release\ndata: \{"releaseId"/);
    stream.close();
    const id = /id: (\d+:\S+)\n/.exec(stream.text())?.[1] ?? '';
    const resumed = await listen(app, '/v1/planning/release-board/live', { 'last-event-id': id });
    const fourth = await compose('door');
    await resumed.until('"product":"door"');
    expect(resumed.text()).not.toContain('"product":"lamp"');
    resumed.close();
    expect((await app.get('/v1/planning/release-board/live?after=yesterday')).status).toBe(400);
    expect([third.status, fourth.status]).toEqual([201, 201]);
  });

  it('tell a deployment from approval to its end, and report it in a way that the log confirms byte for byte', async () => {
    const requested = done(await manager.post('/v1/governance/approvals', { releaseId, environment: 'production' }));
    const open = done(await app.get('/v1/governance/approvals?outcome=open', after(requested)));
    expect(open.body.items).toMatchObject([{ releaseId, environment: 'production', round: 1, votes: [], quorum: 1 }]);
    const [{ approvalId, tupleHash }] = open.body.items;
    const granted = done(await anna.post(`/v1/governance/approvals/${approvalId}/grant`, { tupleHash }));
    expect(done(await app.get('/v1/governance/approvals?outcome=approved', after(granted))).body.items).toHaveLength(1);

    const dan = await app.person('dan', 'deployer');
    const started = done(await dan.post('/v1/deployments/deployments', { releaseId, environment: 'production' }));
    const deploymentId: string = started.body.id;
    const stream = await listen(app, `/v1/deployments/timeline/${deploymentId}/live`);
    await stream.until(/"status":"(succeeded|failed|halted)","open":false/);
    stream.close();
    const timeline = done(await app.get(`/v1/deployments/timeline/${deploymentId}`, after(started)));
    expect(timeline.body).toMatchObject({ deploymentId, releaseId, open: false, steps: [{ id: 'a', attempt: 1 }] });
    expect(timeline.body.entries.map((e: { event: string }) => e.event).slice(0, 3)).toEqual([
      'DeploymentStarted',
      'DeploymentConfirmed',
      'StepLeased',
    ]);
    const list = done(await app.get(`/v1/deployments/timeline?releaseId=${releaseId}`));
    expect(list.body.items).toMatchObject([{ deploymentId }]);
    expect(list.body.items[0]).not.toHaveProperty('entries');

    // Its end has consequences, which the report tells as well: what is looked at twice must not grow in between.
    const { log } = app.plimsoll.infrastructure;
    let [head, since] = [-1n, 0];
    await eventually('half a second in which nothing follows', async () => {
      const now = await log.head();
      if (now !== head) [head, since] = [now, Date.now()];
      return Date.now() - since > 500 ? true : undefined;
    });
    const report = done(await app.get(`/v1/governance/audit-reports/${releaseId}`, { 'plimsoll-min-position': String(head) }));
    const digest = `sha256:${createHash('sha256').update(report.text).digest('hex')}`;
    expect(report.headers.get('plimsoll-report-digest')).toBe(digest);
    expect(report.headers.get('content-type')).toContain('application/json');
    expect(report.body).toMatchObject({
      schema: 'plimsoll.audit-report.v1',
      denials: [{ refusal: 'gates-not-passed' }],
      verdicts: {
        approvalBeforeDeployment: { verdict: 'yes' },
        approvedDigestsEqualDeployed: { verdict: 'yes' },
        dutiesSeparated: { verdict: 'yes' },
      },
    });
    const reports = done(await app.get('/v1/governance/audit-reports?product=shop'));
    expect(reports.body.items).toMatchObject([
      { releaseId, product: 'shop', verdict: 'exception', verdicts: { testEvidence: 'exception' } },
    ]);

    const auditor = await app.person('olga', 'auditor');
    expect((await app.get(`/v1/governance/audit-reports/${releaseId}/verification`)).status).toBe(403);
    // Who was refused is told in the report, too.
    done(await app.get(`/v1/governance/audit-reports/${releaseId}`, { 'plimsoll-min-position': String(await log.head()) }));
    const verified = done(await auditor.get(`/v1/governance/audit-reports/${releaseId}/verification`));
    expect(verified.body).toMatchObject({ releaseId, identical: true, eventsRead: expect.any(Number) });
    expect(verified.body.recomputedDigest).toBe(verified.body.viewDigest);
    // Somebody changes the view behind Plimsoll's back: the log says so.
    const { pool } = app.plimsoll.infrastructure;
    await pool.query(`update audit_report set report = jsonb_set(report, '{product}', '"other"') where release_id = $1`, [releaseId]);
    const tampered = done(await auditor.get(`/v1/governance/audit-reports/${releaseId}/verification`));
    expect(tampered.body).toMatchObject({ identical: false, recomputedDigest: verified.body.recomputedDigest });
    await pool.query(`update audit_report set report = jsonb_set(report, '{product}', '"shop"') where release_id = $1`, [releaseId]);
  }, 60_000);

  it('show what runs where, and how it fares', async () => {
    const sent = done(
      await manager.post('/v1/observability/metric-samples', {
        environment: 'production',
        service: 'shop',
        source: 'proxy',
        samples: [{ at: '2026-03-02T10:00:00.000Z', seconds: 10, requests: 100, errors: 2, latencyP95Ms: 12.5 }],
      }),
    );
    const timeline = done(await app.get('/v1/observability/metric-timeline?environment=production&service=shop', after(sent)));
    expect(timeline.body).toMatchObject({
      points: [{ requests: 100, errors: 2, latencyP95Ms: 12.5, source: 'proxy' }],
      marks: [{ releaseId, kind: 'deployment' }],
    });
    const map = done(await app.get('/v1/environments/map?class=production'));
    expect(map.body.items).toMatchObject([{ environment: 'production', policyId: 'strict', observed: {} }]);
    expect(done(await app.get('/v1/environments/map/production')).body.environment).toBe('production');
    expect(done(await app.get('/v1/incidents/incidents?environment=production')).body.items).toBeInstanceOf(Array);
  });

  it('are exactly what the log comes to, in tables of the migrations', async () => {
    const { log, codec, pool, registry } = app.plimsoll.infrastructure;
    for (const view of views) {
      const head = await log.head();
      await eventually(`${view.name} has caught up`, async () =>
        (registry.get(`projection:${view.name}:v${view.version}`)?.position ?? -1n) >= head ? true : undefined,
      );
      expect({ view: view.name, ...(await compareWithRebuild({ view, log, codec, pool })) }).toMatchObject({
        view: view.name,
        differing: [],
      });
    }
  });
});

interface Listener {
  text(): string;
  until(wanted: string | RegExp): Promise<string>;
  close(): void;
}

/** Server-sent events as they come. */
async function listen(app: RunningApp, path: string, headers: Record<string, string> = {}): Promise<Listener> {
  const { token } = await app.plimsoll.infrastructure.issuer!.issue({ subject: 'reader', roles: [] });
  return await new Promise((resolve, reject) => {
    const request = httpGet(app.url + path, { headers: { authorization: `Bearer ${token}`, ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('error', () => undefined);
      const has = (wanted: string | RegExp): boolean => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text));
      const until = (wanted: string | RegExp): Promise<string> =>
        eventually(`the stream of ${path} has ${String(wanted)}`, async () => (has(wanted) ? text : undefined));
      const listener: Listener = { text: () => text, until, close: () => request.destroy() };
      until(': open').then(() => resolve(listener), reject);
    });
    request.on('error', reject);
  });
}
