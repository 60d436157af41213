import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { FILES } from '#libs/audit-export';
import type { DecisionReceipt } from '#libs/contracts';
import { audit } from '../support/audit.ts';
import { EXIT_CODES } from '../../src/auditor/findings.ts';
import { recheckReceipts } from '../../src/auditor/recheck.ts';
import { views } from '../../src/read-models.ts';
import { freshDatabase } from '../support/database.ts';
import { EventStoreTestServer } from '../support/eventstore/index.ts';
import { logKey } from '../support/exports.ts';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes, read where they are used
  readonly json: any;
}

async function audited(...args: string[]): Promise<Ran> {
  const ran = await audit(...args);
  return { ...ran, json: ran.out.startsWith('{') ? JSON.parse(ran.out) : undefined };
}

/** The stores that the whole program runs on; for EventStoreDB over gRPC, against the test server. */
describe.each(['Postgres', 'EventStoreDB'])('plimsoll-audit, beside a Plimsoll at work on %s', (store) => {
  let server: EventStoreTestServer | undefined;
  const eventStore = (): string[] => (server ? ['--eventstore', server.connectionString] : []);
  let app: RunningApp;
  let folder: string;
  let releaseId: string;
  let key: string;
  const done = (answer: Answer): Answer => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer;
  };
  const database = (): string => app.plimsoll.infrastructure.databaseUrl;
  const exportTo = (name: string, ...more: string[]): Promise<Ran> =>
    audited('export', join(folder, name), '--database', database(), ...eventStore(), '--json', '--quiet', ...more);

  /** A release, approved by one, deployed by another, and a refusal before. */
  async function deploy(manager: Person, anna: Person, dan: Person): Promise<string> {
    done(
      await manager.post('/v1/governance/policies', {
        policyId: 'strict',
        title: 'Strict',
        gates: [{ gate: 'artifacts-registered' }, { gate: 'approved', quorum: 1 }, { gate: 'duties-separated' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    done(await manager.post('/v1/environments/environments', { environment: 'production', class: 'production', policyId: 'strict' }));
    const registered = done(
      await manager.post('/v1/artifacts/artifacts', {
        name: 'shop',
        version: '1.0.0',
        purl: 'pkg:npm/shop@1.0.0',
        digest: { algorithm: 'sha256', value: 'a1'.repeat(32) },
        authors: ['plimsoll-embedded|ada'],
      }),
    );
    const release = done(await manager.post('/v1/planning/releases', { product: 'shop', artifactIds: [registered.body.id] }));
    const id = release.body.id as string;
    const step = { id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] };
    done(await manager.post(`/v1/planning/releases/${id}/plan`, { environment: 'production', steps: [step] }));
    expect((await dan.post('/v1/deployments/deployments', { releaseId: id, environment: 'production' })).status).toBeGreaterThanOrEqual(
      400,
    );
    const requested = done(await manager.post('/v1/governance/approvals', { releaseId: id, environment: 'production' }));
    const open = done(
      await app.get('/v1/governance/approvals?outcome=open', { 'plimsoll-min-position': requested.headers.get('plimsoll-position') ?? '' }),
    );
    const [{ approvalId, tupleHash }] = open.body.items;
    done(await anna.post(`/v1/governance/approvals/${approvalId}/grant`, { tupleHash }));
    const started = done(await dan.post('/v1/deployments/deployments', { releaseId: id, environment: 'production' }));
    const { log } = app.plimsoll.infrastructure;
    await eventually('the end of the deployment', async () => {
      const { events } = await log.readStream(`deployment-${started.body.id}`);
      return events.find(({ type }) => type === 'DeploymentSucceeded' || type === 'DeploymentFailed');
    });
    return id;
  }

  /** Nothing more is written, the ledger has signed all of it, and the views have it. */
  async function settled(): Promise<void> {
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
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-audit-'));
    server = store === 'EventStoreDB' ? await EventStoreTestServer.start() : undefined;
    app = await startApp({
      PLIMSOLL_LEDGER_EVERY_EVENTS: '5',
      PLIMSOLL_LEDGER_EVERY_SECONDS: '1',
      ...(server ? { EVENTSTORE_URL: server.connectionString } : {}),
    });
    const manager = await app.person('rita', 'release-manager', 'developer', 'policy-editor', 'sre');
    releaseId = await deploy(manager, await app.person('anna', 'approver'), await app.person('dan', 'deployer'));
    await settled();
    const { rows } = await app.plimsoll.infrastructure.pool.query<{ verifier: string }>('select verifier from ledger_signer');
    key = rows[0]!.verifier;
  }, 90_000);
  afterAll(async () => {
    await app.stop();
    server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('exports everything, and verifies it without the database', async () => {
    const exported = await exportTo('all', '--views');
    expect(exported.err).toBe('');
    expect(exported).toMatchObject({ exit: 0, json: { manifest: { first: 0, verifierKey: key } } });
    const { events } = exported.json.manifest;
    const verified = await audited('verify', join(folder, 'all'), '--key', key, '--json', '--quiet');
    expect(verified).toMatchObject({ exit: 0, json: { findings: [], events, anchored: events, notes: [] } });
    expect((await audited('verify', join(folder, 'all'), '--key', key)).out).toContain('Nothing wrong was found.');
  });

  it('exports a part, by sequences and by time', async () => {
    expect((await exportTo('part', '--from', '3', '--to', '9')).json.manifest).toMatchObject({ first: 3, end: 9, events: 6 });
    expect(await audited('verify', join(folder, 'part'), '--key', key, '--quiet')).toMatchObject({ exit: 0 });
    const [, second] = (await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 2 })) as [
      unknown,
      { metadata: { recordedAt: string } },
    ];
    expect((await exportTo('since', '--since', second.metadata.recordedAt)).json.manifest).toMatchObject({ first: 1 });
    expect(await audited('verify', join(folder, 'since'), '--key', key, '--quiet')).toMatchObject({ exit: 0 });
    expect(await exportTo('never', '--until', '2001-01-01')).toMatchObject({
      exit: 1,
      err: expect.stringContaining('No event was recorded'),
    });
  });

  it('does not overwrite an export', async () => {
    expect(await exportTo('all')).toMatchObject({ exit: 1, err: expect.stringContaining('not empty') });
  });

  it('executes every decision once more, and each comes out the same', async () => {
    const rechecked = await audited('recheck', join(folder, 'all'), '--key', key, '--json', '--quiet');
    expect(rechecked).toMatchObject({ exit: 0, json: { receipts: { same: 3, differs: 0, unknowable: 0 } } });
  });

  it('sees a receipt that says something else than what was judged, or that is of another decision', async () => {
    const all = await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 1000 });
    const changed = async (change: (receipt: DecisionReceipt) => Partial<DecisionReceipt>): Promise<readonly string[]> => {
      const events = all.map((event) => {
        const data = event.data as { readonly receipt?: DecisionReceipt };
        if (event.type !== 'DeploymentStarted' || !data.receipt) return event;
        return { ...event, data: { ...data, receipt: { ...data.receipt, ...change(data.receipt) } } };
      });
      const outcomes: string[] = [];
      for await (const { event, outcome } of recheckReceipts(
        (async function* () {
          yield events;
        })(),
      )) {
        if (event === 'DeploymentStarted') outcomes.push(outcome);
      }
      return outcomes;
    };
    expect(await changed(() => ({}))).toEqual(['same']);
    expect(await changed(({ gates }) => ({ gates: gates.slice(1) }))).toEqual(['differs']);
    expect(await changed(({ inputs }) => ({ inputs: inputs.slice(1) }))).toEqual(['differs']);
    expect(await changed(() => ({ factsHash: '0'.repeat(64) }))).toEqual(['differs']);
    expect(await changed(({ subject }) => ({ subject: { ...subject!, deployer: 'person-other' } }))).toEqual(['differs']);
  });

  it('says of a decision whose inputs are not in the export that it can not know', async () => {
    const { log } = app.plimsoll.infrastructure;
    const all = await log.readAll({ after: -1n, maxCount: 1000 });
    const start = all.findIndex(({ type }) => type === 'DeploymentStarted');
    await exportTo('late', '--from', String(start));
    const rechecked = await audited('recheck', join(folder, 'late'), '--key', key, '--json', '--quiet');
    expect(rechecked).toMatchObject({ exit: EXIT_CODES['receipt-unknowable'], json: { receipts: { same: 0, differs: 0, unknowable: 2 } } });
  });

  it('computes the report that Plimsoll answers, byte for byte, and knows another', async () => {
    const answered = done(await app.get(`/v1/governance/audit-reports/${releaseId}`));
    const out = join(folder, 'report.json');
    const args = ['report', join(folder, 'all'), '--key', key, '--release', releaseId, '--json', '--quiet'];
    const computed = await audited(...args, '--out', out);
    expect(computed.exit).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(answered.text);
    expect(await audited(...args, '--expect', computed.json.digest)).toMatchObject({ exit: 0 });
    expect(await audited(...args, '--expect', '0'.repeat(64))).toMatchObject({ exit: EXIT_CODES['report-differs'] });
    expect(await audited('report', join(folder, 'all'), '--release', 'none', '--quiet')).toMatchObject({ exit: 1 });
  });

  it('replays into an empty Plimsoll, where the views come out row for row; and not into one that is in use', async () => {
    const empty = await freshDatabase();
    try {
      const replayed = await audited('replay', join(folder, 'all'), '--key', key, '--into', empty.url, '--json', '--quiet');
      expect(replayed).toMatchObject({ exit: 0, json: { findings: [] } });
      const views = replayed.json.views as { rows: number; compared: boolean }[];
      expect(views.every(({ compared }) => compared)).toBe(true);
      expect(views.reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThan(5);
      expect(await audited('replay', join(folder, 'all'), '--into', empty.url, '--quiet')).toMatchObject({
        exit: 1,
        err: expect.stringContaining('empty'),
      });
    } finally {
      await empty.drop();
    }
  });

  it('names the row of a view that somebody has edited, put in or taken out', async () => {
    const { pool } = app.plimsoll.infrastructure;
    const edits = [
      `update audit_report set report = jsonb_set(report, '{product}', '"other"')`,
      `update denial set detail = 'Nothing to see here.'`,
      `delete from approval_board`,
      `insert into denial select (jsonb_populate_record(d, '{"command_id": "00000000-0000-4000-8000-00000000dead"}')).* from denial d limit 1`,
    ];
    for (const [n, edit] of edits.entries()) {
      const table = /^(?:update|delete from|insert into) (\w+)/.exec(edit)![1]!;
      await pool.query(`create table kept as table ${table}`);
      await pool.query(edit);
      await exportTo(`edited-${n}`, '--views');
      const empty = await freshDatabase();
      try {
        const replayed = await audited('replay', join(folder, `edited-${n}`), '--key', key, '--into', empty.url, '--json', '--quiet');
        expect(replayed).toMatchObject({ exit: EXIT_CODES['view-differs'] });
        const names = (replayed.json.findings as { name: string; where: string }[]).map(
          ({ name, where }) => `${name} ${where.split(' ')[0]!}`,
        );
        const view = views.find((v) => v.table === table)!.name;
        expect(new Set(names)).toEqual(new Set([`view-differs ${view}`]));
      } finally {
        await empty.drop();
      }
      await pool.query(`delete from ${table}`);
      await pool.query(`insert into ${table} table kept`);
      await pool.query('drop table kept');
    }
  });

  it('names the view whose rows were changed and then given another version, so that nothing would compare them', async () => {
    await exportTo('versioned', '--views');
    const path = join(folder, 'versioned', FILES.views);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    const { view } = JSON.parse(lines[0]!) as { view: string };
    const changed = lines.map((line) => {
      const row = JSON.parse(line) as { view: string };
      return row.view === view ? JSON.stringify({ ...row, version: 999 }) : line;
    });
    writeFileSync(path, `${changed.join('\n')}\n`);
    const empty = await freshDatabase();
    try {
      const replayed = await audited('replay', join(folder, 'versioned'), '--key', key, '--into', empty.url, '--json', '--quiet');
      expect(replayed).toMatchObject({
        exit: EXIT_CODES['view-differs'],
        json: { findings: [{ name: 'view-differs', where: view, detail: expect.stringContaining('999') }] },
      });
    } finally {
      await empty.drop();
    }
  });

  it('does nothing with an export that does not hold', async () => {
    const other = logKey(key.slice(0, key.indexOf('+'))).verifier.text;
    for (const command of ['recheck', 'report', 'replay']) {
      const needed = { recheck: [], report: ['--release', releaseId], replay: ['--into', 'postgres://127.0.0.1:1/none'] }[command]!;
      const refused = await audited(command, join(folder, 'all'), '--key', other, '--quiet', ...needed);
      expect(refused).toMatchObject({ exit: EXIT_CODES['forged-checkpoint'], out: expect.stringContaining('nothing was done with it') });
    }
  });
});

it('imports nothing of Nest, and verify nothing of any database', async () => {
  const seen = new Set<string>();
  const { importsOf, relativeTarget } = await import('../architecture/source-tree.ts');
  const root = resolve(__dirname, '../..');
  const follow = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const file = { path, text: readFileSync(join(root, path), 'utf8') };
    // What is only a type is gone at run time.
    const text = file.text.replace(/(?:import|export) type [^;]+;/g, '');
    for (const specifier of importsOf({ path, text })) {
      const lib = /^#libs\/(.+)/.exec(specifier)?.[1];
      const target = lib ? `libs/${lib}/index.ts` : relativeTarget(file, specifier);
      if (target) follow(target);
      else seen.add(specifier);
    }
  };
  follow('src/auditor/main.ts');
  expect([...seen].filter((name) => name.startsWith('@nestjs'))).toEqual([]);
  expect(seen).toContain('pg');
  seen.clear();
  follow('src/auditor/verify.ts');
  expect(seen).toContain('libs/audit-export/lines.ts');
  expect([...seen].filter((name) => /^(pg|typeorm)(\/|$)/.test(name))).toEqual([]);
});
