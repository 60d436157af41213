import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { webhookVerifier } from '#libs/strict-http';
import {
  changeOffice,
  inHours,
  ok,
  personId,
  signedWebhook,
  startAppWithSteps,
  type ChangeOffice,
  type Planned,
} from '../support/changes.ts';
import { eventually, type Answer, type RunningApp } from '../support/running-app.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OUTGOING = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

/** Attacks on changes and their board, over HTTP. Each stands beside the request like it that is legitimate, which is accepted. */
describe('changes and their board under attack', () => {
  let app: RunningApp;
  let office: ChangeOffice;
  /** An ITSM that is away for the first two tries. */
  let itsm: Server;
  const told: { id: unknown; verified: boolean; data: { changeId: string; dossierHash: string; dossier: { justification: string } } }[] =
    [];
  let away = 2;
  const refused = (answer: Answer, status: number, type: string): { reasons: { code: string; detail: string; unblockedBy?: string }[] } => {
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
  const status = async (id: string): Promise<string> => (await office.change(id)).status as string;
  const openFor = async (name: string): Promise<{ of: Planned; change: { id: string; dossierHash: string } }> => {
    const of = await office.planned(name);
    const change = await office.submitted(of);
    ok(await office.openVote(change));
    return { of, change };
  };

  beforeAll(async () => {
    itsm = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const verdict = webhookVerifier(OUTGOING)({ headers: request.headers, body }, new Date());
        const { data } = JSON.parse(body.toString()) as (typeof told)[number];
        told.push({ id: request.headers['webhook-id'], verified: 'id' in verdict, data });
        response.writeHead(away-- > 0 ? 503 : 200).end('{"reference":"CHG1"}');
      });
    });
    await new Promise<void>((resolve) => itsm.listen(0, '127.0.0.1', resolve));
    app = await startAppWithSteps({
      PLIMSOLL_ITSM_WEBHOOK_SECRET: SECRET,
      ITSM_WEBHOOK_URL: `http://127.0.0.1:${(itsm.address() as AddressInfo).port}/`,
      ITSM_WEBHOOK_SECRET: OUTGOING,
    });
    office = await changeOffice(app);
    ok(await office.board('cab', ['anna', 'otto', 'cora', 'ada', 'rita']));
  }, 60_000);
  afterAll(async () => {
    await app.stop();
    itsm.close();
  });

  it('understated risk: a dossier that tells of less than the plan is refused, and one that tells of as much is voted on', async () => {
    const of = await office.planned('risky');
    ok(await office.plan(of, { riskClass: 'high' }));
    await denied(await office.submit(of, { riskLevel: 'low' }), 422, 'risk-understated');
    const { id, dossierHash } = await office.submitted(of, { riskLevel: 'high' });
    ok(await office.openVote({ id, dossierHash }));
    ok(await office.vote(office.anna, { id, dossierHash }));
  });

  it('a standard class that is claimed and not borne: without a model, with one that is not approved, suspended, or for something else', async () => {
    const of = await office.planned('claims', { changeClass: 'standard' });
    const other = await office.planned('other', { changeClass: 'standard' });
    const submit = (modelId?: string, to = of) => office.submit(to, modelId ? { modelId } : {});
    await denied(await submit(), 409, 'class-not-borne');
    const conditions = { products: ['claims'], actions: ['exec:noop'] };
    const proposal = { modelId: 'claimed', title: 'Known', boardId: 'cab', conditions, validUntil: inHours(24) };
    ok(await office.rita.post('/v1/governance/change-models', proposal));
    const { versions } = ok(await app.get('/v1/governance/change-models/claimed')).body as { versions: { contentsHash: string }[] };
    const vote = (who: ChangeOffice['anna']) =>
      who.post('/v1/governance/change-models/claimed/votes', { contentsHash: versions[0]?.contentsHash, vote: 'for' });
    await denied(await submit('claimed'), 409, 'class-not-borne');
    await denied(await vote(office.rita), 403, 'recused');
    for (const who of [office.anna, office.otto]) ok(await vote(who));
    await denied(await submit('claimed', other), 409, 'class-not-borne');
    ok(await submit('claimed'));
    ok(await office.start(of));
    ok(await office.otto.post('/v1/governance/change-models/claimed/suspend', { reason: 'The supplier changed.' }));
    const again = await office.planned('claims', { environment: of.environment, changeClass: 'standard', artifactIds: of.artifactIds });
    await denied(await submit('claimed', again), 409, 'class-not-borne');
  }, 60_000);

  it('an emergency without an incident, or with one that does not exist', async () => {
    const of = await office.planned('alarm', { changeClass: 'emergency' });
    await denied(await office.submit(of), 409, 'class-not-borne');
    await denied(await office.submit(of, { incidentId: of.releaseId }), 409, 'class-not-borne');
    ok(await office.plan(of));
    ok(await office.submit(of));
  });

  it('votes of the author, of the requester, of an alias of the author, of a stranger, and twice; and the votes of others count', async () => {
    const { of, change } = await openFor('votes');
    await denied(await office.vote(office.ada, change), 403, 'recused');
    await denied(await office.vote(office.rita, change), 403, 'recused');
    // A second account that two persons have linked to ada.
    const alias = await app.person('ada-at-night', 'approver');
    ok(await office.ida.post('/v1/governance/persons', { person: personId('ada') }));
    const account = { issuer: 'plimsoll-embedded', subject: 'ada-at-night', person: personId('ada') };
    ok(await office.max.post('/v1/governance/accounts', account));
    ok(await office.ida.post('/v1/governance/accounts/confirm', account));
    await denied(await office.vote(alias, change), 403, 'recused');
    const stranger = await app.person('zoe', 'approver');
    await denied(await office.vote(stranger, change), 403, 'not-a-member');
    ok(await office.vote(office.anna, change));
    expect(ok(await office.vote(office.anna, change)).body).toMatchObject({ repeated: true });
    await denied(await office.vote(office.anna, change, 'against'), 409, 'voted-already');
    expect(await status(change.id)).toBe('open');
    refused(await office.start(of), 409, 'gates-not-passed');
    ok(await office.vote(office.otto, change));
    expect(await status(change.id)).toBe('approved');
    // Who voted does not deploy.
    expect(refused(await office.start(of, office.anna), 409, 'gates-not-passed').reasons[0]?.detail).toMatch(/voted and is deployer/);
    ok(await office.start(of));
  }, 60_000);

  it('votes of one person with two accounts, and of a member who is gone: counted again when it starts', async () => {
    const [kim, lee] = [await app.person('kim', 'approver'), await app.person('lee', 'approver')];
    ok(await office.board('small', ['kim', 'lee', 'cora']));
    const approvedBy = async (name: string, ...voters: (typeof kim)[]): Promise<Planned> => {
      const of = await office.planned(name);
      const change = await office.submitted(of, { boardId: 'small' });
      ok(await office.openVote(change));
      for (const who of voters) ok(await office.vote(who, change));
      expect(await status(change.id)).toBe('approved');
      return of;
    };
    const twice = await approvedBy('twice', kim, lee);
    const rightly = await approvedBy('rightly', kim, office.cora);
    // It is learned that both accounts are one person's.
    ok(await office.ida.post('/v1/governance/persons', { person: personId('kim') }));
    const account = { issuer: 'plimsoll-embedded', subject: 'lee', person: personId('kim') };
    ok(await office.max.post('/v1/governance/accounts', account));
    ok(await office.ida.post('/v1/governance/accounts/confirm', account));
    expect(refused(await office.start(twice), 409, 'gates-not-passed').reasons[0]?.detail).toMatch(
      /1 of 2 votes count now: .* is a person who has voted with another account/,
    );
    const cora = { person: personId('cora') };
    ok(await office.ida.post('/v1/governance/groups/small/members/remove', { ...cora, reason: 'Moved.' }));
    expect(refused(await office.start(rightly), 409, 'gates-not-passed').reasons[0]?.detail).toMatch(/has been out of the board since/);
    // Taken in again she votes again; what she voted before stays of nobody who is a member.
    ok(await office.ida.post('/v1/governance/groups/small/members', cora));
    expect(refused(await office.start(rightly), 409, 'gates-not-passed').reasons[0]?.detail).toMatch(/has been out of the board since/);
    ok(await office.start(await approvedBy('rightly-again', kim, office.cora)));
    // Now that it is known, her second vote is refused.
    const of = await office.planned('again');
    const change = await office.submitted(of, { boardId: 'small' });
    ok(await office.openVote(change));
    ok(await office.vote(kim, change));
    await denied(await office.vote(lee, change, 'against'), 409, 'voted-already');
    ok(await office.vote(office.cora, change));
  }, 60_000);

  it('an emergency that is reviewed before it was used, or by who deployed it', async () => {
    const of = await office.planned('fire', { changeClass: 'emergency' });
    const { releaseId, environment } = of;
    const asked = { releaseId, environment, gates: ['change-approved'], justification: 'Payments are down.' };
    const { id: bypassId } = ok(await office.rita.post('/v1/governance/bypasses', asked)).body as { id: string };
    const { id } = ok(await office.submit(of, { boardId: undefined, bypassId })).body as { id: string };
    const review = (who: ChangeOffice['dan']) =>
      who.post(`/v1/governance/changes/${id}/review`, { outcome: 'approved', findings: 'It was real.' });
    await denied(await review(office.otto), 409, 'change-not-used');
    ok(await office.start(of));
    await eventually('the end of the deployment', async () => ((await status(id)) === 'implemented' ? true : undefined));
    await denied(await review(office.dan), 403, 'review-by-another');
    // Nor with another account of his.
    const alias = await app.person('dan-at-night', 'release-manager');
    ok(await office.ida.post('/v1/governance/persons', { person: personId('dan') }));
    const account = { issuer: 'plimsoll-embedded', subject: 'dan-at-night', person: personId('dan') };
    ok(await office.max.post('/v1/governance/accounts', account));
    ok(await office.ida.post('/v1/governance/accounts/confirm', account));
    await denied(await review(alias), 403, 'review-by-another');
    ok(await review(office.otto));
  }, 60_000);

  it('votes, confirmations and releases by programs', async () => {
    const { change } = await openFor('programs');
    const service = await app.person('robot', 'approver', 'identity-admin', 'records-manager', 'service');
    ok(await office.ida.post('/v1/governance/persons', { person: personId('anna') }));
    const account = { issuer: 'plimsoll-embedded', subject: 'anna-bot', person: personId('anna') };
    ok(await office.max.post('/v1/governance/accounts', { ...account, bot: true }));
    ok(await office.ida.post('/v1/governance/accounts/confirm', account));
    const bot = await app.person('anna-bot', 'approver', 'identity-admin', 'records-manager');
    const gone = '5a1d0c52-0000-4000-8000-00000000e002';
    ok(await office.ida.post('/v1/governance/persons', { person: gone }));
    ok(await office.ida.post(`/v1/governance/persons/${gone}/leave`, { reason: 'Moved on.' }));
    ok(await office.ida.post(`/v1/governance/persons/${gone}/erasure`, {}));
    const [rex, rae] = [await app.person('rex', 'records-manager'), await app.person('rae', 'records-manager', 'identity-admin')];
    const hold = { holdId: 'lawsuit', scope: { kind: 'product', id: 'programs' }, reason: 'A lawsuit.' };
    ok(await rex.post('/v1/governance/legal-holds', hold));
    const release = { reason: 'It is settled.' };
    for (const program of [service, bot]) {
      await denied(await office.vote(program, change), 403, 'role-forbidden');
      await denied(await office.openVote(change, program), 403, 'role-forbidden');
      await denied(await program.post(`/v1/governance/persons/${gone}/erasure/confirm`, {}), 403, 'role-forbidden');
      await denied(await program.post('/v1/governance/legal-holds/lawsuit/release', release), 403, 'role-forbidden');
      await denied(await program.post('/v1/governance/groups/cab/members', { person: gone }), 403, 'role-forbidden');
    }
    ok(await office.vote(office.anna, change));
    ok(await rae.post('/v1/governance/legal-holds/lawsuit/release', release));
    ok(await rae.post(`/v1/governance/persons/${gone}/erasure/confirm`, {}));
  }, 60_000);

  it('a vote on an older dossier, and an edit after the decision', async () => {
    const { of, change } = await openFor('edits');
    const { id, dossierHash } = await office.submitted(of, { backout: 'Restore the backup.' });
    ok(await office.openVote({ id, dossierHash }));
    await denied(await office.vote(office.anna, change), 409, 'dossier-changed');
    for (const who of [office.anna, office.otto]) ok(await office.vote(who, { id, dossierHash }));
    ok(await office.plan(of, { steps: [office.step(), { ...office.step(), id: 'b' }] }));
    refused(await office.start(of), 409, 'gates-not-passed');
    await eventually('the voiding', async () => ((await status(id)) === 'voided' ? true : undefined));
    const anew = await office.submitted(of);
    ok(await office.openVote(anew));
    for (const who of [office.anna, office.otto]) ok(await office.vote(who, anew));
    ok(await office.start(of));
  }, 60_000);

  it('a condition that its requester confirms', async () => {
    const { of, change } = await openFor('conditions');
    ok(await office.vote(office.anna, change, 'for', { condition: 'Back up first.' }));
    ok(await office.vote(office.otto, change));
    const { conditions } = (await office.change(change.id)) as { conditions: { conditionId: string }[] };
    const confirm = (who: ChangeOffice['anna']) =>
      who.post(`/v1/governance/changes/${change.id}/conditions/confirm`, { conditionId: conditions[0]?.conditionId, evidence: 'Done.' });
    await denied(await confirm(office.rita), 403, 'condition-by-another');
    ok(await confirm(office.tess));
    ok(await office.start(of));
  });

  describe('an ITSM that decides', () => {
    let of: Planned;
    let change: { id: string; dossierHash: string };
    const send = async (body: object | string, headers: Record<string, string>): Promise<Answer> => {
      const response = await fetch(`${app.url}/v1/governance/changes/itsm-decisions`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as unknown };
    };
    const decision = (more: object = {}) =>
      JSON.stringify({
        changeId: change.id,
        dossierHash: change.dossierHash,
        outcome: 'approved',
        decidedBy: 'manager-7',
        reference: 'CHG1',
        ...more,
      });

    beforeAll(async () => {
      ok(await office.board('outside', ['anna', 'otto', 'cora'], { itsm: { whenAway: 'hold', afterMinutes: 1 } }));
      of = await office.planned('outsourced');
      change = await office.submitted(of, { boardId: 'outside' });
    }, 60_000);

    it('lets nothing pass by its silence, nor by votes of the board', async () => {
      expect(refused(await office.start(of), 409, 'gates-not-passed').reasons[0]).toMatchObject({
        code: 'gate-change-approved-inconclusive',
        detail: expect.stringMatching(/^The change waits for the ITSM since 20/),
      });
      await denied(await office.openVote(change), 409, 'itsm-decides');
      await denied(await office.vote(office.anna, change), 409, 'itsm-decides');
    });

    it('is told of it again and again under one id until it is there, and what persons wrote is readable to it', async () => {
      const delivered = await eventually('the delivery', async () => {
        const { delivery } = (await office.change(change.id)) as { delivery?: { delivered: boolean; detail: string } };
        return delivery?.delivered ? delivery : undefined;
      });
      expect(delivered.detail).toBe('CHG1');
      expect(told.length).toBeGreaterThanOrEqual(3);
      expect(new Set(told.map((t) => t.id))).toEqual(new Set([`plimsoll-change-${change.dossierHash}`]));
      expect(told.every((t) => t.verified)).toBe(true);
      expect(told[0]?.data).toMatchObject({
        ...{ changeId: change.id, dossierHash: change.dossierHash },
        dossier: { justification: 'The new checkout.' },
      });
      const { events } = await app.plimsoll.infrastructure.log.readStream(`change-${change.id}`);
      expect(events.map((e) => e.type)).toContain('ChangeDeliveryFailed');
    }, 60_000);

    it('is not believed unsigned, forged, altered, stale, from the future or too long', async () => {
      const body = decision();
      refused(await send(body, {}), 401, 'webhook-not-verified');
      const forged = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
      refused(await send(body, signedWebhook(forged, 'm1', body)), 401, 'webhook-not-verified');
      refused(await send(decision({ outcome: 'rejected' }), signedWebhook(SECRET, 'm1', body)), 401, 'webhook-not-verified');
      refused(await send(body, { ...signedWebhook(SECRET, 'm1', body), 'webhook-id': 'm2' }), 401, 'webhook-not-verified');
      for (const seconds of [-301, 302]) {
        refused(await send(body, signedWebhook(SECRET, 'm1', body, new Date(Date.now() + seconds * 1000))), 401, 'webhook-not-verified');
      }
      const long = decision({ reference: 'x'.repeat(20_000) });
      refused(await send(long, signedWebhook(SECRET, 'm1', long)), 413, 'body-too-large');
      const twice = body.replace('{', '{"outcome":"rejected",');
      refused(await send(twice, signedWebhook(SECRET, 'm1', twice)), 400, 'malformed-json');
      const strange = decision({ votes: 5 });
      refused(await send(strange, signedWebhook(SECRET, 'm1', strange)), 400, 'validation');
      expect(await status(change.id)).toBe('open');
    });

    it('decides on no other dossier and for no other board, and on its own once', async () => {
      const other = decision({ dossierHash: 'd'.repeat(64) });
      await denied(await send(other, signedWebhook(SECRET, 'm3', other)), 409, 'dossier-changed');
      const { change: ours } = await openFor('inside');
      const theirs = decision({ changeId: ours.id, dossierHash: ours.dossierHash });
      await denied(await send(theirs, signedWebhook(SECRET, 'm4', theirs)), 409, 'itsm-does-not-decide');

      const body = decision();
      ok(await send(body, signedWebhook(SECRET, 'm5', body)));
      expect(await office.change(change.id)).toMatchObject({ status: 'approved', decidedBy: 'itsm', votes: [] });
      await denied(await send(body, signedWebhook(SECRET, 'm5', body)), 409, 'webhook-replayed');
      const reversed = decision({ outcome: 'rejected' });
      await denied(await send(reversed, signedWebhook(SECRET, 'm6', reversed)), 409, 'change-not-open');
      ok(await office.start(of));
    });
  });
});
