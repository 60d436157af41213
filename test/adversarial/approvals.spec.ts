import type { DecisionReceipt } from '#libs/contracts';
import { defaultPersonId } from '#libs/identity';
import { recheckReceipt } from '#libs/policy';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/** Attacks on approvals and on break-glass, over HTTP. Each stands beside the request like it that is legitimate, which is accepted. */
describe('approvals and break-glass under attack', () => {
  let app: RunningApp;
  let ada: Person;
  let rita: Person;
  let anna: Person;
  let otto: Person;
  let dan: Person;
  let ida: Person;

  const hex = (c: string): string => c.repeat(64);
  const personId = (subject: string): string => defaultPersonId('plimsoll-embedded', subject);
  const ok = (answer: Answer): { id: string; revision: number; repeated?: boolean } => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer.body;
  };
  const refused = (answer: Answer, status: number, type: string): { reasons: { code: string; unblockedBy?: string }[] } => {
    expect({ status: answer.status, type: answer.body.type, text: answer.text }).toMatchObject({
      status,
      type: `https://plimsoll.dev/problems/${type}`,
    });
    return answer.body;
  };
  /** A refusal that is on record, as its answer's position says. */
  const denied = async (answer: Answer, status: number, type: string): Promise<void> => {
    refused(answer, status, type);
    const position = BigInt(answer.headers.get('plimsoll-position') ?? '-1');
    const [denial] = await app.plimsoll.infrastructure.log.readAll({ after: position - 1n, maxCount: 1 });
    expect(denial).toMatchObject({ type: 'CommandDenied', data: { refusal: type } });
  };
  const step = (id: string) => ({ id, driver: 'exec', action: 'noop', input: {}, dependsOn: [] });
  const artifact = async (name: string, version: string, digest: string): Promise<string> =>
    ok(
      await ada.post('/v1/artifacts/artifacts', {
        name,
        version,
        purl: `pkg:npm/${name}@${version}`,
        digest: { algorithm: 'sha256', value: hex(digest) },
        authors: ['plimsoll-embedded|ada'],
      }),
    ).id;
  const groupOf = async (name: string, ...subjects: string[]): Promise<void> => {
    ok(await ida.post('/v1/governance/groups', { group: name, title: name }));
    for (const subject of subjects) ok(await ida.post(`/v1/governance/groups/${name}/members`, { person: personId(subject) }));
  };
  interface Planned {
    readonly name: string;
    readonly releaseId: string;
    readonly environment: string;
    readonly artifactIds: readonly string[];
  }
  /** A release of ada's, planned for an environment of its own. */
  const planned = async (name: string, approved: object = { quorum: 1 }, more: readonly object[] = []): Promise<Planned> => {
    const max = await app.person('max', 'policy-editor');
    ok(
      await max.post('/v1/governance/policies', {
        policyId: `p-${name}`,
        title: name,
        gates: [{ gate: 'approved', ...approved }, { gate: 'duties-separated' }, ...more],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    const environment = `e-${name}`;
    ok(await rita.post('/v1/environments/environments', { environment, class: 'production', policyId: `p-${name}` }));
    const artifactIds = [await artifact(name, '1.0.0', 'a')];
    const { id: releaseId } = ok(await ada.post('/v1/planning/releases', { product: name, artifactIds }));
    ok(await ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps: [step('a')] }));
    return { name, releaseId, environment, artifactIds };
  };
  const request = async ({ releaseId, environment }: Planned): Promise<{ id: string; tupleHash: string }> => {
    const { id } = ok(await rita.post('/v1/governance/approvals', { releaseId, environment }));
    return { id, tupleHash: ((await anna.get(`/v1/governance/approvals/${id}`)).body as { tupleHash: string }).tupleHash };
  };
  const grant = (who: Person, { id, tupleHash }: { id: string; tupleHash: string }): Promise<Answer> =>
    who.post(`/v1/governance/approvals/${id}/grant`, { tupleHash });
  const start = (who: Person, { releaseId, environment }: Planned, bypassId?: string): Promise<Answer> =>
    who.post('/v1/deployments/deployments', { releaseId, environment, ...(bypassId ? { bypassId } : {}) });
  const breakGlass = (who: Person, { releaseId, environment }: Planned, changes: object = {}): Promise<Answer> =>
    who.post('/v1/governance/bypasses', { releaseId, environment, gates: ['approved'], justification: 'Payments are down.', ...changes });
  const bypassOnRecord = (id: string, when: (bypass: { uses: unknown[]; overdue: boolean }) => boolean) =>
    eventually(`bypass ${id}`, async () => {
      const { body } = await anna.get(`/v1/governance/bypasses/${id}`);
      return when(body as { uses: unknown[]; overdue: boolean }) ? (body as Record<string, unknown>) : undefined;
    });

  beforeAll(async () => {
    app = await startApp();
    ada = await app.person('ada', 'developer', 'approver', 'deployer');
    rita = await app.person('rita', 'release-manager', 'approver');
    anna = await app.person('anna', 'approver', 'deployer');
    otto = await app.person('otto', 'approver');
    dan = await app.person('dan', 'deployer');
    ida = await app.person('ida', 'identity-admin');
  });
  afterAll(() => app.stop());

  it('self-approval: neither who wrote nor who requested it approves it, and somebody else does', async () => {
    const asked = await request(await planned('self'));
    await denied(await grant(ada, asked), 403, 'duties-not-separated');
    await denied(await grant(rita, asked), 403, 'duties-not-separated');
    ok(await grant(anna, asked));
  });

  it('who planned, composed, registered or built it approves it, naming another as its author: refused, and somebody else does', async () => {
    const [abe, bob, cat] = [
      await app.person('abe', 'developer', 'approver'),
      await app.person('bob', 'developer', 'approver'),
      await app.person('cat', 'developer', 'approver'),
    ];
    const release = await planned('hands');
    const body = { name: 'hands', version: '2.0.0', purl: 'pkg:npm/hands@2.0.0', digest: { algorithm: 'sha256', value: hex('c') } };
    const { id: artifactId } = ok(await abe.post('/v1/artifacts/artifacts', { ...body, authors: [] }));
    const { id: releaseId } = ok(await bob.post('/v1/planning/releases', { product: 'hands', artifactIds: [artifactId] }));
    const own = { ...release, releaseId };
    ok(await cat.post(`/v1/planning/releases/${releaseId}/plan`, { environment: own.environment, steps: [step('a')] }));
    const asked = await request(own);
    const eve = await app.person('eve', 'approver');
    const built = { ...body, name: 'built', purl: 'pkg:npm/built@2.0.0', builder: 'plimsoll-embedded|eve' };
    const { id: builtId } = ok(await ada.post('/v1/artifacts/artifacts', { ...built, authors: [] }));
    const { id: builtRelease } = ok(await ada.post('/v1/planning/releases', { product: 'hands', artifactIds: [builtId] }));
    ok(await ada.post(`/v1/planning/releases/${builtRelease}/plan`, { environment: own.environment, steps: [step('a')] }));
    const ofBuilt = await request({ ...own, releaseId: builtRelease });
    await denied(await grant(eve, ofBuilt), 403, 'duties-not-separated');
    ok(await grant(anna, ofBuilt));
    for (const hand of [abe, bob, cat]) await denied(await grant(hand, asked), 403, 'duties-not-separated');
    ok(await grant(anna, asked));
    ok(await start(dan, own));
  });

  it('understated risk: declaring it low where the policy judges it as more gets it past no quorum, and the quorum does', async () => {
    const max = await app.person('max', 'policy-editor');
    const release = await planned('understated');
    const { environment, releaseId } = release;
    ok(
      await max.post('/v1/governance/policies', {
        policyId: 'p-understated',
        title: 'understated',
        gates: [{ gate: 'approved', quorum: 1 }, { gate: 'duties-separated' }],
        clauses: [{ when: { riskClasses: ['high'] }, gates: [{ gate: 'approved', quorum: 2 }] }],
        riskFloors: [{ when: { environmentClasses: ['production'], regimes: ['SOX'] }, atLeast: 'high' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    ok(
      await rita.post('/v1/environments/environments', {
        environment,
        class: 'production',
        policyId: 'p-understated',
        regimes: ['SOX'],
      }),
    );
    const plan = (riskClass: string): Promise<Answer> =>
      ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps: [step('a')], riskClass });
    ok(await plan('low'));
    const asked = await request(release);
    ok(await grant(anna, asked));
    await denied(await start(dan, release), 409, 'gates-not-passed');
    ok(await grant(otto, asked));
    const { id } = ok(await start(dan, release));
    const [started] = (await app.plimsoll.infrastructure.log.readStream(`deployment-${id}`)).events;
    expect((started?.data as { receipt: DecisionReceipt }).receipt.risk).toMatchObject({
      declared: 'low',
      floor: 'high',
      effective: 'high',
    });
  });

  it('understated risk: lowering it after the approval voids the approval, which counts for the risk that was approved', async () => {
    const release = await planned('lowered');
    const plan = (riskClass: string): Promise<Answer> =>
      ada.post(`/v1/planning/releases/${release.releaseId}/plan`, { environment: release.environment, steps: [step('a')], riskClass });
    ok(await plan('high'));
    const asked = await request(release);
    ok(await grant(anna, asked));
    ok(await plan('low'));
    await denied(await start(dan, release), 409, 'gates-not-passed');
    await eventually('the voiding', async () =>
      ((await anna.get(`/v1/governance/approvals/${asked.id}`)).body as { outcome: string }).outcome === 'voided' ? true : undefined,
    );
    ok(await plan('high'));
    ok(await grant(anna, await request(release)));
    ok(await start(dan, release));
  });

  it('edit after approval: what was approved is not what would be deployed, until it is approved anew', async () => {
    const release = await planned('edited');
    const asked = await request(release);
    ok(await grant(anna, asked));
    ok(
      await ada.post(`/v1/planning/releases/${release.releaseId}/plan`, {
        environment: release.environment,
        steps: [step('a'), step('b')],
      }),
    );
    await denied(await start(dan, release), 409, 'gates-not-passed');
    await eventually('the voiding', async () =>
      ((await anna.get(`/v1/governance/approvals/${asked.id}`)).body as { outcome: string }).outcome === 'voided' ? true : undefined,
    );
    ok(await grant(anna, await request(release)));
    ok(await start(dan, release));
  });

  it('approval replayed on another digest, environment or plan: it counts for its own tuple only', async () => {
    const release = await planned('replayed');
    const old = await request(release);
    ok(await grant(anna, old));
    // Another digest.
    const other = await artifact('replayed', '1.0.1', 'b');
    ok(await ada.post(`/v1/planning/releases/${release.releaseId}/amend`, { artifactIds: [other] }));
    await denied(await start(dan, release), 409, 'gates-not-passed');
    const fresh = await request(release);
    await denied(await grant(anna, { id: fresh.id, tupleHash: old.tupleHash }), 409, 'tuple-changed');
    // Another environment: the hash of the one is no approval of the other.
    const elsewhere = await planned('replayed-elsewhere');
    const there = await request(elsewhere);
    await denied(await grant(anna, { id: there.id, tupleHash: fresh.tupleHash }), 409, 'tuple-changed');
    await denied(await start(dan, elsewhere), 409, 'gates-not-passed');
    // Another configuration of the same environment.
    const max = await app.person('max', 'policy-editor');
    ok(await grant(anna, fresh));
    ok(
      await max.post('/v1/governance/policies', {
        policyId: 'p-replayed',
        title: 'Stricter',
        gates: [{ gate: 'approved', quorum: 1 }, { gate: 'duties-separated' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    await denied(await start(dan, release), 409, 'gates-not-passed');
    await eventually('the voiding', async () =>
      ((await anna.get(`/v1/governance/approvals/${fresh.id}`)).body as { outcome: string }).outcome === 'voided' ? true : undefined,
    );
    ok(await grant(anna, await request(release)));
    ok(await start(dan, release));
  });

  it('racing approvals: the last two approvers at once both count, and one who hurries counts once', async () => {
    const release = await planned('racing', { quorum: 2 });
    const asked = await request(release);
    const answers = await Promise.all([grant(anna, asked), grant(otto, asked), grant(anna, asked), grant(otto, asked), grant(ada, asked)]);
    expect(answers.slice(0, 4).map((a) => a.status < 300)).toEqual([true, true, true, true]);
    await denied(answers[4]!, 403, 'duties-not-separated');
    const { approvers } = (await anna.get(`/v1/governance/approvals/${asked.id}`)).body as { approvers: string[] };
    expect([...approvers].sort()).toEqual([personId('anna'), personId('otto')].sort());
    ok(await start(dan, release));
  });

  it('racing edit: whichever of approval and edit comes first, nothing is deployed that nobody approved', async () => {
    const release = await planned('racing-edit');
    const asked = await request(release);
    await Promise.all([
      grant(anna, asked),
      ada.post(`/v1/planning/releases/${release.releaseId}/plan`, { environment: release.environment, steps: [step('sly')] }),
    ]);
    await denied(await start(dan, release), 409, 'gates-not-passed');
    ok(await grant(anna, await request(release)));
    ok(await start(dan, release));
  });

  it('one person in two groups: she fills one place, and the other takes another person', async () => {
    await groupOf('risk', 'anna', 'ada');
    await groupOf('security', 'anna', 'otto');
    const groups = [{ group: 'risk', quorum: 1 }, { group: 'security', quorum: 1 }]; // prettier-ignore
    const release = await planned('groups', { quorum: 1, groups });
    const asked = await request(release);
    ok(await grant(anna, asked));
    const { reasons } = refused(await start(dan, release), 409, 'gates-not-passed');
    expect(reasons[0]?.unblockedBy).toContain(`1 more of group security must approve (${personId('otto')} can).`);
    const eligible = (await anna.get(`/v1/governance/approvals/${asked.id}/eligible`)).body as Record<string, unknown>;
    expect(eligible).toMatchObject({
      needed: 2,
      missing: 1,
      canApprove: [{ group: 'risk', persons: [] }, { persons: [personId('otto')] }],
    });
    // Who wrote and who requested it, and who published its policy.
    const excluded = (eligible['excluded'] as { person: string }[]).map((e) => e.person);
    expect(excluded.sort()).toEqual(['ada', 'max', 'rita'].map(personId).sort());
    await denied(await grant(await app.person('zoe', 'approver'), asked), 403, 'not-in-approving-group');
    ok(await grant(otto, asked));
    const { id } = ok(await start(dan, release));
    const stored = async (stream: string) => (await app.plimsoll.infrastructure.log.readStream(stream)).events;
    const { receipt } = (await stored(`deployment-${id}`))[0]?.data as { receipt: DecisionReceipt };
    expect(receipt.inputs).toEqual(expect.arrayContaining(['group-risk@2', 'group-security@2']));
    expect(await recheckReceipt(receipt, stored)).toMatchObject({ outcome: 'same' });
  });

  it('a quorum that a regime asks for: its clause takes one more, from its own group', async () => {
    await groupOf('sox', 'otto');
    const max = await app.person('max', 'policy-editor');
    ok(
      await max.post('/v1/governance/policies', {
        policyId: 'p-regime',
        title: 'By regime',
        gates: [{ gate: 'approved', quorum: 1 }, { gate: 'duties-separated' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
        clauses: [{ when: { regimes: ['SOX'] }, gates: [{ gate: 'approved', quorum: 2, groups: [{ group: 'sox', quorum: 1 }] }] }],
      }),
    );
    const artifactIds = [await artifact('regime', '1.0.0', 'a')];
    const { id: releaseId } = ok(await ada.post('/v1/planning/releases', { product: 'regime', artifactIds }));
    for (const [environment, regimes] of [
      ['e-plain', ['none']],
      ['e-sox', ['SOX']],
    ] as const) {
      ok(await rita.post('/v1/environments/environments', { environment, class: 'production', policyId: 'p-regime', regimes }));
      ok(await ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps: [step('a')] }));
      const release = { name: 'regime', releaseId, environment, artifactIds };
      const asked = await request(release);
      ok(await grant(anna, asked));
      if (environment === 'e-sox') {
        await denied(await start(dan, release), 409, 'gates-not-passed');
        ok(await grant(otto, asked));
      }
      ok(await start(dan, release));
    }
  });

  it('a group of one\u2019s own: nobody takes herself in, and another does', async () => {
    await groupOf('board');
    await denied(await ida.post('/v1/governance/groups/board/members', { person: personId('ida') }), 403, 'own-membership');
    const ivo = await app.person('ivo', 'identity-admin');
    ok(await ivo.post('/v1/governance/groups/board/members', { person: personId('ida') }));
    const then = (await ida.get('/v1/governance/groups/board')).body as { members: string[]; recordedAt: string };
    expect(then.members).toEqual([personId('ida')]);
    ok(await ivo.post('/v1/governance/groups/board/members/remove', { person: personId('ida'), reason: 'Moved.' }));
    expect(((await ida.get('/v1/governance/groups/board')).body as { members: string[] }).members).toEqual([]);
    expect(((await ida.get(`/v1/governance/groups/board?asOf=${then.recordedAt}`)).body as typeof then).members).toEqual([personId('ida')]);
  });

  it('a policy that its groups can\u2019t satisfy does not publish, and one that they can does', async () => {
    await groupOf('duo', 'anna');
    await groupOf('solo', 'anna');
    const max = await app.person('max', 'policy-editor');
    const policy = (...groups: object[]) => ({
      policyId: 'p-unsatisfiable',
      title: 'Unsatisfiable',
      gates: [{ gate: 'approved', quorum: 1, groups }],
      rollbackGates: [{ gate: 'rollback-target-ran' }],
    });
    // The same person would have to count twice.
    const both = policy({ group: 'duo', quorum: 1 }, { group: 'solo', quorum: 1 });
    await denied(await max.post('/v1/governance/policies', both), 422, 'gate-unsatisfiable');
    ok(await max.post('/v1/governance/policies', policy({ group: 'duo', quorum: 1 })));
  });

  it('approver deploys: who approved does not deploy, and another does', async () => {
    const release = await planned('deployer');
    ok(await grant(anna, await request(release)));
    const { reasons } = refused(await start(anna, release), 409, 'gates-not-passed');
    expect(reasons.map((r) => r.code)).toContain('gate-duties-separated-fail');
    ok(await start(dan, release));
  });

  it('a withdrawn approval: it counts no more, is nobody else\u2019s to withdraw, and not when the deployment has started', async () => {
    const release = await planned('withdrawn');
    const asked = await request(release);
    const withdraw = (who: Person) =>
      who.post(`/v1/governance/approvals/${asked.id}/withdraw`, { tupleHash: asked.tupleHash, reason: 'The canary looks worse.' });
    ok(await grant(anna, asked));
    await denied(await withdraw(otto), 409, 'not-approved');
    ok(await withdraw(anna));
    await denied(await start(dan, release), 409, 'gates-not-passed');
    ok(await grant(anna, asked));
    const { id } = ok(await start(dan, release));
    await eventually('the start', async () =>
      ['started', 'halted'].includes(((await dan.get(`/v1/deployments/deployments/${id}`)).body as { status: string }).status)
        ? undefined
        : true,
    );
    await denied(await withdraw(anna), 409, 'deployment-started');
  });

  it.each([
    ['blank', '   \n\t '],
    ['zero-width', '\u200b\u200c\u2060\ufeff'],
    ['of Hangul fillers, which Unicode calls letters', '\u3164\u115f\uffa0'],
    ['of tags and variation selectors', '\u{e0041}\ufe0f\u00ad'],
  ])('a justification that is %s is none, and one that says something is one', async (_what, justification) => {
    const release = await planned(`blank-${Buffer.from(justification).toString('hex').slice(0, 12)}`);
    refused(await breakGlass(dan, release, { justification }), 400, 'validation');
    ok(await breakGlass(dan, release, { justification: '\u200bOutage' }));
  });

  it('a bypass that waives duties is refused, and lifts no duty where it waives the approval', async () => {
    const release = await planned('duties');
    await denied(await breakGlass(dan, release, { gates: ['approved', 'duties-separated'] }), 403, 'gate-not-waivable');
    const { id } = ok(await breakGlass(dan, release));
    ok(await grant(anna, await request(release)));
    const { reasons } = refused(await start(anna, release, id), 409, 'gates-not-passed');
    expect(reasons.map((r) => r.code)).toEqual(['gate-duties-separated-fail']);
    ok(await start(dan, release, id));
  });

  it('a bypass is used for its own tuple only, is written on the receipt, and its review is somebody else\u2019s', async () => {
    const release = await planned('bypass');
    const elsewhere = await planned('bypass-elsewhere');
    await denied(await start(dan, release), 409, 'gates-not-passed');
    const { id } = ok(await breakGlass(dan, release));
    await denied(await start(dan, elsewhere, id), 409, 'bypass-not-valid');
    await denied(await start(dan, release, '4b8f5d9e-0d0e-4a34-9a43-31a3f1d2c00f'), 409, 'bypass-not-valid');
    await denied(
      await anna.post(`/v1/governance/bypasses/${id}/review`, { outcome: 'approved', findings: 'Early.' }),
      409,
      'bypass-not-used',
    );
    const deployment = ok(await start(dan, release, id));
    const events = (await app.plimsoll.infrastructure.log.readStream(`deployment-${deployment.id}`)).events;
    expect(events[0]?.data).toMatchObject({
      bypassId: id,
      receipt: {
        verdict: 'pass',
        gates: [
          { gate: 'approved', verdict: 'inconclusive', waivedBy: id },
          { gate: 'duties-separated', verdict: 'pass' },
        ],
      },
    });
    const { receipt } = events[0]?.data as { receipt: DecisionReceipt };
    const stored = async (stream: string) => (await app.plimsoll.infrastructure.log.readStream(stream)).events;
    expect(await recheckReceipt(receipt, stored)).toMatchObject({ outcome: 'same' });
    await eventually('the confirmation', async () =>
      (await app.plimsoll.infrastructure.log.readStream(`deployment-${deployment.id}`)).events.some((e) => e.type === 'DeploymentConfirmed')
        ? true
        : undefined,
    );
    // Another configuration: the plan has changed since.
    ok(await ada.post(`/v1/planning/releases/${release.releaseId}/plan`, { environment: release.environment, steps: [step('sly')] }));
    await denied(await start(dan, release, id), 409, 'bypass-not-valid');

    await bypassOnRecord(id, (bypass) => bypass.uses.length === 1);
    const review = { outcome: 'approved', findings: 'The outage was real.' };
    const dansOwn = await app.person('dan', 'auditor');
    await denied(await dansOwn.post(`/v1/governance/bypasses/${id}/review`, review), 403, 'review-by-another');
    await denied(await ada.post(`/v1/governance/bypasses/${id}/review`, review), 403, 'review-by-another');
    ok(await otto.post(`/v1/governance/bypasses/${id}/review`, review));
    ok(await otto.post(`/v1/governance/bypasses/${id}/review`, review));
    await denied(await anna.post(`/v1/governance/bypasses/${id}/review`, review), 409, 'bypass-reviewed');

    const position = String(await app.plimsoll.infrastructure.log.head());
    const listed = await anna.get('/v1/governance/bypasses?status=reviewed', { 'plimsoll-min-position': position });
    expect((listed.body as { items: object[] }).items).toMatchObject([
      { bypassId: id, outcome: 'approved', uses: [{ deployer: personId('dan') }] },
    ]);
  });

  it('an overdue review blocks the next bypass of that person and product until it is done', async () => {
    const release = await planned('overdue');
    const other = await planned('overdue-other');
    const third = await planned('overdue-third');
    const eve = await app.person('eve', 'deployer');
    const reviewDueAt = new Date(Date.now() + 1_500).toISOString();
    const { id } = ok(await breakGlass(eve, release, { reviewDueAt, justification: '=HYPERLINK("http://evil","click")' }));
    ok(await start(eve, release, id));
    await bypassOnRecord(id, (bypass) => bypass.overdue && bypass.uses.length === 1);
    // The same person, another product; another person, the same product; and somebody with neither.
    await denied(await breakGlass(eve, other), 409, 'bypass-review-overdue');
    const same = { ...release };
    await denied(await breakGlass(dan, same, { justification: 'Once more.' }), 409, 'bypass-review-overdue');
    ok(await breakGlass(dan, third));

    const position = String(await app.plimsoll.infrastructure.log.head());
    const overdue = await anna.get('/v1/governance/bypasses?status=overdue', { 'plimsoll-min-position': position });
    expect((overdue.body as { items: object[] }).items).toMatchObject([{ bypassId: id, overdue: true }]);
    const csv = await anna.get('/v1/governance/bypasses.csv?status=overdue');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.text).toContain(`"'=HYPERLINK(""http://evil"",""click"")"`);

    ok(await otto.post(`/v1/governance/bypasses/${id}/review`, { outcome: 'rejected', findings: 'There was no outage.' }));
    await denied(await start(eve, release, id), 409, 'bypass-not-valid');
    ok(await breakGlass(eve, other));
  });
});
