import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEXT_FIELDS, textsIn } from '#libs/contracts';
import { isProgram } from '#libs/event-sourcing';
import { defaultPersonId } from '#libs/identity';
import { views } from '../../src/read-models.ts';
import { compareWithRebuild } from '#libs/read-models';
import { audit } from '../support/audit.ts';
import { freshDatabase } from '../support/database.ts';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';
import { storedIn } from '../support/stored-bytes.ts';

/** What persons wrote, and its erasure: attempts to find it, to keep it and to erase it wrongly, each beside what is rightly done. */
describe('what persons wrote', () => {
  // Nobody else's text has it.
  const OTTO = 'Ottokar Zweigelt-4711';
  const DORA = 'Dorothea Blaufraenkisch-4712';
  let app: RunningApp;
  let folder: string;
  let ada: Person;
  let rita: Person;
  let dora: Person;
  let otto: Person;
  let dan: Person;
  let ida: Person;
  let iris: Person;
  let lena: Person;
  let audrey: Person;
  let releaseId: string;
  let approvalId: string;
  let tupleHash: string;
  let bypassId: string;
  let key: string;

  const personId = (subject: string): string => defaultPersonId('plimsoll-embedded', subject);
  const ok = (answer: Answer): Answer => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer;
  };
  const refused = (answer: Answer, status: number, type: string): void =>
    expect({ status: answer.status, type: answer.body.type }).toEqual({ status, type: `https://plimsoll.dev/problems/${type}` });
  const bytesOf = (path: string): Buffer =>
    Buffer.concat(
      readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((f) =>
        f.isFile() ? [readFileSync(join(f.parentPath, f.name))] : [],
      ),
    );
  /** Nothing more is written, the ledger has signed all of it, and the views have it. */
  const settled = async (): Promise<void> => {
    const { pool, log } = app.plimsoll.infrastructure;
    let before = -1n;
    await eventually('a signature over everything', async () => {
      const head = await log.head();
      const quiet = head === before;
      before = head;
      const { rows } = await pool.query<{ position: string; signed: boolean }>(
        'select position, size = (select max(size) from ledger_checkpoint) as signed from ledger_tree',
      );
      const behind = await pool.query(
        `select 1 from subscription where name like 'projection:%' and state <> 'retired' and position < $1`,
        [String(head)],
      );
      return quiet && rows[0]?.signed && rows[0].position === String(head) && behind.rowCount === 0 ? true : undefined;
    });
  };
  const step = (id: string) => ({ id, driver: 'exec', action: 'noop', input: {}, dependsOn: [] });
  /** All that is answered of what was written; by subject of the writer. */
  const shown = async (): Promise<Record<string, string>> => ({
    bypasses: ok(await dora.get('/v1/governance/bypasses')).text,
    bypass: ok(await dora.get(`/v1/governance/bypasses/${bypassId}`)).text,
    csv: ok(await dora.get('/v1/governance/bypasses.csv')).text,
    report: ok(await audrey.get(`/v1/governance/audit-reports/${releaseId}`, { 'plimsoll-text': 'revealed' })).text,
  });

  /** What was asked by whoever was denied for her duties, opened. */
  const denied = async (): Promise<string> => {
    const { log, texts } = app.plimsoll.infrastructure;
    const all = await log.readAll({ after: -1n, maxCount: 10_000 });
    const found = all.find(
      ({ type, data }) => type === 'CommandDenied' && (data as { refusal: string }).refusal === 'duties-not-separated',
    );
    return (await texts.reveal([JSON.stringify(found?.data)]))[0] ?? '';
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-erasure-'));
    app = await startApp({ PLIMSOLL_LEDGER_EVERY_EVENTS: '5', PLIMSOLL_LEDGER_EVERY_SECONDS: '1' });
    ada = await app.person('ada', 'developer', 'policy-editor');
    rita = await app.person('rita', 'release-manager');
    dora = await app.person('dora', 'approver');
    otto = await app.person('otto', 'approver', 'deployer', 'release-manager');
    dan = await app.person('dan', 'deployer');
    ida = await app.person('ida', 'identity-admin');
    iris = await app.person('iris', 'identity-admin');
    lena = await app.person('lena', 'records-manager');
    audrey = await app.person('audrey', 'auditor');
    ok(
      await ada.post('/v1/governance/policies', {
        policyId: 'strict',
        title: 'Strict',
        gates: [{ gate: 'approved', quorum: 2 }, { gate: 'duties-separated' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    ok(await rita.post('/v1/environments/environments', { environment: 'production', class: 'production', policyId: 'strict' }));
    const { id: artifactId } = ok(
      await ada.post('/v1/artifacts/artifacts', {
        name: 'shop',
        version: '1.0.0',
        purl: 'pkg:npm/shop@1.0.0',
        digest: { algorithm: 'sha256', value: 'a'.repeat(64) },
        authors: ['plimsoll-embedded|ada'],
      }),
    ).body;
    releaseId = ok(await ada.post('/v1/planning/releases', { product: 'shop', artifactIds: [artifactId] })).body.id;
    ok(
      await ada.post(`/v1/planning/releases/${releaseId}/plan`, {
        environment: 'production',
        steps: [step('a')],
        changeClass: 'emergency',
        changeReason: `${DORA} found it broken.`,
      }),
    );
    approvalId = ok(await rita.post('/v1/governance/approvals', { releaseId, environment: 'production' })).body.id;
    tupleHash = (await dora.get(`/v1/governance/approvals/${approvalId}`)).body.tupleHash;
  }, 60_000);
  afterAll(async () => {
    await app.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is sealed wherever it is stored, also where it was refused, and can be read by whoever may', async () => {
    const headers = { 'idempotency-key': 'otto-grants' };
    const vote = { tupleHash, comment: `=Looks right to me, says ${OTTO}, "boss"` };
    const granted = ok(await otto.post(`/v1/governance/approvals/${approvalId}/grant`, vote, headers));
    // The same again is the same: nothing new is sealed or stored, whoever answers it.
    expect(ok(await otto.post(`/v1/governance/approvals/${approvalId}/grant`, vote, headers)).text).toBe(granted.text);
    await app.plimsoll.infrastructure.pool.query('delete from idempotency');
    const again = ok(await otto.post(`/v1/governance/approvals/${approvalId}/grant`, vote, headers));
    expect(again.body).toEqual({ ...granted.body, repeated: true });
    refused(
      await otto.post(`/v1/governance/approvals/${approvalId}/grant`, { ...vote, comment: 'Else.' }, headers),
      422,
      'idempotency-key-reused',
    );

    // Refused, and on record: she may not approve what she has written.
    refused(
      await (
        await app.person('ada', 'approver')
      ).post(`/v1/governance/approvals/${approvalId}/grant`, { tupleHash, comment: `Ask ${OTTO}.` }),
      403,
      'duties-not-separated',
    );
    // Refused for the role: the record has a digest of what was sent, and that is sealed, too.
    refused(await (await app.person('eve')).post(`/v1/governance/approvals/${approvalId}/grant`, vote), 403, 'role-missing');
    bypassId = ok(
      await otto.post('/v1/governance/bypasses', {
        releaseId,
        environment: 'production',
        gates: ['approved'],
        justification: `${OTTO} says,\n"payments" are down; =1+1`,
      }),
    ).body.id;
    ok(await dora.post(`/v1/governance/approvals/${approvalId}/grant`, { tupleHash, comment: `Fine, ${DORA}.` }));
    const started = ok(await dan.post('/v1/deployments/deployments', { releaseId, environment: 'production' }));
    await eventually('the deployment', async () =>
      (await app.plimsoll.infrastructure.log.readStream(`deployment-${started.body.id}`)).events.find(
        ({ type }) => type === 'DeploymentSucceeded' || type === 'DeploymentFailed',
      ),
    );
    ok(await ida.post('/v1/governance/persons', { person: personId('otto') }));
    await settled();

    // Every field that is said to be sealed is, in every event that a person led to.
    const events = await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 10_000 });
    const own = events.flatMap((event) =>
      isProgram({ person: event.metadata.actor })
        ? []
        : textsIn(event.type, event.data).filter(({ field }) => TEXT_FIELDS[field] === 'sealed'),
    );
    expect(new Set(own.map(({ field }) => field))).toEqual(
      new Set(['ApprovalGranted.comment', 'BypassRequested.justification', 'ReleasePlanned.changeReason']),
    );
    expect(own.filter(({ text }) => !/^\{plimsoll-sealed:1:[^}]+\}$/.test(text))).toEqual([]);

    for (const text of [OTTO, DORA]) expect(await storedIn(app.plimsoll.infrastructure.pool, text)).toEqual([]);
    const all = await shown();
    for (const name of ['bypasses', 'bypass', 'csv', 'report']) expect([name, all[name]]).toEqual([name, expect.stringContaining(OTTO)]);
    expect(all['report']).toContain(DORA);
    expect(await denied()).toContain(`Ask ${OTTO}.`);
    expect(JSON.stringify(all)).not.toContain('plimsoll-sealed');
    // A cell is written as a cell: what is opened neither ends it nor begins a formula.
    expect(all['csv']).toContain(`"${OTTO} says,\n""payments"" are down; '=1+1"`);
    expect(JSON.parse(all['report']!)).toBeDefined();
  });

  it('is sealed in exports, which verify, recheck and report without any key', async () => {
    const { rows } = await app.plimsoll.infrastructure.pool.query<{ verifier: string }>('select verifier from ledger_signer');
    key = rows[0]!.verifier;
    const out = join(folder, 'before');
    expect(await audit('export', out, '--database', app.plimsoll.infrastructure.databaseUrl, '--views', '--quiet')).toMatchObject({
      exit: 0,
    });
    const bytes = bytesOf(out);
    for (const text of [OTTO, DORA]) expect(bytes.includes(text)).toBe(false);
    expect(bytes.includes('plimsoll-sealed')).toBe(true);
    expect(await audit('verify', out, '--key', key, '--quiet')).toMatchObject({ exit: 0 });
  });

  it('is not opened for whoever copies a seal into text, a query or an event of her own; the words themselves may be said', async () => {
    const { log } = app.plimsoll.infrastructure;
    const granted = (await log.readStream(`approval-${approvalId}`)).events.find(({ type }) => type === 'ApprovalGranted');
    const { comment: stolen } = granted!.data as { comment: string };
    expect(stolen).toMatch(/^\{plimsoll-sealed:1:/);
    const ci = await app.person('ci', 'service');
    refused(await rita.post('/v1/governance/approvals', { releaseId: stolen, environment: 'production' }), 422, 'sealed-text');
    refused(await dora.get(`/v1/governance/bypasses?product=${encodeURIComponent(stolen)}`), 422, 'sealed-text');
    const event = (data: unknown) =>
      ci.post(
        '/v1/events',
        { specversion: '1.0', id: 'e', source: '/ci', type: 'x', data },
        { 'content-type': 'application/cloudevents+json' },
      );
    const rejected = await event({ stolen });
    refused(rejected, 422, 'sealed-text');
    const kept = ok(await ci.get(`/v1/ingestion/outside-events/${rejected.headers.get('plimsoll-rejection-id')}`)).text;
    expect(kept).not.toContain(OTTO);
    ok(await event({ note: 'plimsoll-sealed is a word' }));
  });

  it('is not erased by one person alone, for somebody who is still there, or under a legal hold', async () => {
    const id = personId('otto');
    const ask = (who: Person, what = ''): Promise<Answer> => who.post(`/v1/governance/persons/${id}/erasure${what}`, {});
    refused(await ask(dora), 403, 'role-missing');
    refused(await ida.post(`/v1/governance/persons/${personId('nobody')}/erasure`, {}), 404, 'person-unknown');
    refused(await ask(ida), 409, 'person-not-left');
    ok(await ida.post(`/v1/governance/persons/${id}/leave`, { reason: `${OTTO} went to a competitor.` }));
    ok(
      await lena.post('/v1/governance/legal-holds', {
        holdId: 'lawsuit-1',
        scope: { kind: 'person', id },
        reason: `Smith against ${OTTO}.`,
      }),
    );
    refused(await ask(ida), 409, 'legal-hold');
    ok(await audrey.post('/v1/governance/legal-holds/lawsuit-1/release', { reason: 'Settled.' }));
    expect(ok(await ask(ida)).body.repeated).toBe(false);
    expect(ok(await ask(iris)).body.repeated).toBe(true);
    refused(await ask(ida, '/confirm'), 403, 'confirmed-by-another');
    // A hold that comes between the two keeps it, also.
    ok(await lena.post('/v1/governance/legal-holds', { holdId: 'lawsuit-2', scope: { kind: 'everything', id: '*' }, reason: 'Audit.' }));
    refused(await ask(iris, '/confirm'), 409, 'legal-hold');
    expect(ok(await audrey.get(`/v1/governance/persons/${id}/erasure`)).body).toMatchObject({
      heldBy: ['lawsuit-2'],
      requestedBy: personId('ida'),
      erasures: [],
    });
    expect((await shown())['bypass']).toContain(OTTO);
    ok(await audrey.post('/v1/governance/legal-holds/lawsuit-2/release', { reason: 'Done.' }));
  });

  it('can be read no more once it is erased, anywhere and at once; what others wrote can; and no proof or verdict changes', async () => {
    const id = personId('otto');
    await settled();
    const { pool, log } = app.plimsoll.infrastructure;
    const root = async (size: number): Promise<string> =>
      ok(await audrey.get(`/v1/ledger/inclusion-proof?sequence=0&treeSize=${size}`)).body.root;
    const { rows } = await pool.query<{ size: string }>('select size from ledger_tree');
    const size = Number(rows[0]!.size);
    const before = { root: await root(size), report: ok(await audrey.get(`/v1/governance/audit-reports/${releaseId}`)).text };
    const [{ wrapped, key_id }] = (
      await pool.query<{ wrapped: Buffer; key_id: string }>('select wrapped, key_id from subject_key where subject = $1', [id])
    ).rows as [{ wrapped: Buffer; key_id: string }];
    expect((await shown())['bypass']).toContain(OTTO);

    ok(await iris.post(`/v1/governance/persons/${id}/erasure/confirm`, {}));
    const erasure = await eventually('the destruction', async () => {
      const { body } = await audrey.get(`/v1/governance/persons/${id}/erasure`);
      return body.erasures[0]?.keyDestroyedAt ? body : undefined;
    });
    expect(erasure.erasures).toEqual([
      {
        person: id,
        requestedBy: personId('ida'),
        confirmedBy: personId('iris'),
        erasedAt: expect.any(String),
        keyId: key_id,
        keyDestroyedAt: expect.any(String),
        event: expect.stringMatching(/^person-/),
        inclusionProof: expect.stringContaining('/v1/ledger/inclusion-proof?eventId='),
      },
    ]);
    await settled();

    // The key is nowhere any more, and so is the text.
    expect(await storedIn(pool, wrapped.toString('hex'))).toEqual([]);
    expect(await storedIn(pool, OTTO)).toEqual([]);
    const all = await shown();
    for (const [name, text] of Object.entries(all)) {
      expect([name, text]).toEqual([name, expect.not.stringContaining(OTTO)]);
      expect([name, text]).toEqual([name, expect.stringContaining('(erased)')]);
    }
    expect(all['report']).toContain(DORA);
    // Who names him in her own words has her own key.
    expect(await denied()).toContain(`Ask ${OTTO}.`);
    const person = ok(await ida.get(`/v1/governance/persons/${id}`)).body;
    expect(person).toMatchObject({ left: true, erased: true });

    // Nothing that is proved has changed: the tree, the report's bytes, the views against their rebuild, the verdicts.
    expect(await root(size)).toBe(before.root);
    expect(ok(await audrey.get(`/v1/governance/audit-reports/${releaseId}`)).text).toBe(before.report);
    for (const view of views) {
      const compared = await compareWithRebuild({ view: view as never, log, codec: app.plimsoll.infrastructure.codec, pool });
      expect([view.name, compared.differingCount]).toEqual([view.name, 0]);
    }
    expect(ok(await audrey.get(erasure.erasures[0].inclusionProof)).status).toBe(200);
    const out = join(folder, 'after');
    expect(await audit('export', out, '--database', app.plimsoll.infrastructure.databaseUrl, '--views', '--quiet')).toMatchObject({
      exit: 0,
    });
    expect(await audit('verify', out, '--key', key, '--quiet')).toMatchObject({ exit: 0 });
    const rechecked = await audit('recheck', out, '--key', key, '--json', '--quiet');
    expect(rechecked.exit).toBe(0);
    expect(JSON.parse(rechecked.out).receipts).toMatchObject({ differs: 0, unknowable: 0 });
    expect(JSON.parse(rechecked.out).receipts.same).toBeGreaterThan(0);
    const report = join(folder, 'report.json');
    expect(await audit('report', out, '--key', key, '--release', releaseId, '--out', report, '--quiet')).toMatchObject({ exit: 0 });
    expect(readFileSync(report, 'utf8')).toBe(before.report);
    expect(await audit('verify', join(folder, 'before'), '--key', key, '--quiet')).toMatchObject({ exit: 0 });
  });

  it('about somebody who comes back is sealed with another key, and stays when the erasure is asked for again', async () => {
    const id = personId('otto');
    ok(await ida.post('/v1/governance/persons', { person: id }));
    ok(await iris.post(`/v1/governance/persons/${id}/leave`, { reason: `${OTTO} left again.` }));
    const left = (await app.plimsoll.infrastructure.log.readStream(`person-${id}`)).events.at(-1)!;
    const { keyId, erasures } = ok(await audrey.get(`/v1/governance/persons/${id}/erasure`)).body;
    expect(keyId).toBeDefined();
    expect(keyId).not.toBe(erasures[0].keyId);
    expect(JSON.stringify(left.data)).toContain(keyId);
    const said = (left.data as { reason: string }).reason;
    expect(await app.plimsoll.infrastructure.texts.reveal([said])).toEqual([`${OTTO} left again.`]);
    ok(await ida.post(`/v1/governance/persons/${id}/erasure`, {}));
    ok(await iris.post(`/v1/governance/persons/${id}/erasure/confirm`, {}));
    // Written by iris, and about him: either key is needed.
    await eventually('the destruction', async () =>
      (await app.plimsoll.infrastructure.texts.reveal([said]))[0] === '(erased)' ? true : undefined,
    );
  });

  it('is erased after a crash between the record and the destruction, and not while a hold came first', async () => {
    const database = await freshDatabase();
    const data = mkdtempSync(join(tmpdir(), 'plimsoll-erasure-data-'));
    const environment = { DATABASE_URL: database.url, PLIMSOLL_DATA_DIR: data };
    const running: RunningApp[] = [];
    const start = async (roles: string): Promise<RunningApp> => {
      const one = await startApp({ ...environment, PLIMSOLL_ROLES: roles });
      running.push(one);
      return one;
    };
    try {
      // Without its correlator: the record is there, and nobody destroys anything.
      const first = await start('api');
      const [a, b, l] = [
        await first.person('ida', 'identity-admin'),
        await first.person('iris', 'identity-admin'),
        await first.person('lena', 'records-manager'),
      ];
      const sealed = await first.plimsoll.infrastructure.texts.seal('Private.', [personId('zoe')]);
      ok(await a.post('/v1/governance/persons', { person: personId('zoe') }));
      ok(await a.post(`/v1/governance/persons/${personId('zoe')}/leave`, { reason: 'Left.' }));
      ok(await a.post(`/v1/governance/persons/${personId('zoe')}/erasure`, {}));
      ok(await b.post(`/v1/governance/persons/${personId('zoe')}/erasure/confirm`, {}));
      ok(await l.post('/v1/governance/legal-holds', { holdId: 'late', scope: { kind: 'person', id: personId('zoe') }, reason: 'Late.' }));
      expect(await first.plimsoll.infrastructure.texts.reveal([sealed])).toEqual(['Private.']);
      await first.stop();

      const second = await start('api,correlator');
      const records = await second.person('rosa', 'records-manager');
      await eventually('the note', async () =>
        (await second.plimsoll.infrastructure.subjectKeys.openErasures()).length > 0 ? true : undefined,
      );
      expect(
        (await (await second.person('audrey', 'auditor')).get(`/v1/governance/persons/${personId('zoe')}/erasure`)).body,
      ).toMatchObject({
        heldBy: ['late'],
      });
      expect(await second.plimsoll.infrastructure.texts.reveal([sealed])).toEqual(['Private.']);
      ok(await records.post('/v1/governance/legal-holds/late/release', { reason: 'Over.' }));
      await eventually('the destruction', async () =>
        (await second.plimsoll.infrastructure.texts.reveal([sealed]))[0] === '(erased)' ? true : undefined,
      );
    } finally {
      for (const one of running) await one.stop();
      await database.drop();
      rmSync(data, { recursive: true, force: true });
    }
  }, 60_000);

  it('is not served by a Plimsoll that has another master key', async () => {
    const database = await freshDatabase();
    try {
      const first = await startApp({ DATABASE_URL: database.url, PLIMSOLL_ROLES: 'api' });
      await first.stop();
      await expect(startApp({ DATABASE_URL: database.url, PLIMSOLL_ROLES: 'api' })).rejects.toThrow(/another master key/);
    } finally {
      await database.drop();
    }
  });
});
