import type { DecisionReceipt } from '#libs/contracts';
import { recheckReceipt } from '#libs/policy';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  changeOffice,
  inHours,
  ok,
  personId,
  signedWebhook,
  startAppWithSteps,
  utc,
  type ChangeOffice,
  type Planned,
} from '../support/changes.ts';
import { eventually, type Answer, type RunningApp } from '../support/running-app.ts';

/** Changes over HTTP: from a submission over the board to a deployment, by a model, and as an emergency. */
describe('changes over REST', () => {
  let app: RunningApp;
  let office: ChangeOffice;
  const gateOf = (answer: Answer): { code: string; detail: string; unblockedBy?: string } => {
    expect(answer.status).toBe(409);
    return (answer.body as { reasons: { code: string; detail: string }[] }).reasons[0] ?? { code: '', detail: '' };
  };
  const streamOf = async (stream: string) => (await app.plimsoll.infrastructure.log.readStream(stream)).events;
  const receiptsOf = async (deploymentId: string): Promise<DecisionReceipt[]> =>
    (await streamOf(`deployment-${deploymentId}`)).flatMap(({ data }) => {
      const { receipt } = data as { receipt?: DecisionReceipt };
      return receipt ? [receipt] : [];
    });
  const done = (id: string, status: string) =>
    eventually(`the change is ${status}`, async () => ((await office.change(id)).status === status ? true : undefined));
  const model = (of: Planned, modelId: string) => ({
    modelId,
    title: 'A known change',
    boardId: 'cab',
    conditions: { products: [of.name], environmentClasses: ['production'], actions: ['exec:noop', 'exec:broken'] },
    validUntil: inHours(24 * 30),
  });
  const approvedModel = async (of: Planned, modelId: string): Promise<void> => {
    ok(await office.rita.post('/v1/governance/change-models', model(of, modelId)));
    const { contentsHash } = (
      ok(await app.get(`/v1/governance/change-models/${modelId}`)).body as { versions: { contentsHash: string }[] }
    ).versions.at(-1)!;
    for (const who of [office.anna, office.otto]) {
      ok(await who.post(`/v1/governance/change-models/${modelId}/votes`, { contentsHash, vote: 'for' }));
    }
  };

  beforeAll(async () => {
    app = await startAppWithSteps();
    office = await changeOffice(app);
    ok(await office.board('cab', ['anna', 'otto', 'cora', 'ada']));
  }, 60_000);
  afterAll(() => app.stop());

  it('take a normal change from its submission over the votes of the board and a condition to a deployment', async () => {
    const { anna, otto, tess, dan } = office;
    const of = await office.planned('shop');
    expect(gateOf(await office.start(of))).toMatchObject({ code: 'gate-change-approved-inconclusive', detail: 'No change was submitted.' });
    const change = await office.submitted(of);
    const waiting = gateOf(await office.start(of));
    expect(waiting.detail).toBe('The board has not decided: 0 of 2 votes.');
    expect(waiting.unblockedBy).toMatch(/^On the agenda of 20.*the chair.*2 more of .*Next meeting 20.*, cut-off 20/);

    const early = await office.vote(anna, change);
    expect([early.status, early.body.type]).toEqual([409, 'https://plimsoll.dev/problems/no-vote-now']);
    ok(await office.openVote(change));
    ok(await office.vote(anna, change, 'for', { condition: 'The database is backed up first.' }));
    expect(ok(await app.get(`/v1/governance/changes/${change.id}/standing`)).body).toMatchObject({
      eligible: [personId('anna'), personId('otto'), personId('cora')].sort(),
      recused: [{ person: personId('ada') }],
      missing: 1,
    });
    const last = ok(await office.vote(otto, change));
    expect((await office.vote(otto, change)).body).toMatchObject({ repeated: true });

    const unmet = gateOf(await office.start(of));
    const { conditions } = (await office.change(change.id)) as { conditions: { conditionId: string; text: string }[] };
    expect(conditions).toMatchObject([{ text: 'The database is backed up first.', by: personId('anna') }]);
    expect(unmet.detail).toBe(`Of 1 conditions these are not met: ${conditions[0]?.conditionId ?? ''}.`);
    const confirmation = { conditionId: conditions[0]?.conditionId, evidence: 'Restored on the spare.' };
    ok(await tess.post(`/v1/governance/changes/${change.id}/conditions/confirm`, confirmation));

    const started = ok(await office.start(of, dan));
    await done(change.id, 'implemented');
    for (const receipt of await receiptsOf(started.body.id as string)) {
      expect(receipt.gates).toMatchObject([{ gate: 'change-approved', verdict: 'pass' }]);
      expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
    }
    expect(gateOf(await office.start(of)).detail).toMatch(/^The change is done, with deployment /);

    const seen = { 'plimsoll-min-position': last.headers.get('plimsoll-position') ?? '' };
    const listed = await eventually('the row', async () => {
      const { items } = ok(await app.get(`/v1/governance/changes?product=shop&status=done`, seen)).body as { items: object[] };
      return items.length > 0 ? items : undefined;
    });
    expect(listed).toMatchObject([
      {
        changeId: change.id,
        changeClass: 'normal',
        decidedBy: 'board',
        votes: [{ vote: 'for' }, { vote: 'for' }],
        deployments: [{ outcome: 'succeeded' }],
      },
    ]);
    const csv = ok(await app.get('/v1/governance/changes.csv?product=shop')).text.split('\r\n');
    expect(csv[0]).toMatch(/^changeId,round,status/);
    expect(csv[1]).toContain(change.id);
    expect(ok(await app.get('/v1/governance/change-calendar?environment=e-shop')).body.items).toHaveLength(1);
  }, 60_000);

  it('list the meetings of a board, and what is on their agendas in the order of submission', async () => {
    const { items } = ok(await app.get('/v1/governance/boards/cab/meetings?days=30')).body as {
      items: { startsAt: string; cutoffAt: string }[];
    };
    expect(items.length).toBeGreaterThanOrEqual(4);
    for (const m of items) expect(Date.parse(m.startsAt) - Date.parse(m.cutoffAt)).toBe(24 * 3_600_000);
    const first = await office.submitted(await office.planned('desk'));
    const second = await office.submitted(await office.planned('lamp'));
    const agenda = await eventually('both are on the agenda', async () => {
      const { body } = ok(await app.get(`/v1/governance/boards/cab/agenda?meeting=${items[0]?.startsAt ?? ''}`));
      return (body as { items: object[] }).items.length >= 3 ? (body as { items: { changeId: string }[] }) : undefined;
    });
    expect(agenda.items.map((i) => i.changeId).slice(-2)).toEqual([first.id, second.id]);
    expect(ok(await app.get('/v1/governance/boards/cab/agenda')).body).toMatchObject({ startsAt: items[0]?.startsAt, quorum: 2 });
    expect((await app.get('/v1/governance/boards/none/agenda')).status).toBe(404);
    expect((await app.get('/v1/governance/boards/cab/agenda?meeting=soon')).status).toBe(400);
    expect((await app.get('/v1/governance/boards/cab/meetings?days=9999')).status).toBe(400);
  }, 60_000);

  it('let a standard change pass by a model that the board has approved, until one under it fails', async () => {
    const of = await office.planned('patch', { changeClass: 'standard' });
    const refused = await office.submit(of, { modelId: 'patches' });
    expect([refused.status, refused.body.type]).toEqual([409, 'https://plimsoll.dev/problems/class-not-borne']);
    await approvedModel(of, 'patches');
    const { id } = ok(await office.submit(of, { modelId: 'patches' })).body as { id: string };
    expect(await office.change(id)).toMatchObject({ class: 'standard', status: 'approved', route: 'model' });
    const started = ok(await office.start(of));
    await done(id, 'implemented');
    for (const receipt of await receiptsOf(started.body.id as string))
      expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });

    ok(await office.plan(of, { changeClass: 'standard', steps: [office.step('broken')] }));
    ok(await office.submit(of, { modelId: 'patches' }));
    ok(await office.start(of));
    const suspended = await eventually('the model is suspended', async () => {
      const { versions } = ok(await app.get('/v1/governance/change-models/patches')).body as {
        versions: { status: string; reason?: string }[];
      };
      return versions[0]?.status === 'suspended' ? versions[0] : undefined;
    });
    expect(suspended.reason).toMatch(/^Deployment .* failed\.$/);
    expect(gateOf(await office.start(of)).detail).toMatch(/is suspended/);
  }, 60_000);

  it('let an emergency pass while its incident is open, and hold it to its review', async () => {
    const broken = await office.planned('till', { changeClass: 'standard' });
    await approvedModel(broken, 'till-model');
    ok(await office.plan(broken, { changeClass: 'standard', steps: [office.step('broken')] }));
    ok(await office.submit(broken, { modelId: 'till-model' }));
    ok(await office.start(broken));
    const incident = await eventually('the incident', async () => {
      const { items } = ok(await app.get(`/v1/incidents/incidents?environment=${broken.environment}`)).body as {
        items: { incidentId: string }[];
      };
      return items[0];
    });
    // A policy that asks for no change any more, and a freeze: nothing but evidence opens it.
    ok(
      await office.max.post('/v1/governance/policies', {
        policyId: 'p-till',
        title: 'till',
        gates: [{ gate: 'artifacts-registered' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    ok(
      await office.rita.post('/v1/governance/calendars', {
        calendarId: 'books',
        title: 'Books',
        kind: 'freeze',
        scope: { environment: broken.environment },
        zone: 'UTC',
        window: { kind: 'one-off', start: utc(-1), end: utc(48) },
        justification: 'The books are closed.',
      }),
    );
    const fix = await office.planned('till', {
      environment: broken.environment,
      changeClass: 'emergency',
      artifactIds: [await office.artifact('till', '1.0.1', 'b')],
    });
    const unnamed = await office.submit(fix, { boardId: undefined });
    expect(unnamed.body.type).toBe('https://plimsoll.dev/problems/class-not-borne');
    const frozen = await office.start(fix);
    expect([frozen.status, frozen.body.type]).toEqual([423, 'https://plimsoll.dev/problems/frozen']);
    expect(frozen.text).toContain('It is planned as an emergency, and nothing bears that: it counts as a normal one.');
    const { id } = ok(await office.submit(fix, { boardId: undefined, incidentId: incident.incidentId })).body as { id: string };
    const { reviewDueAt } = (await office.change(id)) as { reviewDueAt: string };
    expect(Date.parse(reviewDueAt) - Date.now()).toBeGreaterThan(71 * 3_600_000);
    const started = ok(await office.start(fix));
    await done(id, 'implemented');
    for (const receipt of await receiptsOf(started.body.id as string)) {
      const borne = `An emergency: Incident ${incident.incidentId} is open in ${fix.environment}.`;
      expect(receipt.gates.find((g) => g.gate === 'not-frozen')).toMatchObject({ verdict: 'pass', detail: expect.stringContaining(borne) });
      expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
    }
    const review = { outcome: 'approved', findings: 'It was real.' };
    expect((await office.rita.post(`/v1/governance/changes/${id}/review`, review)).status).toBe(403);
    ok(await office.otto.post(`/v1/governance/changes/${id}/review`, review));
    expect(await office.change(id)).toMatchObject({ review: { reviewer: personId('otto'), outcome: 'approved' } });
  }, 60_000);

  it('wait for the changes that they depend on, and are not taken where they would wait for each other', async () => {
    const { anna, otto } = office;
    const [first, second] = [await office.planned('schema'), await office.planned('reader')];
    const before = await office.submitted(first);
    const after = await office.submitted(second, { dependsOn: [before.id] });
    const circle = await office.submit(first, { dependsOn: [after.id] });
    expect([circle.status, circle.body.type]).toEqual([409, 'https://plimsoll.dev/problems/depends-in-a-circle']);
    for (const change of [before, after]) {
      ok(await office.openVote(change));
      for (const who of [anna, otto]) ok(await office.vote(who, change));
    }
    expect(gateOf(await office.start(second))).toMatchObject({
      code: 'gate-change-approved-inconclusive',
      detail: `Change ${before.id} (schema in e-schema), on which it depends, is approved and not deployed.`,
      unblockedBy: `Deploy change ${before.id}: it has to succeed first.`,
    });
    ok(await office.start(first));
    await done(before.id, 'implemented');
    const started = ok(await office.start(second));
    await done(after.id, 'implemented');
    for (const receipt of await receiptsOf(started.body.id as string)) {
      expect(receipt.inputs).toContainEqual(expect.stringContaining(`change-${before.id}@`));
      expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
    }

    const [third, fourth] = [await office.planned('index'), await office.planned('search')];
    const gone = await office.submitted(third);
    const left = await office.submitted(fourth, { dependsOn: [gone.id] });
    ok(await office.openVote(left));
    for (const who of [anna, otto]) ok(await office.vote(who, left));
    ok(await office.rita.post(`/v1/governance/changes/${gone.id}/withdraw`, { reason: 'Not needed.' }));
    expect(gateOf(await office.start(fourth))).toMatchObject({
      code: 'gate-change-approved-fail',
      detail: `Change ${gone.id} (index in e-index), on which it depends, was withdrawn.`,
    });
    // What persons wrote of a change is readable in the refusal that quotes it.
    expect(gateOf(await office.start(third)).detail).toBe('The change was withdrawn: Not needed.');
  }, 60_000);

  it('are voted on further by other members where the votes that approved them do not suffice any more', async () => {
    const { anna, otto, cora, ida, dan } = office;
    ok(await office.board('small-cab', ['anna', 'otto', 'cora']));
    const of = await office.planned('gate');
    const change = await office.submitted(of, { boardId: 'small-cab' });
    ok(await office.openVote(change));
    for (const who of [anna, otto]) ok(await office.vote(who, change));
    expect(await office.change(change.id)).toMatchObject({ status: 'approved' });
    expect((await office.vote(cora, change)).body.type).toBe('https://plimsoll.dev/problems/change-not-open');
    ok(await ida.post('/v1/governance/groups/small-cab/members/remove', { person: personId('otto'), reason: 'He moved on.' }));
    expect(gateOf(await office.start(of)).detail).toMatch(/^The board approved it, and 1 of 2 votes count now:/);

    expect((await office.vote(otto, change)).status).toBe(403);
    const last = ok(await office.vote(cora, change));
    expect(await office.change(change.id)).toMatchObject({ status: 'approved' });
    const decisions = (await streamOf(`change-${change.id}`)).filter(({ type }) => type === 'ChangeVoteCast' || type === 'ChangeDecided');
    expect(decisions.slice(-2)).toMatchObject([
      { type: 'ChangeVoteCast', data: { person: personId('cora'), lapsed: [personId('otto')] } },
      { type: 'ChangeDecided', data: { outcome: 'approved', tally: { for: [personId('anna'), personId('cora')].sort() } } },
    ]);
    const seen = { 'plimsoll-min-position': last.headers.get('plimsoll-position') ?? '' };
    const rows = ok(await app.get('/v1/governance/changes?product=gate', seen)).body as { items: { votes: { person: string }[] }[] };
    expect(rows.items.map(({ votes }) => votes.map(({ person }) => person))).toEqual([[personId('anna'), personId('cora')]]);

    const started = ok(await office.start(of, dan));
    await done(change.id, 'implemented');
    for (const receipt of await receiptsOf(started.body.id as string))
      expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
  }, 60_000);

  it('void a change whose plan changes, by an event, and take it anew', async () => {
    const of = await office.planned('door');
    const change = await office.submitted(of);
    ok(await office.openVote(change));
    for (const who of [office.anna, office.otto]) ok(await office.vote(who, change));
    ok(await office.plan(of, { steps: [office.step(), { ...office.step(), id: 'b' }] }));
    await done(change.id, 'voided');
    expect(gateOf(await office.start(of)).detail).toMatch(/^The change was voided: The deployment plan/);
    expect((await office.submitted(of)).dossierHash).not.toBe(change.dossierHash);
  }, 60_000);
});

/** An ITSM that does not answer, two boards that wait for it, and a clock that the test has pass. */
describe('an ITSM that is away', () => {
  const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  let app: RunningApp;
  let office: ChangeOffice;
  let itsm: Server;
  let passed = 0;
  const now = (): Date => new Date(Date.now() + passed);
  const eventsOf = async (id: string) => (await app.plimsoll.infrastructure.log.readStream(`change-${id}`)).events;
  const typeOf = (answer: Answer): [number, unknown] => [answer.status, answer.body.type];
  const itsmDecides = async ({ id, dossierHash }: { id: string; dossierHash: string }, webhookId: string): Promise<Answer> => {
    const body = JSON.stringify({ changeId: id, dossierHash, outcome: 'approved', decidedBy: 'manager-7' });
    return await app.bearer('none').post('/v1/governance/changes/itsm-decisions', body, signedWebhook(SECRET, webhookId, body, now()));
  };

  beforeAll(async () => {
    itsm = createServer((_request, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => itsm.listen(0, '127.0.0.1', resolve));
    app = await startAppWithSteps(
      {
        PLIMSOLL_ITSM_WEBHOOK_SECRET: SECRET,
        ITSM_WEBHOOK_URL: `http://127.0.0.1:${(itsm.address() as AddressInfo).port}/`,
        ITSM_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 9).toString('base64')}`,
      },
      now,
    );
    office = await changeOffice(app);
    const members = ['anna', 'otto', 'cora'];
    ok(await office.board('handing', members, { itsm: { whenAway: 'board', afterMinutes: 5 } }));
    ok(await office.board('holding', members, { itsm: { whenAway: 'hold', afterMinutes: 5 } }));
  }, 60_000);
  afterAll(async () => {
    await app.stop();
    itsm.close();
  });

  it('leaves its changes to a board that takes over when its time is up, and to no other', async () => {
    const { anna, otto } = office;
    const [first, second] = [await office.planned('handed'), await office.planned('held')];
    const handed = await office.submitted(first, { boardId: 'handing' });
    const held = await office.submitted(second, { boardId: 'holding' });
    const told = await eventually('the ITSM was tried', async () =>
      (await eventsOf(handed.id)).find((e) => e.type === 'ChangeDeliveryFailed'),
    );
    expect((told.data as { reason: string }).reason).toContain('503');
    const { boardTakesOverAt } = (await office.change(handed.id)) as { boardTakesOverAt: string };
    const waiting = await office.start(first);
    expect(waiting.text).toContain(`The ITSM decides; or the board, from ${boardTakesOverAt} on.`);
    for (const change of [handed, held])
      expect(typeOf(await office.openVote(change))).toEqual([409, 'https://plimsoll.dev/problems/itsm-decides']);

    passed = 5 * 60_000;
    const over = await eventually('the hand-over', async () => (await eventsOf(handed.id)).find((e) => e.type === 'ChangeHandedToBoard'));
    expect(over.metadata.actor).toBe('process:change_course');
    expect(over.metadata.recordedAt >= boardTakesOverAt).toBe(true);
    expect((over.data as { reason: string }).reason).toMatch(/^The ITSM could not be told: .*503/);

    expect(typeOf(await itsmDecides(handed, 'late'))).toEqual([409, 'https://plimsoll.dev/problems/board-took-over']);
    expect((await office.start(first)).text).toContain('The board has not decided: 0 of 2 votes.');
    ok(await office.openVote(handed));
    for (const who of [anna, otto]) ok(await office.vote(who, handed));
    expect(await office.change(handed.id)).toMatchObject({ status: 'approved', decidedBy: 'board' });
    ok(await office.start(first));

    // Whose board holds waits on, however late it is, and is decided by the ITSM alone.
    passed = 30 * 60_000;
    expect(typeOf(await office.openVote(held))).toEqual([409, 'https://plimsoll.dev/problems/itsm-decides']);
    expect((await office.start(second)).text).toContain('The ITSM decides: the board does not take over.');
    expect((await eventsOf(held.id)).map((e) => e.type)).not.toContain('ChangeHandedToBoard');
    ok(await itsmDecides(held, 'back'));
    expect(await office.change(held.id)).toMatchObject({ status: 'approved', decidedBy: 'itsm' });
    ok(await office.start(second));
  }, 90_000);
});
