import type { DecisionReceipt } from '#libs/contracts';
import { defaultPersonId } from '#libs/identity';
import { recheckReceipt } from '#libs/policy';
import { startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/** Attacks on the separation of duties by whom nobody thinks of: testers, policy editors, and accounts that turn out to be somebody's. */
describe('duties that one person would hold together', () => {
  const ISSUER = 'plimsoll-embedded';
  const DIGEST = 'a'.repeat(64);
  let app: RunningApp;
  const people: Record<string, Person> = {};
  const as = (name: string): Person => people[name] ?? fail(name);
  const fail = (name: string): never => {
    throw new Error(`Nobody is called ${name}.`);
  };
  const personId = (subject: string): string => defaultPersonId(ISSUER, subject);
  const ok = (answer: Answer): { id: string } => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer.body;
  };
  /** Refused for the gate alone, which names the two duties, and on record. */
  const notSeparated = async (answer: Answer, duties: string): Promise<void> => {
    expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 409 });
    expect(answer.body.reasons).toMatchObject([{ code: 'gate-duties-separated-fail', detail: expect.stringContaining(duties) }]);
    const position = BigInt(answer.headers.get('plimsoll-position') ?? '-1');
    const [denial] = await app.plimsoll.infrastructure.log.readAll({ after: position - 1n, maxCount: 1 });
    expect(denial).toMatchObject({ type: 'CommandDenied', data: { command: 'StartDeployment', refusal: 'gates-not-passed' } });
  };
  /** A release of ada's that pia's policy governs and rita asks approval for. */
  const waiting = async (name: string, apart?: readonly object[]) => {
    const environment = `e-${name}`;
    const gates = [{ gate: 'approved', quorum: 1 }, { gate: 'duties-separated', ...(apart ? { apart } : {}) }]; // prettier-ignore
    const rollbackGates = [{ gate: 'rollback-target-ran' }];
    ok(await as('pia').post('/v1/governance/policies', { policyId: `p-${name}`, title: name, gates, rollbackGates }));
    ok(await as('rita').post('/v1/environments/environments', { environment, class: 'production', policyId: `p-${name}` }));
    const { id } = ok(
      await as('ada').post('/v1/artifacts/artifacts', {
        name,
        version: '1.0.0',
        purl: `pkg:npm/${name}@1.0.0`,
        digest: { algorithm: 'sha256', value: DIGEST },
        authors: [`${ISSUER}|ada`],
      }),
    );
    const { id: releaseId } = ok(await as('ada').post('/v1/planning/releases', { product: name, artifactIds: [id] }));
    const steps = [{ id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] }];
    ok(await as('ada').post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps }));
    return { releaseId, environment };
  };
  type Waiting = Awaited<ReturnType<typeof waiting>>;
  const report = async (who: string, { releaseId }: Waiting): Promise<void> => {
    const query = new URLSearchParams({ releaseId, artifactDigest: `sha256:${DIGEST}`, suite: 'unit' });
    // The same bytes again would be the same report.
    const junit = `<testsuite name="unit" tests="1"><testcase classname="unit" name="adds for ${who}"/></testsuite>`;
    ok(await as(who).post(`/v1/evidence/junit?${query}`, junit, { 'content-type': 'application/xml' }));
  };
  const approve = async (who: string, about: Waiting): Promise<Answer> => {
    const { id } = ok(await as('rita').post('/v1/governance/approvals', about));
    const { tupleHash } = (await as('rita').get(`/v1/governance/approvals/${id}`)).body as { tupleHash: string };
    return await as(who).post(`/v1/governance/approvals/${id}/grant`, { tupleHash });
  };
  const start = (who: string, about: Waiting): Promise<Answer> => as(who).post('/v1/deployments/deployments', about);
  const link = async (subject: string, person: string): Promise<void> => {
    const account = { issuer: ISSUER, subject, person };
    ok(await as('ida').post('/v1/governance/persons', { person }));
    ok(await as('ida').post('/v1/governance/accounts', account));
    ok(await as('ian').post('/v1/governance/accounts/confirm', account));
  };
  const streamOf = async (stream: string) => (await app.plimsoll.infrastructure.log.readStream(stream)).events;

  beforeAll(async () => {
    // Without those who would carry a deployment out, or look at duties again: what counts here is the decision.
    app = await startApp({ PLIMSOLL_ROLES: 'api' });
    const roles: Record<string, readonly string[]> = {
      ada: ['developer', 'tester'],
      rita: ['release-manager'],
      anna: ['approver', 'tester'],
      otto: ['approver'],
      pia: ['policy-editor', 'approver', 'deployer'],
      dan: ['deployer'],
      tess: ['tester'],
      ida: ['identity-admin'],
      ian: ['identity-admin'],
      'ada-2': ['approver'],
      'dan-2': ['approver'],
    };
    for (const [name, held] of Object.entries(roles)) people[name] = await app.person(name, ...held);
  }, 60_000);
  afterAll(() => app.stop());

  it('who recorded the test report does not approve on it; whose report it is not does', async () => {
    const about = await waiting('tested');
    await report('anna', about);
    const refused = await approve('anna', about);
    expect(refused).toMatchObject({ status: 403, body: { type: 'https://plimsoll.dev/problems/duties-not-separated' } });
    expect(refused.text).toContain('approver-is-not-tester');
    ok(await approve('otto', about));
    ok(await start('dan', about));
  });

  it('who approved does not record the report afterwards on which it is deployed', async () => {
    const about = await waiting('tested-after');
    ok(await approve('anna', about));
    await report('anna', about);
    await notSeparated(await start('dan', about), 'is tester and approver');
    // A newer report of the suite, by somebody else, is what counts.
    await report('tess', about);
    ok(await start('dan', about));
  });

  it('who published the policy does not approve under it; and may do what it does not forbid', async () => {
    const about = await waiting('own-policy');
    const refused = await approve('pia', about);
    expect(refused).toMatchObject({ status: 403, body: { type: 'https://plimsoll.dev/problems/duties-not-separated' } });
    expect(refused.text).toContain('approver-is-not-policy-editor');
    ok(await approve('otto', about));
    ok(await start('pia', about));
  });

  it('a policy keeps apart what it names: its editor from deploying, and authors from testing', async () => {
    const editor = { id: 'editor-does-not-deploy', duties: ['policy-editor', 'deployer'] };
    const tester = { id: 'tester-is-not-author', duties: ['author', 'tester'] };
    const about = await waiting('own-rules', [editor, tester]);
    ok(await approve('otto', about));
    await notSeparated(await start('pia', about), 'is deployer and policy-editor');
    await report('ada', about);
    await notSeparated(await start('dan', about), 'is author and tester');
    await report('tess', about);
    ok(await start('dan', about));
  });

  it('an approver whose account turns out to be the author’s before it is deployed counts no more', async () => {
    const about = await waiting('alias');
    ok(await approve('ada-2', about));
    const other = await waiting('no-alias');
    ok(await approve('otto', other));
    await link('ada', personId('ada'));
    await link('ada-2', personId('ada'));
    await notSeparated(await start('dan', about), 'is author and approver');
    ok(await start('dan', other));
  });

  it('one person with two accounts is one of two approvers, once that is known', async () => {
    const about = await waiting('twice');
    const { id } = ok(await as('rita').post('/v1/governance/approvals', about));
    const { tupleHash } = (await as('rita').get(`/v1/governance/approvals/${id}`)).body as { tupleHash: string };
    ok(await as('dan-2').post(`/v1/governance/approvals/${id}/grant`, { tupleHash }));
    await link('dan-2', personId('dan'));
    await link('dan', personId('dan'));
    await notSeparated(await start('dan', about), 'is approver and deployer');
    const { id: deployment } = ok(await start('pia', about));
    // The receipt cites the accounts by which that was known, and comes out the same when it is executed again.
    const [started] = await streamOf(`deployment-${deployment}`);
    const { receipt } = started?.data as { receipt: DecisionReceipt };
    expect(receipt.inputs.filter((input) => input.startsWith('account-')).length).toBeGreaterThanOrEqual(4);
    expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
  });
});
