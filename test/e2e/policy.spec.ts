import type { DecisionReceipt } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { canonicalJson, recheckReceipt } from '#libs/policy';
import { personId } from '../adversarial/stage.ts';
import { startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/** From a policy with gates of its own to a receipt that is executed again, over HTTP and on the log of the running program. */
describe('a policy with gates of its own', () => {
  let app: RunningApp;
  let max: Person;
  let ada: Person;
  let rita: Person;
  let dan: Person;
  const hex = (c: string): string => c.repeat(64);
  const ok = <T = { id: string }>(answer: Answer): T => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer.body as T;
  };
  const rollbackGates = [{ gate: 'rollback-target-ran' }];
  const publish = (policyId: string, gates: unknown, more: object = {}): Promise<Answer> =>
    max.post('/v1/governance/policies', { policyId, title: policyId, gates, rollbackGates, ...more });
  const steps = [{ id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] }];
  const released = async (name: string, regimes?: readonly string[]): Promise<{ releaseId: string; environment: string }> => {
    ok(
      await rita.post('/v1/environments/environments', {
        environment: `e-${name}`,
        class: 'production',
        policyId: `p-${name}`,
        ...(regimes ? { regimes } : {}),
      }),
    );
    const { id } = ok(
      await ada.post('/v1/artifacts/artifacts', {
        name,
        version: '1.0.0',
        purl: `pkg:npm/${name}@1.0.0`,
        digest: { algorithm: 'sha256', value: hex('a') },
        authors: ['plimsoll-embedded|ada'],
      }),
    );
    const { id: releaseId } = ok(await ada.post('/v1/planning/releases', { product: name, artifactIds: [id] }));
    ok(await ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment: `e-${name}`, steps }));
    return { releaseId, environment: `e-${name}` };
  };
  const streamOf = async (stream: string): Promise<readonly StoredEvent[]> =>
    (await app.plimsoll.infrastructure.log.readStream(stream)).events;
  const receiptOf = async (deploymentId: string): Promise<DecisionReceipt> => {
    const [started] = await streamOf(`deployment-${deploymentId}`);
    return (started?.data as { receipt: DecisionReceipt }).receipt;
  };

  beforeAll(async () => {
    // Without those who would carry a deployment out: what counts here is the decision.
    app = await startApp({ PLIMSOLL_ROLES: 'api' });
    max = await app.person('max', 'policy-editor');
    ada = await app.person('ada', 'developer');
    rita = await app.person('rita', 'release-manager');
    dan = await app.person('dan', 'deployer');
  });
  afterAll(() => app.stop());

  it('lets through what they let through, and refuses with their reasons and what would unblock it, soonest first', async () => {
    ok(
      await publish('p-own', [
        { gate: 'artifacts-registered' },
        { gate: 'tests-passed' },
        { gate: 'expression:small', expression: 'artifacts.count <= 3' },
        { gate: 'expression:never-alone', expression: 'release.version != "0"', unblockedBy: 'Assign a version.' },
        { gate: 'approved', quorum: 2 },
      ]),
    );
    const target = await released('own');
    const refused = await dan.post('/v1/deployments/deployments', target);
    expect(refused.status).toBe(409);
    const reasons = refused.body.reasons as { code: string; detail: string; unblockedBy: string }[];
    expect(reasons.map((r) => r.code)).toEqual([
      'gate-tests-passed-inconclusive',
      'gate-approved-inconclusive',
      'gate-expression:never-alone-inconclusive',
    ]);
    expect(reasons[2]).toMatchObject({ detail: 'Not known: release.version.', unblockedBy: 'Assign a version.' });

    ok(await publish('p-own', [{ gate: 'artifacts-registered' }, { gate: 'expression:small', expression: 'artifacts.count <= 3' }]));
    const started = ok(await dan.post('/v1/deployments/deployments', target));
    expect(await receiptOf(started.id)).toMatchObject({
      engine: expect.stringContaining('cel/'),
      policyVersion: 2,
      verdict: 'pass',
      gates: [{ gate: 'artifacts-registered' }, { gate: 'expression:small', verdict: 'pass', detail: 'It holds: artifacts.count <= 3' }],
    });
  });

  it('is not published where only who publishes it or who has left could approve, with a sentence for each, and is once somebody else can', async () => {
    const ida = await app.person('ida', 'identity-admin');
    const member = async (person: string) => ok(await ida.post('/v1/governance/groups/duo/members', { person }));
    const lea = '00000000-0000-4000-8000-00000000001e';
    ok(await ida.post('/v1/governance/groups', { group: 'duo', title: 'Two' }));
    ok(await ida.post('/v1/governance/persons', { person: lea }));
    for (const person of [lea, personId('max')]) await member(person);
    ok(await ida.post(`/v1/governance/persons/${lea}/leave`, { reason: 'She moved on.' }));
    const gates = [{ gate: 'approved', quorum: 1, groups: [{ group: 'duo', quorum: 1 }] }];
    const refused = await publish('p-duo', gates);
    expect([refused.status, refused.body.type]).toEqual([422, 'https://plimsoll.dev/problems/gate-unsatisfiable']);
    const [reason] = refused.body.reasons as { detail: string }[];
    expect(reason?.detail).toContain(`${lea} has left.`);
    expect(reason?.detail).toContain(`${personId('max')} publishes the policy, and so does not approve under it.`);
    // Somebody else may publish the very same.
    ok(
      await (
        await app.person('mia', 'policy-editor')
      ).post('/v1/governance/policies', { policyId: 'p-duo', title: 'p-duo', gates, rollbackGates }),
    );
    await member(personId('anna'));
    ok(await publish('p-two', gates));
  });

  it('asks for more under a regime, and counts only from its instant on', async () => {
    ok(
      await publish('p-sox', [{ gate: 'artifacts-registered' }], {
        clauses: [{ when: { regimes: ['SOX'] }, gates: [{ gate: 'version-assigned' }] }],
      }),
    );
    const target = await released('sox', ['SOX']);
    expect((await dan.post('/v1/deployments/deployments', target)).body.reasons).toMatchObject([
      { code: 'gate-version-assigned-inconclusive' },
    ]);
    ok(await publish('p-sox', [{ gate: 'artifacts-registered' }], { effectiveFrom: '2126-01-01T00:00:00Z' }));
    expect((await dan.post('/v1/deployments/deployments', target)).status).toBe(409);
    ok(await publish('p-sox', [{ gate: 'artifacts-registered' }]));
    expect((await dan.post('/v1/deployments/deployments', target)).status).toBe(201);
  });

  it('asks for more approvals by regime and risk, of what was not declared for the most, and says in the receipt what counted', async () => {
    const approved = (quorum: number): object[] => [{ gate: 'approved', quorum }];
    const clauses = [
      { when: { riskClasses: ['medium', 'high'] }, gates: approved(2) },
      { when: { regimes: ['SOX'], riskClasses: ['high'] }, gates: approved(3) },
    ];
    const riskFloors = [{ when: { regimes: ['SOX'] }, atLeast: 'medium' }];
    expect((await publish('p-risk', approved(1), { clauses: clauses.slice(1), riskFloors: [{ when: {}, atLeast: 'low' }] })).status).toBe(
      400,
    );
    ok(await publish('p-risk', approved(1), { clauses, riskFloors }));
    const target = await released('risk', ['SOX']);
    const asked = async (riskClass?: string): Promise<{ id: string; eligible: Answer['body'] }> => {
      ok(
        await ada.post(`/v1/planning/releases/${target.releaseId}/plan`, {
          environment: target.environment,
          steps,
          ...(riskClass ? { riskClass } : {}),
        }),
      );
      const { id } = ok(await rita.post('/v1/governance/approvals', target));
      return { id, eligible: (await rita.get(`/v1/governance/approvals/${id}/eligible`)).body };
    };
    expect((await asked()).eligible).toMatchObject({ needed: 3, risk: { declared: 'undeclared', floor: 'medium', effective: 'high' } });
    expect((await asked('high')).eligible).toMatchObject({ needed: 3, risk: { declared: 'high' } });
    const low = await asked('low');
    expect(low.eligible).toMatchObject({ needed: 2, risk: { declared: 'low', floor: 'medium', effective: 'medium' } });
    expect(
      (await ada.post(`/v1/planning/releases/${target.releaseId}/plan`, { environment: target.environment, steps, riskClass: 'none' }))
        .status,
    ).toBe(400);

    const { tupleHash } = (await rita.get(`/v1/governance/approvals/${low.id}`)).body as { tupleHash: string };
    const grant = async (subject: string) =>
      ok(await (await app.person(subject, 'approver')).post(`/v1/governance/approvals/${low.id}/grant`, { tupleHash }));
    await grant('anna');
    expect((await dan.post('/v1/deployments/deployments', target)).body.reasons).toMatchObject([
      { code: 'gate-approved-inconclusive', detail: '1 of 2 persons approved.' },
    ]);
    await grant('otto');
    const receipt = await receiptOf(ok(await dan.post('/v1/deployments/deployments', target)).id);
    expect(receipt.risk).toEqual({
      declared: 'low',
      floor: 'medium',
      effective: 'medium',
      detail: 'Its risk was declared low, and the policy judges it as medium at least here.',
    });
    expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
  });

  it('leaves receipts that come out the same, byte for byte, when they are executed again, and say so when they do not', async () => {
    const opening = 'now > timestamp("2020-01-01T00:00:00Z") && change.deployer != ""';
    ok(await publish('p-again', [{ gate: 'artifacts-registered' }, { gate: 'expression:own', expression: opening }]));
    const target = await released('again');
    const { id } = ok(await dan.post('/v1/deployments/deployments', target));
    const receipt = await receiptOf(id);
    // What comes later changes nothing: the streams are cut where the receipt says.
    ok(await publish('p-again', [{ gate: 'tests-passed' }]));
    const again = await recheckReceipt(receipt, streamOf);
    expect(again.outcome).toBe('same');
    expect(again.outcome === 'same' && canonicalJson(again.receipt)).toBe(canonicalJson(receipt));

    const claimed: DecisionReceipt = { ...receipt, subject: { ...receipt.subject!, deployer: 'somebody-else' } };
    expect(await recheckReceipt(claimed, streamOf)).toMatchObject({
      outcome: 'different',
      differences: [expect.stringContaining('factsHash')],
    });
    const forged: DecisionReceipt = { ...receipt, gates: receipt.gates.map((g) => ({ ...g, verdict: 'fail' as const })) };
    expect(await recheckReceipt(forged, streamOf)).toMatchObject({ outcome: 'different' });
    const uncited: DecisionReceipt = { ...receipt, inputs: receipt.inputs.slice(1) };
    expect(await recheckReceipt(uncited, streamOf)).toMatchObject({ outcome: 'different' });
    const edited = async (stream: string): Promise<readonly StoredEvent[]> =>
      (await streamOf(stream)).map((e) => (e.type === 'ReleaseComposed' ? { ...e, data: { ...(e.data as object), product: 'other' } } : e));
    expect(await recheckReceipt(receipt, edited)).toMatchObject({ outcome: 'different' });
    const truncated = async (stream: string): Promise<readonly StoredEvent[]> =>
      stream.startsWith('release-') ? [] : await streamOf(stream);
    expect(await recheckReceipt(receipt, truncated)).toMatchObject({ outcome: 'different' });
    expect(await recheckReceipt({ ...receipt, engine: 'plimsoll-gates/1' }, streamOf)).toMatchObject({ outcome: 'unknowable' });
  });
});
