import { randomUUID } from 'node:crypto';
import { mayAct } from '#libs/authorization';
import { GRANTABLE_ROLES } from '#libs/identity';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/**
 * Attacks on who is who and who may do what, with roles as two persons granted them. Each stands beside the same thing done rightly, which
 * must be accepted.
 */
describe('attacks on identity and roles', () => {
  const ISSUER = 'plimsoll-embedded';
  const hex = (c: string): string => c.repeat(64);
  const until = new Date(Date.now() + 30 * 86_400_000).toISOString();
  let app: RunningApp;
  let root: Person;
  let second: Person;
  /** Person ids by account. */
  const ids: Record<string, string> = {};

  const refused = (answer: Answer, type: string, status = 403): void =>
    expect({ status: answer.status, type: answer.body.type }).toEqual({ status, type: `https://plimsoll.dev/problems/${type}` });
  const ok = (answer: Answer): { id: string; revision: number; position: string } => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer.body;
  };
  const head = (): Promise<bigint> => app.plimsoll.infrastructure.log.head();
  /** The last denial, which the refusal's answer points at. */
  const denial = async (answer: Answer): Promise<unknown> => {
    const position = BigInt(answer.headers.get('plimsoll-position') ?? '-1');
    return (await app.plimsoll.infrastructure.log.readAll({ after: position - 1n, maxCount: 1 }))[0];
  };
  const link = async (subject: string, person: string, bot = false): Promise<void> => {
    const account = { issuer: ISSUER, subject, person };
    ok(await root.post('/v1/governance/accounts', { ...account, bot }));
    ok(await second.post('/v1/governance/accounts/confirm', account));
  };
  const grant = async (person: string, role: string, scope: object = { kind: 'organisation', id: '*' }): Promise<string> => {
    const requested = await root.post(`/v1/governance/persons/${person}/roles`, { role, scope, until });
    ok(requested);
    const { body } = await root.get(`/v1/governance/persons/${person}/roles`);
    const grantId = Object.keys(body.pending as object)[0] ?? '';
    ok(await second.post(`/v1/governance/persons/${person}/roles/confirm`, { grantId }));
    return grantId;
  };
  /** Somebody with an account that is linked, and roles that two others granted. The token has no roles. */
  const joiner = async (subject: string, ...roles: string[]): Promise<Person> => {
    const person = randomUUID();
    ids[subject] = person;
    ok(await root.post('/v1/governance/persons', { person }));
    await link(subject, person);
    for (const role of roles) await grant(person, role);
    return await app.person(subject);
  };
  const artifact = (name: string, authors: string[] = [`${ISSUER}|ada`]) => ({
    name,
    version: '1.0.0',
    purl: `pkg:npm/${name}@1.0.0`,
    digest: { algorithm: 'sha256', value: hex('a') },
    authors,
  });
  /** A release that waits for approval: its grant route, and the tuple that is to be approved. */
  const waiting = async (
    name: string,
    authors?: string[],
    quorum = 2,
  ): Promise<{ grant: string; vote: { tupleHash: string }; releaseId: string }> => {
    ok(
      await peter.post('/v1/governance/policies', {
        policyId: `p-${name}`,
        title: name,
        gates: [{ gate: 'approved', quorum }, { gate: 'duties-separated' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    ok(await rita.post('/v1/environments/environments', { environment: `e-${name}`, class: 'production', policyId: `p-${name}` }));
    const { id } = ok(await ada.post('/v1/artifacts/artifacts', artifact(name, authors)));
    const release = ok(await ada.post('/v1/planning/releases', { product: name, artifactIds: [id] }));
    const steps = [{ id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] }];
    ok(await ada.post(`/v1/planning/releases/${release.id}/plan`, { environment: `e-${name}`, steps }));
    const requested = ok(await rita.post('/v1/governance/approvals', { releaseId: release.id, environment: `e-${name}` }));
    const { tupleHash } = (await rita.get(`/v1/governance/approvals/${requested.id}`)).body as { tupleHash: string };
    return { grant: `/v1/governance/approvals/${requested.id}/grant`, vote: { tupleHash }, releaseId: release.id };
  };
  let ada: Person;
  let rita: Person;
  let anna: Person;
  let abel: Person;
  let peter: Person;

  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ROLES_FROM: 'grants' });
    // The first administrator, whom nobody can confirm: the token's role counts for this one thing.
    root = await app.person('root', 'identity-admin');
    ok(await root.post('/v1/governance/identity/bootstrap', { reason: 'The first one.' }));
    const person = randomUUID();
    ids['second'] = person;
    ok(await root.post('/v1/governance/persons', { person }));
    second = await app.person('second');
    // Two persons each time: the second administrator asks for herself, the first one confirms.
    ok(await second.post('/v1/governance/accounts', { issuer: ISSUER, subject: 'second', person }));
    ok(await root.post('/v1/governance/accounts/confirm', { issuer: ISSUER, subject: 'second', person }));
    ok(
      await second.post(`/v1/governance/persons/${person}/roles`, {
        role: 'identity-admin',
        scope: { kind: 'organisation', id: '*' },
        until,
      }),
    );
    const asked = (await second.get(`/v1/governance/persons/${person}/roles`)).body as { pending: object };
    ok(await root.post(`/v1/governance/persons/${person}/roles/confirm`, { grantId: Object.keys(asked.pending)[0] }));
    ada = await joiner('ada', 'developer');
    rita = await joiner('rita', 'release-manager');
    anna = await joiner('anna', 'approver');
    abel = await joiner('abel', 'approver');
    peter = await joiner('peter', 'policy-editor');
  }, 60_000);
  afterAll(() => app.stop());

  it('decides by the very table that the routes declare, for every role and route', async () => {
    const { builtIn, routes } = (await root.get('/v1/governance/role-policies')).body as {
      builtIn: string;
      routes: { action: string; roles: string[]; vouches: boolean }[];
    };
    expect(routes.length).toBeGreaterThan(25);
    for (const { action, roles } of routes) {
      for (const role of GRANTABLE_ROLES) {
        const request = { person: 'somebody', roles: [role], bot: false, action, resource: {}, now: '2026-03-02T10:00:00.000Z' };
        const allowed = roles.length === 0 || roles.includes(role);
        expect({ action, role, allowed: mayAct(builtIn, request).allowed }).toEqual({ action, role, allowed });
      }
    }
  });

  it('takes no role out of the token, and no role out of body, query or header', async () => {
    const eve = await app.person('eve', 'developer', 'identity-admin');
    const refusal = await eve.post('/v1/artifacts/artifacts', artifact('token-role'));
    refused(refusal, 'role-missing');
    expect(await denial(refusal)).toMatchObject({ type: 'CommandDenied', data: { command: 'RegisterArtifact', refusal: 'role-missing' } });
    refused(await eve.post('/v1/artifacts/artifacts?roles=developer&role=developer', artifact('token-role')), 'role-missing');
    refused(await eve.post('/v1/artifacts/artifacts', { ...artifact('token-role'), roles: ['developer'] }), 'role-missing');
    const headers = { 'x-roles': 'developer', 'x-role': 'developer', 'x-user': 'ada', 'x-forwarded-user': 'ada' };
    refused(await eve.post('/v1/artifacts/artifacts', artifact('token-role'), headers), 'role-missing');
    ok(await ada.post('/v1/artifacts/artifacts', artifact('token-role')));
  });

  it('puts on record who asked to see what she may not, too', async () => {
    const eva = await app.person('eva', 'auditor');
    const refusal = await eva.get('/v1/ledger/leaves/0');
    refused(refusal, 'role-missing');
    expect(await denial(refusal)).toMatchObject({
      type: 'CommandDenied',
      data: { refusal: 'role-missing', asked: { route: expect.stringContaining('GET /v1/ledger/leaves/') } },
      metadata: { principal: `${ISSUER}|eva` },
    });
    const aud = await joiner('aud', 'auditor');
    await eventually('the leaf', async () => ((await aud.get('/v1/ledger/leaves/0')).status === 200 ? true : undefined));
  });

  it('takes no actor, person or tenant out of body, query or header', async () => {
    for (const forged of [{ actor: ids['anna'] }, { person: ids['anna'] }, { tenant: 'other' }]) {
      refused(await ada.post('/v1/artifacts/artifacts', { ...artifact('forged'), ...forged }), 'validation', 400);
    }
    refused(await ada.post('/v1/artifacts/artifacts?actor=anna', artifact('forged')), 'validation', 400);
    const answer = await ada.post('/v1/artifacts/artifacts', artifact('forged'), { 'x-actor': 'anna', 'x-tenant': 'other' });
    ok(answer);
    const [event] = (await app.plimsoll.infrastructure.log.readStream(answer.body.stream as string)).events;
    expect(event?.metadata).toMatchObject({ actor: ids['ada'], principal: `${ISSUER}|ada` });
  });

  it('lets nobody grant herself a role: not as who confirms, and not by asking alone', async () => {
    const roles = `/v1/governance/persons/${ids['second']}/roles`;
    ok(await second.post(roles, { role: 'auditor', scope: { kind: 'organisation', id: '*' }, until }));
    const { body } = await second.get(roles);
    const grantId = Object.keys(body.pending as object)[0];
    const selfGranted = await second.post(`${roles}/confirm`, { grantId });
    refused(selfGranted, 'confirmed-by-another');
    expect(await denial(selfGranted)).toMatchObject({ type: 'CommandDenied', data: { command: 'ConfirmRole' } });
    refused(await ada.post(`${roles}/confirm`, { grantId }), 'role-missing');
    ok(await root.post(`${roles}/confirm`, { grantId }));
    refused(await second.post('/v1/governance/identity/bootstrap', { reason: 'The first one.' }), 'role-missing');
    refused(
      await (await app.person('late', 'identity-admin')).post('/v1/governance/identity/bootstrap', { reason: 'The first one.' }),
      'bootstrapped-before',
      409,
    );
  });

  it('keeps apart by grant what nobody may hold at once, and lets another person hold it', async () => {
    const scope = { kind: 'organisation', id: '*' };
    const together = await root.post(`/v1/governance/persons/${ids['peter']}/roles`, { role: 'approver', scope, until });
    refused(together, 'roles-not-separated');
    expect(await denial(together)).toMatchObject({ data: { command: 'RequestRole', refusal: 'roles-not-separated' } });
    ok(await root.post(`/v1/governance/persons/${ids['rita']}/roles`, { role: 'approver', scope, until }));
  });

  it('counts an alias at another account as the same approver, once it is linked, and gives it no role before', async () => {
    const { grant: route, vote } = await waiting('alias');
    ok(await anna.post(route, vote));
    const alias = await app.person('anna-private', 'approver');
    refused(await alias.post(route, vote), 'role-missing');
    // Neither does an account that only looks like hers.
    refused(await (await app.person('аnnа', 'approver')).post(route, vote), 'role-missing');
    await link('anna-private', ids['anna'] ?? '');
    const again = await alias.post(route, vote);
    expect(ok(again)).toMatchObject({ repeated: true });
    ok(await abel.post(route, vote));
    const approvers = (await anna.get(route.replace('/grant', ''))).body.approvers as string[];
    expect(approvers.sort()).toEqual([ids['anna'], ids['abel']].sort());
  });

  it.each([
    ['a plus-tag', 'ada+approvals@bank.example'],
    ['another case', 'Ada@Bank.Example'],
    ['a Cyrillic look-alike', 'аda@bank.example'],
    ['git’s way', 'Ada Lovelace <Ada@bank.example>'],
    ['a co-author’s trailer', 'Co-authored-by: Ada <ada+pair@bank.example>'],
  ])('takes the author by %s of her address for the same person', async (_how, address) => {
    const name = `address-${hex('a').slice(0, 4)}-${address.codePointAt(0)}-${address.length}`;
    if (ids['ada-claimed'] === undefined) {
      ids['ada-claimed'] = 'yes';
      ok(await root.post(`/v1/governance/persons/${ids['abel']}/addresses`, { address: 'ada@bank.example' }));
    }
    const { grant: route, vote } = await waiting(name, [address.includes('<') ? address : `mailto|${address}`]);
    // Abel has the address that wrote it.
    refused(await abel.post(route, vote), 'duties-not-separated');
    ok(await anna.post(route, vote));
  });

  it('stores no address, and flags one that looks like another person’s', async () => {
    ok(await root.post(`/v1/governance/persons/${ids['rita']}/addresses`, { address: 'rita@bank.example' }));
    const lookalike = ok(await root.post(`/v1/governance/persons/${ids['anna']}/addresses`, { address: 'ritа@bank.example' }));
    const stream = (lookalike as unknown as { stream: string }).stream;
    const { events } = await app.plimsoll.infrastructure.log.readStream(stream);
    expect(events.map((e) => (e.data as { looksLike: string[] }).looksLike)).toEqual([[], [ids['rita']]]);
    const all = await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 5_000 });
    expect(JSON.stringify(all.map((e) => e.data))).not.toContain('bank.example');
  });

  it('lets no program approve, also in the name of a person who may', async () => {
    const { grant: route, vote } = await waiting('robot');
    await link('anna-bot', ids['anna'] ?? '', true);
    const robot = await app.person('anna-bot', 'approver', 'service');
    const answer = await robot.post(route, vote);
    refused(answer, 'role-forbidden');
    expect(await denial(answer)).toMatchObject({ data: { command: 'GrantApproval', refusal: 'role-forbidden' } });
    ok(await anna.post(route, vote));
  });

  it('takes no program and no unlinked account for one of two persons who make another one', async () => {
    const erin = randomUUID();
    ok(await second.post('/v1/governance/persons', { person: erin }));
    ok(await root.post('/v1/governance/groups', { group: 'risk', title: 'Risk' }));
    const role = { role: 'tester', scope: { kind: 'organisation', id: '*' }, until };
    // An account of the administrator's own that nobody has linked asks, and she confirms: one person alone.
    const puppet = await app.person('puppet');
    ok(await puppet.post(`/v1/governance/persons/${erin}/roles`, role));
    const roles = (await root.get(`/v1/governance/persons/${erin}/roles`)).body as { pending: object };
    const [grantId] = Object.keys(roles.pending);
    const alone = await second.post(`/v1/governance/persons/${erin}/roles/confirm`, { grantId });
    refused(alone, 'asked-by-nobody-known');
    expect(await denial(alone)).toMatchObject({ data: { command: 'ConfirmRole', refusal: 'asked-by-nobody-known' } });
    const account = { issuer: ISSUER, subject: 'puppet', person: erin };
    ok(await puppet.post('/v1/governance/accounts', account));
    refused(await second.post('/v1/governance/accounts/confirm', account), 'asked-by-nobody-known');
    // Asked for by somebody known, another one's confirmation counts.
    ok(await rita.post('/v1/governance/accounts', account));
    ok(await second.post('/v1/governance/accounts/confirm', account));
    // A program of an administrator's confirms nobody, and takes nobody into a group.
    await joiner('ivan', 'identity-admin');
    await link('ivan-bot', ids['ivan'] ?? '', true);
    const robot = await app.person('ivan-bot');
    ok(await rita.post(`/v1/governance/persons/${erin}/roles`, role));
    const asked = Object.keys(((await root.get(`/v1/governance/persons/${erin}/roles`)).body as { pending: object }).pending);
    const anew = { grantId: asked.find((id) => id !== grantId) };
    refused(await robot.post(`/v1/governance/persons/${erin}/roles/confirm`, anew), 'role-forbidden');
    ok(await second.post(`/v1/governance/persons/${erin}/roles/confirm`, anew));
    refused(await robot.post('/v1/governance/groups/risk/members', { person: erin }), 'role-forbidden');
    refused(await second.post('/v1/governance/groups/risk/members', { person: randomUUID() }), 'person-unknown', 404);
    ok(await second.post('/v1/governance/groups/risk/members', { person: erin }));
    expect((await root.get('/v1/governance/groups/risk')).body).toMatchObject({ members: [] });
    refused(await second.post('/v1/governance/groups/risk/members/confirm', { person: erin }), 'confirmed-by-another');
    ok(await root.post('/v1/governance/groups/risk/members/confirm', { person: erin }));
    expect((await root.get('/v1/governance/groups/risk')).body).toMatchObject({ members: [erin] });
  });

  it('lets neither author nor co-author approve', async () => {
    await grant(ids['ada'] ?? '', 'approver');
    const { grant: route, vote } = await waiting('author', [`${ISSUER}|abel`, `${ISSUER}|ada`]);
    refused(await ada.post(route, vote), 'duties-not-separated');
    refused(await abel.post(route, vote), 'duties-not-separated');
    ok(await anna.post(route, vote));
  });

  it('counts a role in its scope only', async () => {
    const own = await waiting('scope');
    const other = await waiting('elsewhere');
    const sue = await joiner('sue');
    await grant(ids['sue'] ?? '', 'approver', { kind: 'environment', id: 'e-scope' });
    const answer = await sue.post(other.grant, { ...other.vote, environment: 'e-scope' });
    refused(answer, 'role-missing');
    expect(JSON.stringify(answer.body.reasons)).toContain('approver in environment e-scope; this is about environment e-elsewhere');
    // What she may approve is all that waits for her, and what she has approved waits no more.
    const granted = await sue.get('/v1/governance/pending-approvals?mine=true', { 'plimsoll-min-position': String(await head()) });
    expect((granted.body.items as { environment: string }[]).map((one) => one.environment)).toEqual(['e-scope']);
    const voted = ok(await sue.post(own.grant, own.vote));
    const after = await sue.get('/v1/governance/pending-approvals?mine=true', { 'plimsoll-min-position': voted.position });
    expect(after.body.items).toEqual([]);
  });

  it('lets no one person, and no program, give an environment a laxer policy or take a regime from it; and two persons do', async () => {
    const { releaseId } = await waiting('loose');
    const environment = 'e-loose';
    const path = `/v1/environments/environments/${environment}`;
    const own = { environment, class: 'production', policyId: 'p-loose' };
    const lax = {
      policyId: 'p-lax',
      title: 'Lax',
      gates: [{ gate: 'artifacts-registered' }],
      rollbackGates: [{ gate: 'rollback-target-ran' }],
    };
    ok(await peter.post('/v1/governance/policies', lax));
    const dan = await joiner('dan', 'deployer');
    const ron = await joiner('ron', 'release-manager');
    const start = (): Promise<Answer> => dan.post('/v1/deployments/deployments', { releaseId, environment });
    // What asks for more takes one person.
    ok(await rita.post('/v1/environments/environments', { ...own, regimes: ['SOX'] }));
    for (const looser of [{ ...own, policyId: 'p-lax', regimes: ['SOX'] }, own, { ...own, regimes: ['PCI'] }]) {
      const answer = await rita.post('/v1/environments/environments', looser);
      refused(answer, 'takes-two-persons');
      expect(await denial(answer)).toMatchObject({
        data: { command: 'DefineEnvironment', refusal: 'takes-two-persons', about: { environment } },
      });
    }
    const laxer = { policyId: 'p-lax', regimes: [], reason: 'It is faster.' };
    await link('rita-bot', ids['rita'] ?? '', true);
    refused(await (await app.person('rita-bot')).post(`${path}/proposals`, laxer), 'role-forbidden');
    refused(await rita.post(`${path}/proposals`, { ...laxer, reason: '\u200b' }), 'validation', 400);
    ok(await rita.post(`${path}/proposals`, laxer));
    expect(ok(await rita.post(`${path}/proposals`, laxer))).toMatchObject({ repeated: true });
    const shown = (await rita.get(path)).body as { policyId: string; regimes: string[]; proposal: { proposalId: string; reason: string } };
    expect(shown).toMatchObject({ policyId: 'p-loose', regimes: ['SOX'], proposal: { policyId: 'p-lax', reason: 'It is faster.' } });
    // What is proposed governs nothing.
    refused(await start(), 'gates-not-passed', 409);
    const { proposalId } = shown.proposal;
    const confirm = (who: Person, id = proposalId): Promise<Answer> => who.post(`${path}/proposals/confirm`, { proposalId: id });
    await link('rita-private', ids['rita'] ?? '');
    for (const who of [rita, await app.person('rita-private')]) {
      const answer = await confirm(who);
      refused(answer, 'confirmed-by-another');
      expect(await denial(answer)).toMatchObject({ data: { command: 'ConfirmEnvironmentChange', about: { environment } } });
    }
    await link('ron-bot', ids['ron'] ?? '', true);
    refused(await confirm(await app.person('ron-bot')), 'role-forbidden');
    // A role in another environment is none here, whatever the body says.
    const sam = await joiner('sam');
    await grant(ids['sam'] ?? '', 'release-manager', { kind: 'environment', id: 'e-alias' });
    refused(await sam.post(`${path}/proposals/confirm`, { proposalId, environment: 'e-alias' }), 'role-missing');
    refused(await confirm(ron, randomUUID()), 'proposal-unknown', 404);
    const other = await ron.post(`${path}/proposals/withdraw`, { proposalId, reason: 'No.' });
    refused(other, 'withdrawn-by-proposer');
    // What was superseded is not confirmed: nobody swaps what somebody has read.
    ok(await rita.post(`${path}/proposals`, { ...laxer, reason: 'It is cheaper.' }));
    refused(await confirm(ron), 'proposal-not-open', 409);
    const newer = (await ron.get(path)).body.proposal.proposalId as string;
    const map = async (): Promise<unknown> =>
      (await ron.get(`/v1/environments/map/${environment}`, { 'plimsoll-min-position': String(await head()) })).body;
    expect(await map()).toMatchObject({ policyId: 'p-loose', regimes: ['SOX'], proposal: { proposalId: newer, reason: 'It is cheaper.' } });
    ok(await confirm(ron, newer));
    expect(ok(await confirm(ron, newer))).toMatchObject({ repeated: true });
    expect(await map()).toMatchObject({ policyId: 'p-lax', regimes: [] });
    expect(await map()).not.toHaveProperty('proposal');
    const { events } = await app.plimsoll.infrastructure.log.readStream(`environment-${environment}`);
    expect(events.filter(({ type }) => type === 'EnvironmentDefined').at(-1)?.data).toMatchObject({
      policyId: 'p-lax',
      proposedBy: ids['rita'],
      confirmedBy: ids['ron'],
    });
    ok(await start());
  }, 60_000);

  it('counts no approval that was given in a role which was revoked since, and one in a role that stands', async () => {
    const { grant: route, vote, releaseId } = await waiting('revoked');
    const dina = await joiner('dina', 'deployer');
    const start = (): Promise<Answer> => dina.post('/v1/deployments/deployments', { releaseId, environment: 'e-revoked' });
    const rolf = await joiner('rolf');
    const grantId = await grant(ids['rolf'] ?? '', 'approver');
    ok(await anna.post(route, vote));
    ok(await rolf.post(route, vote));
    ok(await root.post(`/v1/governance/persons/${ids['rolf']}/roles/revoke`, { grantId, reason: 'Moved on.' }));
    const answer = await start();
    refused(answer, 'gates-not-passed', 409);
    expect(JSON.stringify(answer.body.reasons)).toContain(
      `Approvals given in a role that was revoked since count no more: ${ids['rolf']}.`,
    );
    // Nor does a new role bring back what was given in the old one.
    await grant(ids['rolf'] ?? '', 'approver');
    refused(await start(), 'gates-not-passed', 409);
    expect((await anna.get(route.replace('/grant', ''))).body.approvers).toEqual(expect.arrayContaining([ids['anna'], ids['rolf']]));
    ok(await abel.post(route, vote));
    ok(await start());
  }, 60_000);

  it('says of a quorum that those who hold the role can’t fill that they are too few, and nothing of the kind of one that they can', async () => {
    const far = await waiting('far', undefined, 20);
    const near = await waiting('near');
    const headers = { 'plimsoll-min-position': String(await head()) };
    const eligible = async ({ grant: route }: { grant: string }): Promise<{ holders: string[]; unblockedBy: string }> =>
      (await anna.get(route.replace('/grant', '/eligible'), headers)).body as { holders: string[]; unblockedBy: string };
    const { holders, unblockedBy } = await eligible(far);
    expect(holders).toEqual(expect.arrayContaining([ids['anna'], ids['abel']]));
    // Who wrote it holds no role for it, who asked for it holds a duty.
    expect(holders).not.toEqual(expect.arrayContaining([ids['ada']]));
    expect(holders).not.toEqual(expect.arrayContaining([ids['rita']]));
    expect(unblockedBy).toContain(`Only ${holders.length} who hold a role for it can`);
    expect(unblockedBy).toContain(`which is ${20 - holders.length} too few`);
    expect((await eligible(near)).holders).toEqual(holders);
    expect((await eligible(near)).unblockedBy).not.toContain('too few');
    ok(await anna.post(far.grant, far.vote));
    expect((await eligible(far)).holders).toEqual(holders.filter((one) => one !== ids['anna']));
  });

  it('lets a role of a team count for what the team owns, once two persons have said so, and for nothing else', async () => {
    const tim = await joiner('tim');
    await grant(ids['tim'] ?? '', 'approver', { kind: 'team', id: 'payments' });
    const own = await waiting('team-own');
    const other = await waiting('team-other');
    refused(await tim.post(own.grant, own.vote), 'role-missing');
    const owned = { product: 'team-own', team: 'payments' };
    ok(await root.post('/v1/governance/ownership', owned));
    refused(await root.post('/v1/governance/ownership/confirm', owned), 'confirmed-by-another');
    refused(await tim.post('/v1/governance/ownership/confirm', owned), 'role-missing');
    refused(await tim.post(own.grant, own.vote), 'role-missing');
    const confirmed = ok(await second.post('/v1/governance/ownership/confirm', owned));
    ok(await tim.post(own.grant, own.vote));
    const elsewhere = await tim.post(other.grant, other.vote);
    refused(elsewhere, 'role-missing');
    expect(JSON.stringify(elsewhere.body.reasons)).toContain('approver in team payments');
    expect((await root.get('/v1/governance/ownership?product=team-own')).body).toMatchObject({ product: 'team-own', team: 'payments' });
    const headers = { 'plimsoll-min-position': confirmed.position };
    const who = await root.get(`/v1/governance/who-could?action=GrantApproval&service=team-own&at=${new Date().toISOString()}`, headers);
    expect((who.body.persons as { person: string }[]).map((p) => p.person)).toContain(ids['tim']);
  });

  it('ends a role at once, whatever the token says, and answers who could do it then and now', async () => {
    const stan = await joiner('stan');
    const grantId = await grant(ids['stan'] ?? '', 'developer');
    const key = { 'idempotency-key': 'stale-1' };
    const first = ok(await stan.post('/v1/artifacts/artifacts', artifact('stale-1'), key));
    const during = new Date().toISOString();
    const revoked = ok(await root.post(`/v1/governance/persons/${ids['stan']}/roles/revoke`, { grantId, reason: 'Moved on.' }));
    const token = await app.person('stan', 'developer');
    refused(await token.post('/v1/artifacts/artifacts', artifact('stale-2')), 'role-missing');
    // Nor is the answer of then given again.
    refused(await token.post('/v1/artifacts/artifacts', artifact('stale-1'), key), 'role-missing');
    const who = async (at: string): Promise<string[]> => {
      const headers = { 'plimsoll-min-position': revoked.position };
      const answer = await root.get(`/v1/governance/who-could?action=RegisterArtifact&at=${at}`, headers);
      expect(answer.status).toBe(200);
      return (answer.body.persons as { person: string }[]).map((p) => p.person);
    };
    expect(first.revision).toBe(0);
    expect(await who(during)).toEqual(expect.arrayContaining([ids['stan'], ids['ada']]));
    const now = await who(new Date().toISOString());
    expect(now).toContain(ids['ada']);
    expect(now).not.toContain(ids['stan']);
    expect(await who('2020-01-01T00:00:00Z')).toEqual([]);
    refused(await root.get('/v1/governance/who-could?action=Fly&at=2020-01-01T00:00:00Z'), 'action-unknown', 422);
  });

  it('voids what rests on a leaver, ends the roles and lets the accounts act no more', async () => {
    const lea = await joiner('lea', 'approver');
    const { grant: route, vote } = await waiting('leaver');
    ok(await lea.post(route, vote));
    const approval = route.replace('/grant', '');
    expect((await anna.get(approval)).body.outcome).toBe('open');
    ok(await root.post(`/v1/governance/persons/${ids['lea']}/leave`, { reason: 'Contract ended.' }));
    refused(await lea.post(route, vote), 'person-left');
    await eventually('the approval is voided', async () => ((await anna.get(approval)).body.outcome === 'voided' ? true : undefined));
    await eventually('the role ends', async () => {
      const { body } = await anna.get(`/v1/governance/persons/${ids['lea']}/roles`);
      return Object.values(body.granted as Record<string, { revoked: boolean }>).every((g) => g.revoked) || undefined;
    });
  });

  it('finds out later that author and approver were one person, rewriting nothing', async () => {
    const twin = await joiner('twin', 'approver');
    const { grant: route, vote, releaseId } = await waiting('twins', [`${ISSUER}|author-2`]);
    ok(await twin.post(route, vote));
    ok(await anna.post(route, vote));
    const streams = async (): Promise<string> => {
      const { events } = await app.plimsoll.infrastructure.log.readStream(`approval-${route.split('/')[4] ?? ''}`);
      return JSON.stringify(events.map((e) => [e.id, e.type, e.data]));
    };
    const before = await streams();
    // The author's account turns out to be the approver's.
    await link('author-2', ids['twin'] ?? '');
    const found = await eventually('the violation is found', async () => {
      const { body } = await root.get(`/v1/governance/duty-violations?releaseId=${releaseId}`);
      return (body.items as { rule: string; person: string; duties: string[] }[])[0];
    });
    expect(found).toMatchObject({ rule: 'approver-is-not-author', person: ids['twin'], duties: ['author', 'approver'] });
    expect(await streams()).toBe(before);
  });

  it.each([
    ['an address is claimed', 'claimed'],
    ['an author is named', 'named'],
  ])('finds out later that author and approver were one person, where %s afterwards', async (_how, name) => {
    const twin = await joiner(`twin-${name}`, 'approver');
    const id = ids[`twin-${name}`] ?? '';
    const address = `twin.${name}@bank.example`;
    const about = await waiting(`twins-${name}`, name === 'claimed' ? [`Twin <${address}>`] : undefined);
    const apart = await waiting(`twins-${name}-apart`);
    for (const { grant: route, vote } of [about, apart]) ok(await twin.post(route, vote));
    if (name === 'claimed') ok(await root.post(`/v1/governance/persons/${id}/addresses`, { address }));
    else ok(await ada.post('/v1/artifacts/artifacts', artifact(`twins-${name}`, [`${ISSUER}|twin-${name}`])));
    const found = async (releaseId: string) =>
      (await root.get(`/v1/governance/duty-violations?releaseId=${releaseId}`)).body.items as { rule: string; person: string }[];
    const [violation] = await eventually('the violation is found', async () => {
      const items = await found(about.releaseId);
      return items.length > 0 ? items : undefined;
    });
    expect(violation).toMatchObject({ rule: 'approver-is-not-author', person: id, duties: ['author', 'approver'] });
    expect(await found(apart.releaseId)).toEqual([]);
  });

  it('publishes policies on roles by two persons only, without mistakes, and judges by them', async () => {
    const { body } = await peter.get('/v1/governance/role-policies');
    const builtIn = body.builtIn as string;
    const paula = await joiner('paula', 'policy-editor');
    const closed = builtIn.replace(
      /@id\("PlanRelease"\)\npermit/,
      '@id("no-plans-for-frozen")\nforbid (principal, action == Action::"PlanRelease", resource)\nwhen { resource has environment && resource.environment == "frozen" };\n\n@id("PlanRelease")\npermit',
    );
    const misspelt = closed.replace('Action::"PlanRelease"', 'Action::"PlanRelaese"');
    refused(await peter.post('/v1/governance/role-policies', { title: 'Freeze', policies: misspelt }), 'role-policy-invalid', 422);
    refused(
      await peter.post('/v1/governance/role-policies', { title: 'Shut', policies: '@id("x") forbid (principal, action, resource);' }),
      'role-policy-locks-out',
      422,
    );
    ok(await peter.post('/v1/governance/role-policies', { title: 'Freeze', policies: closed }));
    const { hash } = ((await peter.get('/v1/governance/role-policies')).body as { proposed: { hash: string } }).proposed;
    refused(await peter.post('/v1/governance/role-policies/confirm', { hash }), 'confirmed-by-another');
    ok(await paula.post('/v1/governance/role-policies/confirm', { hash }));
    const { releaseId } = await waiting('judged');
    const steps = [{ id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] }];
    refused(await ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment: 'frozen', steps }), 'role-forbidden');
    ok(await ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment: 'thawed', steps }));
  });
});
