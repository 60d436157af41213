import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DomainEvent } from '#libs/event-sourcing';
import { EXIT_CODES } from '../../src/auditor/findings.ts';
import { audit } from '../support/audit.ts';
import { freshDatabase } from '../support/database.ts';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

describe('what is kept beside the log', () => {
  let app: RunningApp;
  let root: string;
  let rita: Person;
  let lena: Person;
  let releaseId: string;
  const digest = 'a1'.repeat(32);
  const ok = (answer: Answer): Answer => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer;
  };
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an answer, read where it is used
  const retention = async (): Promise<any> => ok(await lena.get('/v1/governance/retention')).body;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'plimsoll-retention-'));
    writeFileSync(join(root, 'say.mjs'), `console.log('deploying\\npassword=hunter2\\ndone'); console.log('{"summary": "Deployed."}');`);
    app = await startApp({
      PLIMSOLL_EXEC_FOLDER: root,
      PLIMSOLL_ARCHIVE: join(root, 'archive'),
      PLIMSOLL_ARCHIVE_EVERY_SECONDS: '1',
      PLIMSOLL_ARCHIVE_VIEWS_EVERY_SECONDS: '1',
      PLIMSOLL_LEDGER_EVERY_EVENTS: '5',
      PLIMSOLL_LEDGER_EVERY_SECONDS: '1',
    });
    rita = await app.person('rita', 'release-manager', 'developer', 'policy-editor', 'sre', 'deployer', 'tester', 'auditor');
    lena = await app.person('lena', 'records-manager');
    const policy = {
      policyId: 'open',
      title: 'Open',
      gates: [{ gate: 'artifacts-registered' }],
      rollbackGates: [{ gate: 'rollback-target-ran' }],
    };
    ok(await rita.post('/v1/governance/policies', policy));
    ok(await rita.post('/v1/environments/environments', { environment: 'test', class: 'test', policyId: 'open' }));
    const artifact = { name: 'shop', version: '1.0.0', purl: 'pkg:npm/shop@1.0.0', digest: { algorithm: 'sha256', value: digest } };
    const registered = ok(await rita.post('/v1/artifacts/artifacts', { ...artifact, authors: ['plimsoll-embedded|ada'] }));
    releaseId = ok(await rita.post('/v1/planning/releases', { product: 'shop', artifactIds: [registered.body.id] })).body.id;
  }, 60_000);
  afterAll(async () => {
    await app.stop();
    rmSync(root, { recursive: true, force: true });
  });

  const recordOf = async (stream: string, type: string): Promise<{ recordId: string; sha256: string }> =>
    await eventually(type, async () => {
      const { events } = await app.plimsoll.infrastructure.log.readStream(stream);
      return (events.find((e: DomainEvent) => e.type === type)?.data as { kept?: { recordId: string; sha256: string } })?.kept;
    });
  const deploy = async (): Promise<{ recordId: string; sha256: string }> => {
    const step = { id: 'a', driver: 'exec', action: 'say', input: {}, dependsOn: [] };
    ok(await rita.post(`/v1/planning/releases/${releaseId}/plan`, { environment: 'test', steps: [step] }));
    const started = ok(await rita.post('/v1/deployments/deployments', { releaseId, environment: 'test' }));
    return await recordOf(`deployment-${started.body.id}`, 'StepSucceeded');
  };

  it('is kept, archived and let go as the rules say, and a legal hold keeps it', async () => {
    const { recordId, sha256: kept } = await deploy();
    const log = await rita.get(`/v1/governance/records/${recordId}`);
    expect(log.status).toBe(200);
    expect(log.text).toContain('deploying\npassword=[masked]\ndone\n');
    expect(sha256(log.text)).toBe(kept);
    const archived = await eventually('the archive', async () =>
      (await retention()).records.archived > 0 ? await retention() : undefined,
    );
    expect(archived).toMatchObject({
      inForce: { version: 0 },
      records: { atHand: 1, expired: 0, problems: [] },
      nextExpiries: [{ recordId, rule: { regimes: ['none'], atHandDays: 92 }, where: ['at-hand', 'archive'], heldBy: [] }],
      held: [],
      overdue: [],
    });
    expect(readFileSync(join(root, 'archive', 'records', recordId), 'utf8')).toBe(log.text);

    ok(await lena.post('/v1/governance/legal-holds', { holdId: 'case-1', scope: { kind: 'product', id: 'shop' }, reason: 'Smith.' }));
    const rules = [{ regime: 'none', atHandDays: 0, keepDays: 0 }];
    ok(await lena.post('/v1/governance/retention-policies', { title: 'At once', rules, justification: 'For the test.' }));
    const { pool } = app.plimsoll.infrastructure;
    await eventually('the refusal', async () => {
      const { rows } = await pool.query<{ refusal: string | null }>('select refusal from archive_record where record_id = $1', [recordId]);
      return rows[0]?.refusal?.startsWith('legal-hold') ? true : undefined;
    });
    expect(await retention()).toMatchObject({ inForce: { version: 1 }, records: { atHand: 1 }, held: [{ recordId, heldBy: ['case-1'] }] });
    expect((await rita.get(`/v1/governance/records/${recordId}`)).status).toBe(200);

    ok(await rita.post('/v1/governance/legal-holds/case-1/release', { reason: 'Settled.' }));
    const gone = await eventually('the expiry', async () => {
      const answer = await rita.get(`/v1/governance/records/${recordId}`);
      return answer.status === 410 ? answer : undefined;
    });
    expect(gone.body).toMatchObject({
      type: expect.stringContaining('record-expired'),
      reasons: [{ detail: expect.stringContaining(kept) }],
    });
    const { events } = await app.plimsoll.infrastructure.log.readStream(`record-${recordId}`);
    expect(events).toMatchObject([
      { type: 'RecordExpired', data: { recordId, sha256: kept, policyVersion: 1, holds: 'legalhold-register@1' } },
    ]);
    // The archive has it still, under the manifest that the event names.
    const { manifest, manifestSha256 } = events[0]!.data as { manifest: string; manifestSha256: string };
    const text = readFileSync(join(root, 'archive', manifest), 'utf8');
    expect([sha256(text), JSON.parse(text).records[0]]).toMatchObject([manifestSha256, { recordId, sha256: kept }]);
    expect(readFileSync(join(root, 'archive', 'records', recordId), 'utf8')).toBe(log.text);
  }, 60_000);

  it('is also a test report, byte for byte, which no rule lets go while nobody knows under which regime it is', async () => {
    // What passes for sealed text is no reason to open or change anything: a report is what its digest says.
    const name = '{plimsoll-sealed:1:0190a1b2-c3d4-4e5f-8a6b-000000000001:AAAA}';
    const xml = `<testsuite name="unit" tests="1" failures="0"><testcase classname="a" name="${name}" time="0.1"/></testsuite>`;
    const about = `releaseId=${releaseId}&artifactDigest=sha256:${digest}&suite=unit`;
    const send = (): Promise<Answer> => rita.post(`/v1/evidence/junit?${about}`, xml, { 'content-type': 'application/xml' });
    ok(await send());
    ok(await send());
    const { recordId, sha256: kept } = await recordOf(`testreport-${releaseId}`, 'TestReportRecorded');
    expect(kept).toBe(sha256(xml));
    expect((await rita.get(`/v1/governance/records/${recordId}`)).text).toBe(xml);
    const status = await eventually('the archive', async () => {
      const now = await retention();
      return now.nextExpiries.some((r: { recordId: string; where: string[] }) => r.recordId === recordId && r.where.includes('archive'))
        ? now
        : undefined;
    });
    expect(status.nextExpiries.find((r: { recordId: string }) => r.recordId === recordId).rule).toMatchObject({ atHandDays: 2557 });
    const unknown = await rita.post(`/v1/evidence/junit?${about.replace(releaseId, 'other')}`, xml, { 'content-type': 'application/xml' });
    expect(unknown.status).toBe(404);
    const { rows } = await app.plimsoll.infrastructure.pool.query<{ count: string }>('select count(*) from record_body');
    expect(rows[0]!.count).toBe('1');
  }, 60_000);

  it('is overdue past its ceiling wherever it still is, unless it is held', async () => {
    const rules = [{ regime: 'none', atHandDays: 0, keepDays: 0, ceilingDays: 30 }];
    ok(await lena.post('/v1/governance/retention-policies', { title: 'A month', rules, justification: 'For the test.' }));
    const { recordId } = await deploy();
    const { pool } = app.plimsoll.infrastructure;
    await eventually('its expiry', async () => {
      const { rowCount } = await pool.query('select 1 from archive_record where record_id = $1 and removed_at is not null', [recordId]);
      return rowCount ? true : undefined;
    });
    expect((await retention()).overdue).toEqual([]);
    await pool.query(`update archive_record set kept_at = kept_at - interval '30 days' where record_id = $1`, [recordId]);
    expect((await retention()).overdue).toMatchObject([{ recordId, where: ['archive'], goneBy: expect.anything(), heldBy: [] }]);
    ok(await lena.post('/v1/governance/legal-holds', { holdId: 'case-2', scope: { kind: 'environment', id: 'test' }, reason: 'Smith.' }));
    expect((await retention()).overdue).toEqual([]);
  }, 60_000);

  it('comes back from the archive to a database that has lost it, but for what has expired', async () => {
    const { pool } = app.plimsoll.infrastructure;
    const { rows } = await pool.query<{ record_id: string; removed: boolean }>(
      'select record_id, removed_at is not null as removed from archive_record',
    );
    expect([...new Set(rows.map((row) => row.removed))].sort()).toEqual([false, true]);
    await pool.query('delete from record_body');
    await pool.query(
      'update archive_record set archived_at = null, verified_at = null, removed_at = null, manifest = null, manifest_sha256 = null',
    );
    await eventually('everything in its place', async () => {
      const answers = await Promise.all(rows.map(async ({ record_id }) => (await rita.get(`/v1/governance/records/${record_id}`)).status));
      const { rows: now } = await pool.query('select 1 from archive_record where verified_at is null');
      return answers.every((status, n) => status === (rows[n]!.removed ? 410 : 200)) && now.length === 0 ? true : undefined;
    });
    expect((await retention()).records).toMatchObject({ expired: rows.filter((row) => row.removed).length, problems: [] });
    expect((await rita.get('/metrics')).text).toContain('plimsoll_archive_alarm 0');
  }, 60_000);

  it('has rules that no one sets below what a regulation asks for, and the refusal is on record', async () => {
    const rules = [{ regime: 'SOX', atHandDays: 365, keepDays: 2557 }];
    const refused = await lena.post('/v1/governance/retention-policies', { title: 'Less', rules, justification: 'Cheaper.' });
    expect([refused.status, refused.body.type]).toEqual([422, expect.stringContaining('below-floor')]);
    expect(refused.body.detail).toContain('17 CFR 210.2-06');
    const denied = await eventually('the denial', async () => {
      const { body } = await app.get('/v1/governance/denials?command=PublishRetentionPolicy');
      return body.items[0] as { refusal: string } | undefined;
    });
    expect(denied.refusal).toBe('below-floor');
    const { body } = await app.get('/v1/governance/retention-policies');
    expect(body.versions.map((v: { version: number }) => v.version)).toEqual([1, 2]);
  });

  it.each(['never', '9d1f7a52-6a0e-5c11-9d8e-3c9c2c7a0b77'])('knows no record %s', async (id) => {
    expect((await rita.get(`/v1/governance/records/${id}`)).status).toBe(404);
  });

  it('is not for everybody', async () => {
    const ada = await app.person('ada', 'developer');
    expect((await ada.get('/v1/governance/retention')).status).toBe(403);
    expect((await ada.get('/v1/governance/records/9d1f7a52-6a0e-5c11-9d8e-3c9c2c7a0b77')).status).toBe(403);
    expect((await ada.post('/v1/governance/retention-policies', {})).status).toBe(403);
  });

  it('is read again in the archive, and missed by a restore', async () => {
    const { recordId } = await deploy();
    const { pool } = app.plimsoll.infrastructure;
    const archived = 'select 1 from archive_record where record_id = $1 and verified_at is not null';
    await eventually('the archive', async () => ((await pool.query(archived, [recordId])).rowCount ? true : undefined));
    const segment = async (where: string): Promise<true | undefined> => {
      const { rowCount } = await pool.query(
        `select 1 from archive_segment s where s.verified_at is not null
           and ${where} > (select max(l.sequence) from ledger_leaf l join archive_record r using (stream, revision))`,
      );
      return rowCount ? true : undefined;
    };
    await eventually('its segment', () => segment('s."end"'));
    // Of the segment after it, the record is known to have been due.
    ok(await lena.post('/v1/governance/legal-holds', { holdId: 'case-9', scope: { kind: 'product', id: 'shop' }, reason: 'Smith.' }));
    await eventually('one after it', () => segment('s.first'));
    const restored = async (how: (folder: string) => void): Promise<{ exit: number; where: string[]; events: number }> => {
      const folder = join(root, `copy-${randomUUID()}`);
      cpSync(join(root, 'archive'), folder, { recursive: true });
      how(folder);
      const database = await freshDatabase();
      try {
        const { exit, out } = await audit('restore', folder, '--into', database.url, '--json', '--quiet');
        const { findings, events } = JSON.parse(out) as { findings: { where: string }[]; events: number };
        return { exit, where: findings.map(({ where }) => where), events };
      } finally {
        await database.drop();
      }
    };
    const overwritten = (folder: string): void => {
      const path = join(folder, 'records', recordId);
      chmodSync(path, 0o600);
      writeFileSync(path, 'x');
    };
    expect(await restored(() => undefined)).toMatchObject({ exit: 0, where: [] });
    expect(await restored(overwritten)).toMatchObject({ exit: EXIT_CODES['archive-damaged'], where: [`records/${recordId}`] });
    const emptied = await restored((folder) => rmSync(join(folder, 'records'), { recursive: true }));
    expect(emptied).toMatchObject({ exit: EXIT_CODES['archive-missing'], events: expect.any(Number) });
    expect(emptied.where).toContain(`records/${recordId}`);
    overwritten(join(root, 'archive'));
    await pool.query(`update archive_record set verified_at = '2026-01-01', kept_at = clock_timestamp() where record_id = $1`, [recordId]);
    await eventually('the damage', async () => {
      const { body } = await lena.get('/v1/governance/archive');
      return body.alarm?.detail.startsWith(`records/${recordId}: `) ? true : undefined;
    });
  }, 90_000);
});
