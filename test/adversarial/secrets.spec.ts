import { createHash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';
import { storedIn } from '../support/stored-bytes.ts';

/** Secrets in what is sent. Each stands beside the same request without one, which is accepted. */
describe('secrets in payloads', () => {
  const body = 'aB3dE5gH7j'.repeat(4).slice(0, 36);
  // Put together, so that this file holds none.
  const TOKEN = `ghp_${body}`;
  const PASSWORD = 'correct-horse-9';
  const URL_WITH_PASSWORD = `https://deploy:${PASSWORD}@packages.example.org/shop`;
  let app: RunningApp;
  let ada: Person;
  let rita: Person;
  let anna: Person;
  let ci: Person;
  let releaseId: string;
  let approval: { readonly id: string; readonly tupleHash: string };
  const logged: string[] = [];

  const ok = (answer: Answer): Answer => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer;
  };
  const refused = (answer: Answer, field: string, kind: string): void => {
    expect({ status: answer.status, type: answer.body.type }).toEqual({
      status: 422,
      type: 'https://plimsoll.dev/problems/secret-in-payload',
    });
    expect(answer.body.reasons[0]).toMatchObject({ code: 'secret-in-payload', detail: `${field}: ${kind}` });
    for (const secret of [TOKEN, PASSWORD, body]) expect(answer.text).not.toContain(secret);
  };
  const nowhere = async (): Promise<void> => {
    for (const secret of [TOKEN, PASSWORD]) expect(await storedIn(app.plimsoll.infrastructure.pool, secret)).toEqual([]);
  };
  /** The denial that the refusal's answer points at. */
  const denial = async (answer: Answer) => {
    const position = BigInt(answer.headers.get('plimsoll-position') ?? '-1');
    return (await app.plimsoll.infrastructure.log.readAll({ after: position - 1n, maxCount: 1 }))[0];
  };
  const step = (input: object) => ({ id: 'a', driver: 'exec', action: 'noop', input, dependsOn: [] });
  const plan = (input: object): Promise<Answer> =>
    ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment: 'production', steps: [step(input)] });

  beforeAll(async () => {
    for (const level of ['error', 'warn', 'log'] as const) {
      jest.spyOn(Logger.prototype, level).mockImplementation((...said: unknown[]) => void logged.push(JSON.stringify(said)));
    }
    app = await startApp();
    ada = await app.person('ada', 'developer', 'policy-editor', 'release-manager', 'tester');
    rita = await app.person('rita', 'release-manager');
    anna = await app.person('anna', 'approver');
    ci = await app.person('ci', 'service');
    ok(
      await ada.post('/v1/governance/policies', {
        policyId: 'strict',
        title: 'Strict',
        gates: [{ gate: 'approved', quorum: 2 }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    ok(await rita.post('/v1/environments/environments', { environment: 'production', class: 'production', policyId: 'strict' }));
    const { body: artifact } = ok(
      await ada.post('/v1/artifacts/artifacts', {
        name: 'shop',
        version: '1.0.0',
        purl: 'pkg:npm/shop@1.0.0',
        digest: { algorithm: 'sha256', value: 'a'.repeat(64) },
        authors: ['plimsoll-embedded|ada'],
      }),
    );
    releaseId = ok(await ada.post('/v1/planning/releases', { product: 'shop', artifactIds: [artifact.id] })).body.id;
    ok(await plan({ url: 'https://packages.example.org/shop' }));
    const { id } = ok(await rita.post('/v1/governance/approvals', { releaseId, environment: 'production' })).body;
    approval = { id, tupleHash: (await anna.get(`/v1/governance/approvals/${id}`)).body.tupleHash };
  }, 60_000);
  afterAll(async () => {
    await app.stop();
    jest.restoreAllMocks();
  });

  it('in a comment: refused by field and kind, on record without it; the same comment without it counts', async () => {
    const grant = (comment: string) =>
      anna.post(`/v1/governance/approvals/${approval.id}/grant`, { tupleHash: approval.tupleHash, comment });
    const answer = await grant(`Fine. Use ${TOKEN} to pull it.`);
    refused(answer, 'comment', 'github-token');
    const recorded = await denial(answer);
    expect(recorded).toMatchObject({ type: 'CommandDenied', data: { command: 'GrantApproval', refusal: 'secret-in-payload' } });
    const { asked } = recorded?.data as { asked: { comment: string } };
    expect(await app.plimsoll.infrastructure.texts.reveal([asked.comment])).toEqual([
      'Fine. Use [secret removed: github-token] to pull it.',
    ]);
    await nowhere();
    ok(await grant(`Fine. Pull ${'a'.repeat(64)} of sha256:${'b'.repeat(64)} as pkg:npm/%40shop/x@1.0.0.`));
  });

  it('repeated under the same key: the same refusal, and nothing of it in what answers are kept in', async () => {
    const headers = { 'idempotency-key': 'one-key' };
    const command = { product: 'shop', artifactIds: [TOKEN] };
    const first = await ada.post('/v1/planning/releases', command, headers);
    expect([400, 422]).toContain(first.status);
    expect((await ada.post('/v1/planning/releases', command, headers)).body).toEqual(first.body);
    await nowhere();
  });

  it('in the name of a field that there is not: the complaint goes to who sent it, and is not kept', async () => {
    const answer = await ada.post('/v1/planning/releases', { product: 'shop', artifactIds: [], [TOKEN]: 1 }, { 'idempotency-key': 'k2' });
    expect(answer.status).toBe(400);
    await nowhere();
  });

  it('in the input of a step: refused, also in a URL and in a name; a reference to a secret is planned', async () => {
    refused(await plan({ source: { url: URL_WITH_PASSWORD } }), 'steps[0].input.source.url', 'url-with-password');
    refused(await plan({ headers: [{ token: TOKEN }] }), 'steps[0].input.headers[0].token', 'github-token');
    refused(await plan({ [TOKEN]: 'x' }), 'steps[0].input (name 1)', 'github-token');
    await nowhere();
    ok(await plan({ source: { url: 'https://packages.example.org/shop', tokenFrom: 'vault/packages#token' } }));
  });

  it('in a test report: refused by the failure that printed it; the same failure without it is recorded', async () => {
    const report = (message: string) =>
      `<testsuite name="u" tests="1"><testcase name="t"><failure message="${message}"/></testcase></testsuite>`;
    const send = (message: string) =>
      ada.post(`/v1/evidence/junit?releaseId=${releaseId}&artifactDigest=sha256:${'a'.repeat(64)}&suite=unit`, report(message), {
        'content-type': 'application/xml',
      });
    refused(await send(`401 for ${TOKEN}`), 'failed[0]', 'github-token');
    await nowhere();
    ok(await send('401 for a token'));
  });

  const event = (id: string, note: string) => ({
    specversion: '1.0',
    id,
    source: '/ci',
    type: 'org.example.build',
    data: { note },
  });
  const sendEvent = (payload: unknown) => ci.post('/v1/events', payload, { 'content-type': 'application/cloudevents+json' });

  it('in an outside event: kept as a dead letter without it and with the digest of what came; not taken by a redrive', async () => {
    const raw = JSON.stringify(event('e1', `token ${TOKEN}`));
    const answer = await sendEvent(raw);
    expect({ status: answer.status, type: answer.body.type }).toEqual({
      status: 422,
      type: 'https://plimsoll.dev/problems/secret-in-payload',
    });
    expect(answer.text).not.toContain(TOKEN);
    const id = answer.headers.get('plimsoll-rejection-id');
    const { rejected } = (await ci.get(`/v1/ingestion/outside-events/${id}`)).body;
    expect(rejected.redacted).toEqual({ sha256: createHash('sha256').update(raw).digest('hex'), kinds: ['github-token'] });
    expect(JSON.parse(Buffer.from(rejected.payload, 'base64').toString()).data).toEqual({ note: 'token [secret removed: github-token]' });
    await nowhere();

    const redriven = await ci.post(`/v1/ingestion/dead-letters/${id}/redrive`, {});
    ok(redriven);
    expect((await ci.get(`/v1/ingestion/outside-events/${id}`)).body.redriven).toMatchObject({
      outcome: 'rejected',
      detail: expect.stringContaining('must be sent again, without'),
    });
    expect(ok(await sendEvent(event('e1', 'token from the store'))).body[0]).toMatchObject({ disposition: 'kept' });
  });

  it('hidden by escapes or in what is no event at all: kept without it, too', async () => {
    const escaped = JSON.stringify(event('e2', TOKEN)).replace('ghp_', '\\u0067hp_');
    expect((await sendEvent(escaped)).status).toBe(422);
    const broken = await sendEvent(`{"id": "e3", "token": "${TOKEN}"`);
    expect(broken.status).toBe(400);
    const { rejected } = (await ci.get(`/v1/ingestion/outside-events/${broken.headers.get('plimsoll-rejection-id')}`)).body;
    expect(Buffer.from(rejected.payload, 'base64').toString()).toBe('{"id": "e3", "token": "[secret removed: github-token]"');
    await nowhere();
  });

  it('over the message bus: the dead letter tells the digest and not what it said, also in the copy on its topic', async () => {
    const { bus, pool } = app.plimsoll.infrastructure;
    const value = JSON.stringify(event('e4', TOKEN));
    await bus.publish('plimsoll.ingest.v1', [{ key: 'k', value, headers: { 'content-type': 'application/cloudevents+json' } }]);
    const letter = await eventually('the dead letter', async () => {
      const { rows } = await pool.query<{ value: Buffer; headers: Record<string, string>; forwarded_at: Date | null }>(
        'select value, headers, forwarded_at from messaging.dead_letters',
      );
      return rows[0]?.forwarded_at ? rows[0] : undefined;
    });
    expect(letter.value).toHaveLength(0);
    expect(letter.headers).toEqual({ 'plimsoll-withheld': `sha256:${createHash('sha256').update(value).digest('hex')}` });
    // What a stranger put on the bus is on the bus; nothing of ours says it again.
    const { rows } = await pool.query<{ topic: string }>(
      `select topic from messaging.messages where position($1 in convert_from(value, 'UTF8')) > 0`,
      [TOKEN],
    );
    expect(rows.map(({ topic }) => topic)).toEqual(['plimsoll.ingest.v1']);
  });

  it('are in no log', () => {
    for (const secret of [TOKEN, PASSWORD]) expect(logged.filter((line) => line.includes(secret))).toEqual([]);
  });
});
