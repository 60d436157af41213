import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/** What bad input gets: a clear refusal with a problem type, and nothing half-done. Each stands beside what is accepted. */
describe('what bad input gets', () => {
  let app: RunningApp;
  let dev: Person;
  let manager: Person;
  let anna: Person;
  const hex = (c: string): string => c.repeat(64);
  const artifact = (name: string, version = '1.0.0', value = hex('a')) => ({
    name,
    version,
    purl: `pkg:npm/${name}@${version}`,
    digest: { algorithm: 'sha256', value },
    authors: ['plimsoll-embedded|ada'],
  });
  /** How many artifacts and denials are on record: what a refused registration must leave as it was. Processes write on beside it. */
  const events = async (): Promise<number> => {
    const all = await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 10_000 });
    return all.filter((e) => /^(artifact|denial)-/.test(e.stream)).length;
  };
  const refused = (answer: Answer, status: number, type: string): void => {
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect({ status: answer.status, type: answer.body.type }).toEqual({ status, type: `https://plimsoll.dev/problems/${type}` });
    expect(answer.body.detail).toMatch(/\w+ .*\w/);
  };
  const ok = (answer: Answer): { id: string; revision: number } => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer.body;
  };
  /** A release, planned for an environment whose policy asks for tests and one approval. */
  const plannedRelease = async (name: string): Promise<{ releaseId: string; environment: string }> => {
    const max = await app.person('max', 'policy-editor');
    ok(
      await max.post('/v1/governance/policies', {
        policyId: `p-${name}`,
        title: name,
        gates: [{ gate: 'tests-passed' }, { gate: 'approved', quorum: 1 }, { gate: 'duties-separated' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    ok(await manager.post('/v1/environments/environments', { environment: `e-${name}`, class: 'production', policyId: `p-${name}` }));
    const { id } = ok(await dev.post('/v1/artifacts/artifacts', artifact(name)));
    const release = ok(await dev.post('/v1/planning/releases', { product: name, artifactIds: [id] }));
    ok(await dev.post(`/v1/planning/releases/${release.id}/plan`, { environment: `e-${name}`, steps: [step('a')] }));
    return { releaseId: release.id, environment: `e-${name}` };
  };
  const step = (id: string, ...dependsOn: string[]) => ({
    id,
    driver: 'exec',
    action: 'noop',
    input: {},
    dependsOn: dependsOn.map((s) => ({ step: s, onFailure: 'halt' })),
  });

  beforeAll(async () => {
    app = await startApp();
    dev = await app.person('ada', 'developer');
    manager = await app.person('rita', 'release-manager');
    anna = await app.person('anna', 'approver');
  });
  afterAll(() => app.stop());

  it('refuses unknown fields and a forged actor, by name, and stores nothing', async () => {
    const before = await events();
    const answer = await dev.post('/v1/artifacts/artifacts', { ...artifact('forged'), actor: 'somebody-else' });
    refused(answer, 400, 'validation');
    expect(answer.text).toContain('actor');
    expect(await events()).toBe(before);
    expect((await dev.post('/v1/artifacts/artifacts', artifact('forged'))).status).toBe(201);
  });

  it('refuses a digest that is none', async () => {
    refused(await dev.post('/v1/artifacts/artifacts', artifact('digest', '1.0.0', 'xyz')), 400, 'validation');
    const short = { ...artifact('digest'), digest: { algorithm: 'sha512', value: hex('a') } };
    refused(await dev.post('/v1/artifacts/artifacts', short), 422, 'digest-length');
  });

  it('refuses a second digest, keeps the denial, and takes the first one again', async () => {
    ok(await dev.post('/v1/artifacts/artifacts', artifact('twice')));
    const second = await dev.post('/v1/artifacts/artifacts', artifact('twice', '1.0.0', hex('b')));
    refused(second, 409, 'second-digest');
    expect(second.headers.get('plimsoll-position')).toBeTruthy();
    const [denial] = await app.plimsoll.infrastructure.log.readAll({
      after: BigInt(second.headers.get('plimsoll-position') ?? '0') - 1n,
      maxCount: 1,
    });
    expect(denial).toMatchObject({ type: 'CommandDenied', data: { command: 'RegisterArtifact', refusal: 'second-digest' } });
    expect(ok(await dev.post('/v1/artifacts/artifacts', artifact('twice')))).toMatchObject({ repeated: true });
  });

  it('refuses a cycle in the plan, and names it', async () => {
    const { releaseId } = await plannedRelease('cycle');
    const answer = await dev.post(`/v1/planning/releases/${releaseId}/plan`, {
      environment: 'e-cycle',
      steps: [step('a', 'b'), step('b', 'a')],
    });
    refused(answer, 422, 'plan-cycle');
    expect(answer.body.detail).toContain('a → b → a');
  });

  it('refuses a stale If-Match, and takes the fresh one', async () => {
    const { releaseId } = await plannedRelease('stale');
    const read = await dev.get(`/v1/planning/releases/${releaseId}`);
    const etag = read.headers.get('etag') ?? '';
    expect(etag).toBe('"1"');
    const plan = { environment: 'e-stale', steps: [step('x')] };
    refused(await dev.post(`/v1/planning/releases/${releaseId}/plan`, plan, { 'if-match': '"0"' }), 412, 'stale-revision');
    ok(await dev.post(`/v1/planning/releases/${releaseId}/plan`, plan, { 'if-match': etag }));
  });

  it.each([
    ['an oversized body', JSON.stringify({ name: 'x'.repeat(1_100_000) }), 413],
    ['a duplicate key', '{"name":"a","name":"b"}', 400],
    ['an integer past 2^53', '{"name":9007199254740993}', 400],
    ['a body that is not JSON', '{"name":', 400],
    ['a prototype key', '{"__proto__":{"admin":true}}', 400],
  ])('refuses %s', async (_what, body, status) => {
    const before = await events();
    const answer = await dev.post('/v1/artifacts/artifacts', body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await events()).toBe(before);
  });

  it('refuses a token with the wrong algorithm, and none at all', async () => {
    const claims = { iss: 'plimsoll-embedded', aud: 'plimsoll', sub: 'ada', roles: ['developer'] };
    const hs = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'x' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(createSecretKey(Buffer.from('k'.repeat(32))));
    const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
    for (const token of [hs, none, 'garbage'])
      refused(await app.bearer(token).post('/v1/artifacts/artifacts', artifact('token')), 401, 'unauthenticated');
  });

  it('refuses a role that the token does not have', async () => {
    const answer = await anna.post('/v1/artifacts/artifacts', artifact('role'));
    refused(answer, 403, 'role-missing');
    const position = BigInt(answer.headers.get('plimsoll-position') ?? '0');
    expect(await app.plimsoll.infrastructure.log.readAll({ after: position - 1n, maxCount: 1 })).toMatchObject([
      {
        type: 'CommandDenied',
        data: { command: 'RegisterArtifact', refusal: 'role-missing', asked: { route: 'POST /v1/artifacts/artifacts' } },
      },
    ]);
    ok(await dev.post('/v1/artifacts/artifacts', artifact('role')));
  });

  it('takes the same key and body for the same request, and refuses the key for another', async () => {
    const key = { 'idempotency-key': 'register-1' };
    const first = await dev.post('/v1/artifacts/artifacts', artifact('key'), key);
    const again = await dev.post('/v1/artifacts/artifacts', artifact('key'), key);
    expect(again.text).toBe(first.text);
    refused(await dev.post('/v1/artifacts/artifacts', artifact('key', '2.0.0'), key), 422, 'idempotency-key-reused');
  });

  it('refuses a start while gates fail, names every one of them and what would unblock it', async () => {
    const { releaseId, environment } = await plannedRelease('gates');
    const dan = await app.person('dan', 'deployer');
    const answer = await dan.post('/v1/deployments/deployments', { releaseId, environment });
    refused(answer, 409, 'gates-not-passed');
    const reasons = answer.body.reasons as { code: string; unblockedBy: string; evidence: string[] }[];
    expect(reasons.map((r) => r.code)).toEqual(['gate-tests-passed-inconclusive', 'gate-approved-inconclusive']);
    for (const reason of reasons) {
      expect(reason.unblockedBy).toBeTruthy();
      expect(reason.evidence.length).toBeGreaterThan(0);
    }
  });

  it('refuses an approval by who wrote it, and by who has seen something else than what is there now', async () => {
    const { releaseId, environment } = await plannedRelease('tuple');
    const requested = ok(await manager.post('/v1/governance/approvals', { releaseId, environment }));
    const grant = `/v1/governance/approvals/${requested.id}/grant`;
    const { tupleHash } = (await anna.get(`/v1/governance/approvals/${requested.id}`)).body as { tupleHash: string };
    refused(await (await app.person('ada', 'approver')).post(grant, { tupleHash }), 403, 'duties-not-separated');
    refused(await anna.post(grant, { tupleHash: hex('0') }), 409, 'tuple-changed');
    ok(await dev.post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps: [step('a'), step('b')] }));
    const late = await anna.post(grant, { tupleHash });
    expect(late.status).toBe(409);
    expect(late.body.type).toMatch(/tuple-changed|approval-not-open/);
  });

  it('counts two accounts of one person as one', async () => {
    const { releaseId, environment } = await plannedRelease('person');
    const requested = ok(await manager.post('/v1/governance/approvals', { releaseId, environment }));
    const { tupleHash } = (await anna.get(`/v1/governance/approvals/${requested.id}`)).body as { tupleHash: string };
    // ada wrote it; her second account is linked to the same person.
    const admin = await app.person('ida', 'identity-admin');
    const person = '4b8f5d9e-0d0e-4a34-9a43-31a3f1d2c001';
    const second = await app.person('ian', 'identity-admin');
    ok(await admin.post('/v1/governance/persons', { person }));
    for (const subject of ['ada', 'ada-private']) {
      const link = { issuer: 'plimsoll-embedded', subject, person };
      ok(await admin.post('/v1/governance/accounts', link));
      ok(await second.post('/v1/governance/accounts/confirm', link));
    }
    const alias = await app.person('ada-private', 'approver');
    refused(await alias.post(`/v1/governance/approvals/${requested.id}/grant`, { tupleHash }), 403, 'duties-not-separated');
    ok(await anna.post(`/v1/governance/approvals/${requested.id}/grant`, { tupleHash }));
  });

  it('answers a query as of a time from the streams as they were then', async () => {
    const { releaseId } = await plannedRelease('as-of');
    const created = (await dev.get(`/v1/planning/releases/${releaseId}`)).body as { recordedAt: string };
    await new Promise((resolve) => setTimeout(resolve, 5));
    ok(await dev.post(`/v1/planning/releases/${releaseId}/plan`, { environment: 'other', steps: [step('a')] }));
    const then = await dev.get(`/v1/planning/releases/${releaseId}?asOf=${created.recordedAt}`);
    expect(Object.keys(then.body.plans as object)).toEqual(['e-as-of']);
    refused(await dev.get(`/v1/planning/releases/${releaseId}?asOf=2020-01-01T00:00:00Z`), 404, 'release-unknown');
    refused(await dev.get(`/v1/planning/releases/${releaseId}?asOf=yesterday`), 422, 'as-of-invalid');
  });
});
