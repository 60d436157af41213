import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTROL_QUESTIONS, type Change, type ComplianceReport } from '#libs/compliance';
import { defaultPersonId } from '#libs/identity';
import { EXIT_CODES } from '../../src/auditor/findings.ts';
import { STEPS } from '../adversarial/stage.ts';
import { audit } from '../support/audit.ts';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

interface Deployed {
  readonly releaseId: string;
  readonly deploymentId: string;
}

/** Four changes on the running program: as it should be, under a bypass, approved by its author under another name, and behind its back. */
describe('compliance reports', () => {
  let app: RunningApp;
  let folder: string;
  let auditor: Person;
  let manager: Person;
  let good: Deployed;
  let bypassed: Deployed;
  let alias: Deployed;
  let from: string;
  let to: string;
  let answer: Answer;
  let report: ComplianceReport;

  const environment = 'production';
  const hex = (c: string): string => c.repeat(64);
  const personOf = (subject: string): string => defaultPersonId('plimsoll-embedded', subject);
  const ok = (given: Answer): Answer => {
    if (given.status >= 300) throw new Error(given.text);
    return given;
  };
  const changeOf = ({ deploymentId }: Deployed): Change => report.changes.find((c) => c.id === deploymentId)!;
  const notYes = ({ verdicts }: Change): Record<string, string> =>
    Object.fromEntries(Object.entries(verdicts).flatMap(([q, { verdict }]) => (verdict === 'yes' ? [] : [[q, verdict]])));
  const ask = (query: Record<string, string>, as: Person = auditor): Promise<Answer> =>
    as.get(`/v1/governance/compliance-reports?${new URLSearchParams(query)}`);
  const sampled = (): Record<string, string> => ({ from, to, seed: 'autumn', sample: '2' });
  /** Of the checkpoint that the first answer rests on: the log goes on, and is signed again. */
  const pinned = (): Record<string, string> => ({ ...sampled(), treeSize: String(report.log.checkpoint?.size) });
  const now = (): string => new Date().toISOString();

  async function planned(name: string, digest: string, author: string): Promise<string> {
    const purl = `pkg:npm/${name}@1.0.0`;
    const artifact = { name, version: '1.0.0', purl, digest: { algorithm: 'sha256', value: digest }, authors: [author] };
    const { id } = ok(await manager.post('/v1/artifacts/artifacts', artifact)).body;
    const releaseId = ok(await manager.post('/v1/planning/releases', { product: name, artifactIds: [id] })).body.id as string;
    const steps = [{ id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] }];
    ok(await manager.post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps }));
    const about = new URLSearchParams({ releaseId, artifactDigest: `sha256:${digest}`, suite: 'unit' });
    const junit = '<testsuite name="unit" tests="1"><testcase name="adds"/></testsuite>';
    ok(await app.post(`/v1/evidence/junit?${about}`, junit, ['tester'], { 'content-type': 'application/xml' }));
    return releaseId;
  }

  async function approve(releaseId: string, by: Person): Promise<void> {
    const requested = ok(await manager.post('/v1/governance/approvals', { releaseId, environment }));
    const approval = ok(await manager.get(`/v1/governance/approvals/${requested.body.id}`)).body;
    ok(await by.post(`/v1/governance/approvals/${requested.body.id}/grant`, { tupleHash: approval.tupleHash }));
  }

  async function deploy(releaseId: string, by: Person, bypassId?: string): Promise<Deployed> {
    const started = ok(
      await by.post('/v1/deployments/deployments', { releaseId, environment, ...(bypassId === undefined ? {} : { bypassId }) }),
    );
    const deploymentId = started.body.id as string;
    await eventually('the end of the deployment', async () => {
      const { events } = await app.plimsoll.infrastructure.log.readStream(`deployment-${deploymentId}`);
      return events.find(({ type }) => type === 'DeploymentSucceeded');
    });
    return { releaseId, deploymentId };
  }

  /** An agent in the cluster tells what came to run. */
  async function tell(service: string, artifactId: string): Promise<void> {
    const before = await reports();
    ok(
      await app.post(
        '/v1/events',
        {
          context: {
            specversion: '0.5.1',
            id: `told-${before}`,
            source: '/cluster',
            type: 'dev.cdevents.service.deployed.0.3.0',
            timestamp: now(),
          },
          subject: { id: service, content: { environment: { id: environment }, artifactId } },
        },
        ['service'],
      ),
    );
    await eventually('the report', async () => ((await reports()) > before ? true : undefined));
  }

  async function reports(): Promise<number> {
    const { events } = await app.plimsoll.infrastructure.log.readStream(`environment-${environment}`);
    return events.filter(({ type }) => type === 'RunningVersionReported').length;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-compliance-'));
    app = await startApp({ ...STEPS, PLIMSOLL_LEDGER_EVERY_EVENTS: '5', PLIMSOLL_LEDGER_EVERY_SECONDS: '1' });
    from = now();
    manager = await app.person('rita', 'release-manager', 'developer', 'policy-editor', 'sre');
    auditor = await app.person('otto', 'auditor');
    const [anna, dan] = [await app.person('anna', 'approver'), await app.person('dan', 'deployer')];
    const [root, second] = [await app.person('root', 'identity-admin'), await app.person('second', 'identity-admin')];
    const gates = [{ gate: 'tests-passed' }, { gate: 'approved', quorum: 1 }, { gate: 'duties-separated' }];
    ok(await manager.post('/v1/governance/policies', { policyId: 'strict', title: 'Strict', gates, rollbackGates: gates.slice(0, 1) }));
    ok(await manager.post('/v1/environments/environments', { environment, class: 'production', policyId: 'strict', regimes: ['SOX'] }));

    const goodRelease = await planned('shop', hex('a'), 'plimsoll-embedded|ada');
    expect((await dan.post('/v1/deployments/deployments', { releaseId: goodRelease, environment })).status).toBe(409);
    await approve(goodRelease, anna);
    good = await deploy(goodRelease, dan);
    await tell('shop', `pkg:npm/shop@1.0.0?checksum=sha256:${hex('a')}`);

    const bypassedRelease = await planned('pay', hex('b'), 'plimsoll-embedded|ada');
    const asked = { releaseId: bypassedRelease, environment, gates: ['approved'], justification: 'Payments <b>are</b> down.' };
    const bypassId = ok(await manager.post('/v1/governance/bypasses', asked)).body.id as string;
    bypassed = await deploy(bypassedRelease, dan, bypassId);

    const aliasRelease = await planned('mail', hex('c'), 'https://git.example.com|anna-at-night');
    await approve(aliasRelease, anna);
    alias = await deploy(aliasRelease, dan);
    await tell('mail', 'pkg:npm/mail@1.0.0');
    await tell('shop', `sha256:${hex('d')}`);

    const link = { issuer: 'https://git.example.com', subject: 'anna-at-night', person: personOf('anna') };
    ok(await root.post('/v1/governance/persons', { person: link.person }));
    ok(await root.post('/v1/governance/accounts', link));
    ok(await second.post('/v1/governance/accounts/confirm', link));
    const { log, pool } = app.plimsoll.infrastructure;
    await eventually('what the alias shows', async () =>
      (await log.readAll({ after: -1n, maxCount: 10_000 })).find(({ type }) => type === 'DutyViolationFound'),
    );
    to = now();
    // Something after the period, so that it is covered; and a signature over all of it.
    const last = ok(await root.post('/v1/governance/groups', { group: 'after', title: 'After' }));
    const position = last.headers.get('plimsoll-position') ?? '';
    await eventually('a signature over everything', async () => {
      const { rows } = await pool.query<{ signed: boolean }>(
        'select exists (select 1 from ledger_checkpoint c join ledger_leaf l on l.sequence = c.size - 1 where l.position >= $1) as signed',
        [position],
      );
      return rows[0]?.signed ? true : undefined;
    });
    answer = await ask(sampled());
    report = answer.body as ComplianceReport;
  }, 120_000);
  afterAll(async () => {
    await app.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are for auditors and release managers', async () => {
    expect(answer.status).toBe(200);
    expect(await ask({ from, to }, manager)).toMatchObject({ status: 200 });
    expect(await ask({ from, to }, await app.person('eve', 'developer', 'approver', 'identity-admin'))).toMatchObject({ status: 403 });
  });

  it('have the whole population, and every question answered with evidence that is there', async () => {
    expect(report.changes.map((c) => [c.kind, c.outcome])).toEqual([
      ['deployment', 'succeeded'],
      ['deployment', 'succeeded'],
      ['deployment', 'succeeded'],
      ['observed', 'observed'],
    ]);
    const { log } = app.plimsoll.infrastructure;
    for (const change of report.changes) {
      expect(Object.keys(change.verdicts).sort()).toEqual(Object.keys(CONTROL_QUESTIONS).sort());
      for (const { evidence } of Object.values(change.verdicts)) {
        for (const ref of evidence) {
          const at = ref.lastIndexOf('@');
          const { revision } = await log.readStream(ref.slice(0, at));
          expect(revision).toBeGreaterThanOrEqual(Number(ref.slice(at + 1)));
        }
      }
    }
  });

  it('tell the whole story of a change as it should be', () => {
    const change = changeOf(good);
    expect(notYes(change)).toEqual({});
    expect(change).toMatchObject({
      environment,
      environmentClass: 'production',
      regimes: ['SOX'],
      changeClass: 'normal',
      release: { releaseId: good.releaseId, product: 'shop' },
      requester: personOf('rita'),
      authors: [{ account: 'plimsoll-embedded|ada', person: personOf('ada') }],
      tests: [{ suite: 'unit', outcome: 'pass' }],
      approvals: [{ person: personOf('anna') }],
      deployer: personOf('dan'),
      approvedDigests: [`sha256:${hex('a')}`],
      deployedDigests: [`sha256:${hex('a')}`],
      policy: { id: 'strict', version: 1 },
      receipts: [
        { decision: 'start', verdict: 'pass' },
        { decision: 'effect', verdict: 'pass' },
      ],
      observations: [{ by: 'report', service: 'shop' }],
    });
    const times = [change.requested, change.approved, change.started, change.effect, change.ended].map((w) => w?.sequence ?? -1);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('show a bypass, an alias that was learned later and a deployment that nobody authorised, each for what it is', async () => {
    expect(notYes(changeOf(bypassed))).toEqual({
      requested: 'exception',
      'approved-before-deployment': 'exception',
      'approved-digest-deployed': 'exception',
      'approved-plan-deployed': 'exception',
      'duties-separated': 'exception',
      'gates-passed': 'exception',
      'bypass-reviewed': 'exception',
      observed: 'no',
    });
    expect(report.emergencies).toMatchObject([
      {
        changeIds: [bypassed.deploymentId],
        bypass: { state: 'due', justification: expect.stringMatching(/^\{plimsoll-sealed:/), gates: ['approved'] },
      },
    ]);
    const readable = await auditor.get(`/v1/governance/compliance-reports?${new URLSearchParams(pinned())}`, {
      'plimsoll-text': 'revealed',
    });
    expect((readable.body as ComplianceReport).emergencies).toMatchObject([{ bypass: { justification: 'Payments <b>are</b> down.' } }]);
    expect(readable.headers.get('plimsoll-report-digest')).toBe(answer.headers.get('plimsoll-report-digest'));
    expect(notYes(changeOf(alias))).toEqual({ 'no-later-duty-violation': 'no' });
    expect(report.laterViolations).toMatchObject([
      { changeIds: [alias.deploymentId], person: personOf('anna'), rule: 'approver-is-not-author' },
    ]);
    expect(report.accuracy).toMatchObject({
      deployments: 3,
      tookEffect: 3,
      observed: 2,
      neverObserved: [{ changeId: bypassed.deploymentId }],
      reports: 3,
      reportsMatched: 2,
      neverAuthorised: [{ artifact: `sha256:${hex('d')}`, why: 'never-deployed-here' }],
    });
    expect(report.changes.at(-1)?.verdicts.authorised.verdict).toBe('no');
  });

  it('have the denials, what was changed of the rules, and who acted without a role on record', () => {
    expect(report.denials).toMatchObject({ total: 1, byType: [{ command: 'StartDeployment', refusal: 'gates-not-passed', count: 1 }] });
    expect(report.ruleChanges.map((c) => c.event)).toEqual([
      'PolicyPublished',
      'EnvironmentDefined',
      'PersonRegistered',
      'AccountLinkRequested',
      'AccountLinked',
    ]);
    // Here roles come out of tokens, and so none is on record.
    expect(report.access.roles).toEqual([]);
    expect(report.access.actedWithoutGrant).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ person: personOf('anna'), capability: 'approve', times: 2 }),
        expect.objectContaining({ person: personOf('dan'), capability: 'deploy', times: 3 }),
      ]),
    );
  });

  it('rest on a signed checkpoint whose proofs hold, and are the same bytes when asked for again', async () => {
    const { size, root } = report.log.checkpoint!;
    expect(report.log).toMatchObject({ events: size, coversPeriod: true });
    const digest = `sha256:${createHash('sha256').update(answer.text).digest('hex')}`;
    expect(answer.headers.get('plimsoll-report-digest')).toBe(digest);
    const { sequence, ref } = changeOf(good).started;
    const proof = ok(await auditor.get(`/v1/ledger/inclusion-proof?sequence=${sequence}&treeSize=${size}`)).body;
    expect(proof).toMatchObject({ root, treeSize: size });
    expect(`${proof.stream}@${proof.revision}`).toBe(ref);
    // Of what is sampled the proofs are in the report itself: the same that the ledger gives.
    expect(report.proofs?.map(({ changeId }) => changeId)).toEqual(report.sample?.changeIds);
    for (const { leaves } of report.proofs ?? []) {
      for (const leaf of leaves) {
        const asked = ok(await auditor.get(`/v1/ledger/inclusion-proof?sequence=${leaf.sequence}&treeSize=${size}`)).body;
        expect([leaf.leafHash, leaf.path, leaf.ref]).toEqual([asked.leafHash, asked.proof, `${asked.stream}@${asked.revision}`]);
      }
    }
    const again = await ask({ ...sampled(), treeSize: String(size) });
    expect(again.text).toBe(answer.text);
    expect(again.headers.get('plimsoll-tree-size')).toBe(String(size));
    expect(await ask({ from, to, treeSize: '999999' })).toMatchObject({ status: 404 });
  });

  it('are made again by the auditor from an export, byte for byte; and one that was changed is named', async () => {
    const target = join(folder, 'export');
    expect(await audit('export', target, '--database', app.plimsoll.infrastructure.databaseUrl, '--quiet')).toMatchObject({ exit: 0 });
    const given = join(folder, 'given.json');
    writeFileSync(given, answer.text);
    const made = join(folder, 'made.json');
    expect(await audit('compliance', target, '--report', given, '--out', made, '--quiet')).toMatchObject({ exit: 0, err: '' });
    expect(readFileSync(made, 'utf8')).toBe(answer.text);

    const changed = join(folder, 'changed.json');
    writeFileSync(changed, answer.text.replace('"verdict":"no"', '"verdict":"yes"'));
    const different = await audit('compliance', target, '--report', changed, '--quiet');
    expect(different.exit).toBe(EXIT_CODES['report-differs']);
    expect(different.out).toContain('differs from it at byte');
    const { leafHash } = report.proofs![0]!.leaves[0]!;
    writeFileSync(changed, answer.text.replace(leafHash, Buffer.alloc(32, 1).toString('base64')));
    const unproved = await audit('compliance', target, '--report', changed, '--quiet');
    expect(unproved.exit).toBe(EXIT_CODES['report-differs']);
    expect(unproved.out).toContain(`proof-invalid: change ${report.proofs![0]!.changeId}`);
    writeFileSync(changed, answer.text.slice(0, -1));
    expect((await audit('compliance', target, '--report', changed, '--quiet')).exit).toBe(1);
    writeFileSync(changed, `${answer.text} `);
    expect((await audit('compliance', target, '--report', changed, '--quiet')).exit).toBe(EXIT_CODES['report-differs']);

    // In whatever format, by the same code as the server's.
    const size = report.log.checkpoint!.size;
    for (const [format, ...more] of [
      ['html'],
      ['oscal'],
      ['csv', '--table', 'access'],
      ['csv', '--table', 'controls', '--framework', 'pci-dss-4.0'],
    ]) {
      const [, table] = more;
      const [, , , framework] = more;
      const served = await ask({
        ...pinned(),
        format: format!,
        ...(table && { table }),
        ...(framework && { framework }),
      });
      const own = join(folder, `own.${format}`);
      expect(await audit('compliance', target, '--report', given, '--format', format!, ...more, '--out', own, '--quiet')).toMatchObject({
        exit: 0,
      });
      expect(readFileSync(own, 'utf8')).toBe(served.text);
    }
    expect(await audit('compliance', target, '--report', given, '--format', 'html', '--quiet')).toMatchObject({ exit: 2 });
    expect(await audit('compliance', target, '--report', given, '--format', 'csv', '--table', 'x', '--out', made, '--quiet')).toMatchObject(
      {
        exit: 2,
        err: expect.stringContaining('--table: This must be one of: population'),
      },
    );
    const mapping = join(folder, 'house.json');
    const objective = { id: 'h-1-tested', statement: 'It was tested.', questions: ['tested'], sections: [] };
    const controls = [{ id: 'h-1', label: 'H 1', title: 'Tested', objectives: [objective], notCovered: ['All else.'] }];
    writeFileSync(mapping, JSON.stringify({ id: 'house', title: 'House rules', version: '1', source: 'https://rules.example', controls }));
    const house = join(folder, 'house.csv');
    const withHouse = ['--format', 'csv', '--table', 'controls', '--framework', mapping, '--out', house, '--quiet'];
    expect(await audit('compliance', target, '--report', given, ...withHouse)).toMatchObject({ exit: 0 });
    expect(readFileSync(house, 'utf8')).toContain(
      'house,H 1,Tested,not-met,h-1-tested,It was tested.,not-met,"tested (3 yes, 0 exception, 1 no)"',
    );

    const asked = ['--from', from, '--to', to, '--seed', 'autumn', '--sample', '2', '--size', String(size), '--json', '--quiet'];
    const json = JSON.parse((await audit('compliance', target, ...asked)).out) as { digest: string };
    expect(json.digest).toBe(answer.headers.get('plimsoll-report-digest'));
    const expected = asked.filter((arg) => arg !== '--json');
    expect(await audit('compliance', target, ...expected, '--expect', json.digest)).toMatchObject({ exit: 0 });
    expect(await audit('compliance', target, ...expected, '--expect', hex('0'))).toMatchObject({ exit: EXIT_CODES['report-differs'] });
    expect(await audit('compliance', target, '--from', from, '--quiet')).toMatchObject({ exit: 2 });
    expect(await audit('compliance', target, '--from', from, '--report', given, '--quiet')).toMatchObject({ exit: 2 });
    const later = join(folder, 'later');
    const exported = ['--database', app.plimsoll.infrastructure.databaseUrl, '--from', '3', '--quiet'];
    expect(await audit('export', later, ...exported)).toMatchObject({ exit: 0 });
    const refused = await audit('compliance', later, '--report', given, '--quiet');
    expect(refused).toMatchObject({ exit: 1, err: expect.stringContaining('begins with sequence 3') });
  });

  it('come as tables, for a spreadsheet that runs nothing', async () => {
    const csv = await ask({ ...pinned(), format: 'csv' });
    expect(csv.status).toBe(200);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    const day = from.slice(0, 10);
    expect(csv.headers.get('content-disposition')).toBe(
      `attachment; filename="plimsoll-compliance-${day}-to-${to.slice(0, 10)}-population.csv"`,
    );
    const lines = csv.text.split('\r\n');
    expect(lines).toHaveLength(report.changes.length + 2);
    expect(lines[0]).toMatch(/^changeId,verdict,kind,/);
    expect(lines[1]).toContain(good.deploymentId);
    const exceptions = await ask({ ...pinned(), format: 'csv', table: 'exceptions' });
    expect(exceptions.text).toContain(`${alias.deploymentId},no-later-duty-violation,`);
    expect(exceptions.text).not.toContain(good.deploymentId);
    const controls = await ask({ ...pinned(), format: 'csv', table: 'controls', framework: 'soc2-cc8.1' });
    expect(
      controls.text
        .split('\r\n')
        .slice(1, -1)
        .every((line) => line.startsWith('soc2-cc8.1,CC8.1,')),
    ).toBe(true);
  });

  it('come as a page that may do nothing, and names the report that it shows', async () => {
    const page = await ask({ ...pinned(), format: 'html', framework: 'sox-itgc-change-management' });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox$/,
    );
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('content-disposition')).toMatch(/^inline; filename="[a-z0-9.-]+\.html"$/);
    const digest = page.headers.get('plimsoll-report-digest') ?? '';
    expect(digest).toBe(answer.headers.get('plimsoll-report-digest'));
    for (const shown of [digest, report.log.checkpoint!.root, good.deploymentId, 'Sarbanes-Oxley', '(sealed)'])
      expect(page.text).toContain(shown);
    expect(page.text).not.toContain('164.312');
    expect(page.text).not.toMatch(/Payments are down|plimsoll-sealed/);
    const asked = new URLSearchParams({ ...pinned(), format: 'html' });
    const opened = await auditor.get(`/v1/governance/compliance-reports?${asked}`, { 'plimsoll-text': 'revealed' });
    expect(opened.text).toContain('Payments &lt;b&gt;are&lt;/b&gt; down.');
    expect(opened.headers.get('plimsoll-report-digest')).toBe(digest);
  });

  it('come as OSCAL assessment results, with a finding for what was judged', async () => {
    const oscal = await ask({ ...pinned(), format: 'oscal', framework: 'nist-800-53-r5', assessmentPlan: 'plans/2026.json' });
    expect(oscal).toMatchObject({ status: 200 });
    expect(oscal.headers.get('content-disposition')).toMatch(/-oscal\.json"$/);
    const results = oscal.body['assessment-results'];
    expect(results['import-ap']).toEqual({ href: 'plans/2026.json' });
    const findings = results.results[0].findings as { target: { 'target-id': string; status: { state: string } } }[];
    const states = Object.fromEntries(findings.map(({ target }) => [target['target-id'], target.status.state]));
    expect(states).toMatchObject({ 'ac-5-duties-separated': 'not-satisfied', 'cm-3-implemented-as-approved': 'not-satisfied' });
    expect((await ask({ ...pinned(), format: 'oscal', framework: 'nist-800-53-r5', assessmentPlan: 'plans/2026.json' })).text).toBe(
      oscal.text,
    );
  });

  it.each([
    ['a time without its offset', { from: '2026-01-01T00:00:00' }, 'from'],
    ['an end before the begin', { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, 'to'],
    ['an end in the future', { from: '2999-01-01T00:00:00Z', to: '2999-01-02T00:00:00Z' }, 'to'],
    ['a period over 400 days', { from: '2020-01-01T00:00:00Z', to: '2022-01-01T00:00:00Z' }, 'to'],
    ['a sample without a seed', { sample: '3' }, 'seed'],
    ['a seed that nobody can type', { seed: 'a\u200b', sample: '3' }, 'seed'],
    ['a sample of none', { seed: 'a', sample: '0' }, 'sample'],
    ['a format that there is not', { format: 'docx' }, 'format'],
    ['a table that there is not', { format: 'csv', table: 'summary' }, 'table'],
    ['a table of what has none', { format: 'html', table: 'population' }, 'table'],
    ['a framework that there is not', { format: 'oscal', framework: 'iso-27001' }, 'framework'],
    ['a framework twice', { format: 'oscal', framework: 'soc2-cc8.1,soc2-cc8.1' }, 'framework'],
    ['a framework where it says nothing', { framework: 'soc2-cc8.1' }, 'framework'],
    ['an assessment plan that does something', { format: 'oscal', assessmentPlan: 'javascript:alert(1)' }, 'assessmentPlan'],
    ['a size that is none', { treeSize: '-1' }, 'treeSize'],
    ['what is not known', { person: 'anna' }, 'person'],
  ])('are refused for %s', async (_what, query, path) => {
    const refused = await ask({ from, to, ...query });
    expect(refused).toMatchObject({ status: 400, body: { type: expect.stringContaining('validation') } });
    expect(refused.body.errors).toEqual(expect.arrayContaining([expect.objectContaining({ path })]));
  });

  it('draw the sample that was asked for, from the population alone', () => {
    expect(report.sample).toMatchObject({ seed: 'autumn', size: 2 });
    const ranked = report.changes
      .map(({ id }) => ({ id, rank: createHash('sha256').update(`autumn\n${id}`).digest('hex') }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1));
    expect(report.sample?.changeIds).toEqual(ranked.slice(0, 2).map(({ id }) => id));
  });
});
