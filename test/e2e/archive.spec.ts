import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile, chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { FolderArchive, S3Archive, type Archive } from '#libs/archive';
import { STRAYS } from '#libs/event-sourcing/testing';
import { formatSigner } from '#libs/ledger';
import { Archiver, type ArchiveAlarm, type ArchiverOptions } from '../../src/archive/archiver.ts';
import { EXIT_CODES } from '../../src/auditor/findings.ts';
import { views } from '../../src/read-models.ts';
import { audit as run } from '../support/audit.ts';
import { freshDatabase } from '../support/database.ts';
import { eventually, startApp, type Person, type RunningApp } from '../support/running-app.ts';
import { startS3Server } from '../support/s3/s3-server.ts';

const root = mkdtempSync(join(tmpdir(), 'plimsoll-archived-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes, read where they are used
async function audit(...args: string[]): Promise<{ exit: number; err: string; json: any; text: string }> {
  const { exit, out, err } = await run(...args);
  return { exit, err, text: out, json: out.startsWith('{') ? JSON.parse(out) : undefined };
}

async function restored(archive: string, ...more: string[]): Promise<Awaited<ReturnType<typeof audit>>> {
  const database = await freshDatabase();
  try {
    return await audit('restore', archive, '--into', database.url, '--json', '--quiet', ...more);
  } finally {
    await database.drop();
  }
}

/** Something of everything: rules, a release, refusals, holds. */
async function work(app: RunningApp, rounds: number): Promise<void> {
  const rita = await app.person('rita', 'release-manager', 'developer', 'policy-editor', 'sre', 'records-manager');
  const done = async (path: string, body: unknown, person: Person = rita): Promise<void> => {
    const answer = await person.post(path, body);
    if (answer.status >= 500) throw new Error(answer.text);
  };
  for (let n = 0; n < rounds; n++) {
    const version = `1.${n}.0`;
    await done('/v1/artifacts/artifacts', {
      name: 'shop',
      version,
      purl: `pkg:npm/shop@${version}`,
      digest: { algorithm: 'sha256', value: n.toString(16).padStart(64, 'a') },
      authors: ['plimsoll-embedded|ada'],
    });
    await done('/v1/environments/environments', { environment: `test-${n}`, class: 'test', policyId: 'open' });
    await done('/v1/governance/legal-holds', { holdId: `case-${n}`, scope: { kind: 'product', id: 'shop' }, reason: 'Ordered.' });
    await done(`/v1/governance/legal-holds/case-${n}/release`, { reason: 'My own.' });
  }
}

/** Nothing more is written, the ledger has signed all of it, and the views have it. */
async function settled(app: RunningApp): Promise<number> {
  const { pool, log } = app.plimsoll.infrastructure;
  let before = -2n;
  return await eventually('a signature over everything', async () => {
    const head = await log.head();
    const quiet = head === before;
    before = head;
    const { rows } = await pool.query<{ position: string; size: string; signed: boolean }>(
      'select position, size, size = (select max(size) from ledger_checkpoint) as signed from ledger_tree',
    );
    const behind = await pool.query(`select 1 from subscription where name like 'projection:%' and state <> 'retired' and position < $1`, [
      String(head),
    ]);
    return quiet && rows[0]?.signed && rows[0].position === String(head) && behind.rowCount === 0 ? Number(rows[0].size) : undefined;
  });
}

describe('the archive of a Plimsoll at work', () => {
  let app: RunningApp;
  let key: string;
  let alarms: ArchiveAlarm[];
  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ARCHIVE: 'off', PLIMSOLL_LEDGER_EVERY_EVENTS: '7', PLIMSOLL_LEDGER_EVERY_SECONDS: '1' });
    await work(app, 20);
    await settled(app);
    key = (await app.plimsoll.infrastructure.pool.query<{ verifier: string }>('select verifier from ledger_signer')).rows[0]!.verifier;
  }, 90_000);
  afterAll(() => app.stop());
  beforeEach(async () => {
    alarms = [];
    await app.plimsoll.infrastructure.pool.query('truncate archive_segment, archive_views, archive_state');
  });

  const archiverInto = (archive: Archive, options: Partial<ArchiverOptions> = {}): Archiver => {
    const { pool, log } = app.plimsoll.infrastructure;
    return new Archiver({
      archive,
      pool,
      log,
      kind: 'postgres',
      views,
      everyEvents: 12,
      everySeconds: 3600,
      viewsEverySeconds: 3600,
      verifyEverySeconds: 3600,
      retainUntil: async () => '2099-01-01T00:00:00.000Z',
      now: () => new Date().toISOString(),
      onAlarm: (alarm) => alarms.push(alarm),
      ...options,
    });
  };
  let folders = 0;
  const nextFolder = (): string => join(root, `archive-${++folders}`);
  const statusNow = async () => {
    const answer = await (await app.person('audrey', 'auditor')).get('/v1/governance/archive');
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.body;
  };

  it('is restored into an empty database with the same views, row for row, and the signed root', async () => {
    const folder = nextFolder();
    const size = await settled(app);
    await archiverInto(new FolderArchive(folder)).tick('now');
    expect(await statusNow()).toMatchObject({ location: folder, verifiedTo: size, archivedTo: size, signedTo: size, gaps: [] });
    const { body } = await (await app.person('audrey', 'auditor')).get('/v1/governance/archive/segments?limit=2');
    expect(body.items).toMatchObject([
      { end: String(size), manifest: expect.stringContaining('segments/'), verifiedAt: expect.anything() },
      {},
    ]);

    const { rows } = await app.plimsoll.infrastructure.pool.query<{ root: Buffer }>('select root from ledger_tree');
    const answer = await restored(folder, '--key', key);
    expect(answer).toMatchObject({
      exit: 0,
      json: { findings: [], events: size, root: { size, hash: rows[0]!.root.toString('base64') } },
    });
    // All that an archive can't say of itself.
    expect(answer.json.notes).toEqual([
      expect.stringContaining(`Whether the log went on after sequence ${size - 1} the archive can't say`),
    ]);
    expect(answer.json.segments).toBeGreaterThan(size / 12 - 1);
    expect(answer.json.views.every((view: { compared: boolean; differing: number }) => view.compared && view.differing === 0)).toBe(true);
    expect(answer.json.views.find((view: { view: string }) => view.view === 'legal-holds').rows).toBe(20);
  }, 60_000);

  it('is kept in S3 as in a folder, and restored from there', async () => {
    const server = await startS3Server();
    try {
      const { bucket, region, credentials, url } = server;
      const size = await settled(app);
      await archiverInto(new S3Archive({ bucket, region, credentials, endpoint: url, prefix: 'bank/' })).tick('now');
      Object.assign(process.env, {
        PLIMSOLL_ARCHIVE_S3_REGION: region,
        PLIMSOLL_ARCHIVE_S3_ENDPOINT: url,
        PLIMSOLL_ARCHIVE_S3_ACCESS_KEY_ID: credentials.accessKeyId,
        PLIMSOLL_ARCHIVE_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      });
      expect(await restored(`s3://${bucket}/bank`, '--key', key)).toMatchObject({ exit: 0, json: { events: size, findings: [] } });
      const put = server.requests.filter((request) => request.startsWith('PUT ')).map((request) => request.slice(4));
      expect(put.length).toBeGreaterThan(10);
      for (const object of put) expect([object, server.removeVersion(object)]).toEqual([object, 403]);
    } finally {
      await server.close();
      for (const name of Object.keys(process.env)) if (name.startsWith('PLIMSOLL_ARCHIVE_S3_')) delete process.env[name];
    }
  }, 60_000);

  it('goes on after a crash at any moment, and comes to the same', async () => {
    const size = await settled(app);
    const folder = nextFolder();
    const archive: Archive = new FolderArchive(folder);
    let left = 0;
    let deaths = 0;
    const dying: Archive = {
      kind: 'folder',
      location: folder,
      get: (name) => archive.get(name),
      list: (prefix) => archive.list(prefix),
      put: async (...args) => {
        if (left-- <= 0) throw new Error('killed');
        return await archive.put(...args);
      },
    };
    for (let puts = 1; ; puts++) {
      // Every life of the process puts a few files more than the one before, and remembers nothing but the database.
      left = puts % 9;
      const died = await archiverInto(dying)
        .tick('now')
        .then(
          () => false,
          (error: Error) => error.message === 'killed',
        );
      if (!died) break;
      deaths++;
      if (deaths > 200) throw new Error('It never came to the end.');
    }
    expect(deaths).toBeGreaterThan(3);
    await archiverInto(archive).tick('now');
    expect(await statusNow()).toMatchObject({ verifiedTo: size, gaps: [] });
    expect(await restored(folder, '--key', key)).toMatchObject({ exit: 0, json: { events: size, findings: [] } });
  }, 90_000);

  it('is written by one archiver at a time, and by a second one no more than once', async () => {
    const size = await settled(app);
    const folder = nextFolder();
    await Promise.all(Array.from({ length: 4 }, () => archiverInto(new FolderArchive(folder)).tick('now')));
    await archiverInto(new FolderArchive(folder)).tick('now');
    const status = await statusNow();
    expect(status).toMatchObject({ verifiedTo: size, gaps: [] });
    const before = await readdir(folder, { recursive: true });
    await archiverInto(new FolderArchive(folder)).tick('now');
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(before.sort());
  });

  it('waits until something is due', async () => {
    const folder = nextFolder();
    await archiverInto(new FolderArchive(folder), { everyEvents: 100_000 }).tick();
    expect(await statusNow()).toMatchObject({ archivedTo: 0, segments: 0, gaps: [{ kind: 'not-archived-yet', first: 0 }] });
    await archiverInto(new FolderArchive(folder), { everyEvents: 100_000, everySeconds: 0 }).tick();
    expect(await statusNow()).toMatchObject({ gaps: [] });
  });

  it('is taken over by a database that has lost what it knew of it', async () => {
    const folder = nextFolder();
    await archiverInto(new FolderArchive(folder)).tick('now');
    const before = (await readdir(folder, { recursive: true })).sort();
    const { pool } = app.plimsoll.infrastructure;
    await pool.query('delete from archive_segment where first >= (select max(first) / 2 from archive_segment)');
    await archiverInto(new FolderArchive(folder), { everyEvents: 5 }).tick('now');
    expect(await statusNow()).toMatchObject({ gaps: [] });
    const after = (await readdir(folder, { recursive: true })).sort();
    expect(after.filter((name) => name.startsWith('segments'))).toEqual(before.filter((name) => name.startsWith('segments')));
  });

  it('of another log is not continued', async () => {
    const folder = nextFolder();
    await archiverInto(new FolderArchive(folder)).tick('now');
    const manifests = (await readdir(folder, { recursive: true })).filter(
      (name) => name.endsWith('archive.json') && name.startsWith('seg'),
    );
    for (const name of manifests) {
      const path = join(folder, name);
      const text = (await readFile(path, 'utf8')).replace(/"verifierKey": "[^"]+"/, '"verifierKey": "other.example+00000000+AAAA"');
      await rm(path, { force: true });
      await writeFile(path, text);
    }
    await app.plimsoll.infrastructure.pool.query('truncate archive_segment, archive_views');
    await archiverInto(new FolderArchive(folder)).tick('now');
    expect(alarms).toMatchObject([{ code: 'archive-damaged', detail: expect.stringContaining('of another log') }]);
    expect((await statusNow()).alarm).toMatchObject({ code: 'archive-damaged' });
  });

  it('does not take a tampered log for the truth, and says so; and goes on when it is put right', async () => {
    const { pool } = app.plimsoll.infrastructure;
    const folder = nextFolder();
    // Whoever owns the database can switch off what keeps the log append-only.
    await pool.query('alter table event_log.events disable trigger append_only');
    const change = (from: string, to: string) =>
      pool.query(`update event_log.events set data = replace(data, $1, $2) where type = 'LegalHoldPlaced'`, [from, to]);
    await change('"shop"', '"ship"');
    try {
      await archiverInto(new FolderArchive(folder), { everyEvents: 1000 }).tick('now');
      expect(alarms).toMatchObject([{ code: 'log-differs-from-ledger' }]);
      expect(await readdir(folder).catch(() => [])).toEqual([]);
    } finally {
      await change('"ship"', '"shop"');
      await pool.query('alter table event_log.events enable trigger append_only');
    }
    await archiverInto(new FolderArchive(folder), { everyEvents: 1000 }).tick('now');
    expect(await statusNow()).toMatchObject({ gaps: [] });
    expect((await statusNow()).alarm).toBeUndefined();
    expect(alarms).toHaveLength(1);
  });

  describe('that somebody had in hand', () => {
    let whole: string;
    beforeAll(async () => {
      whole = nextFolder();
      await settled(app);
      await app.plimsoll.infrastructure.pool.query('truncate archive_segment, archive_views, archive_state');
      await archiverInto(new FolderArchive(whole)).tick('now');
    });
    const segmentsIn = async (folder: string): Promise<string[]> => (await readdir(join(folder, 'segments'))).sort();
    async function tampered(how: (folder: string, second: string) => Promise<void>): Promise<string> {
      const folder = nextFolder();
      await cp(whole, folder, { recursive: true });
      const second = (await segmentsIn(folder))[1]!;
      for (const name of await readdir(join(folder, 'segments', second))) await chmod(join(folder, 'segments', second, name), 0o600);
      await how(folder, join(folder, 'segments', second));
      return folder;
    }

    it.each<[string, keyof typeof EXIT_CODES, (folder: string, second: string) => Promise<void>, RegExp]>([
      ['an event changed', 'archive-damaged', async (_f, s) => await appendFile(join(s, 'events.ndjson'), ' '), /\/events\.ndjson$/],
      ['a file taken out', 'archive-missing', async (_f, s) => await rm(join(s, 'leaves.ndjson')), /\/leaves\.ndjson$/],
      ['a segment taken out', 'archive-missing', async (_f, s) => await rm(s, { recursive: true }), /^sequences \d+ to \d+$/],
      [
        'a manifest overwritten',
        'archive-overwritten',
        async (_f, s) => await appendFile(join(s, 'archive.json'), '\n'),
        /\/archive\.json$/,
      ],
    ])('is restored with %s by nobody, and what is wrong is named', async (_what, name, how, where) => {
      const answer = await restored(await tampered(how), '--key', key);
      expect(answer.exit).toBe(EXIT_CODES[name]);
      expect(answer.json.findings).toMatchObject([{ name, where: expect.stringMatching(where) }]);
      expect(answer.json.events).toBeUndefined();
    });

    it('has its end missed by who kept a checkpoint', async () => {
      const last = (await segmentsIn(whole)).at(-1)!;
      const cut = nextFolder();
      await cp(whole, cut, { recursive: true });
      await rm(join(cut, 'segments', last), { recursive: true });
      const { rows } = await app.plimsoll.infrastructure.pool.query<{ note: string }>(
        'select note from ledger_checkpoint order by size desc limit 1',
      );
      const known = join(root, 'known');
      await writeFile(known, rows[0]!.note);
      expect(await restored(cut, '--key', key, '--known', known)).toMatchObject({ exit: EXIT_CODES.rollback });
      expect(await restored(whole, '--key', key, '--known', known)).toMatchObject({ exit: 0, json: { notes: [] } });
    });

    it.each<[string, (folder: string, last: string) => Promise<void>, RegExp]>([
      [
        'the manifest of its last segment taken out',
        async (_f, last) => await rm(join(last, 'archive.json'), { force: true }),
        /archive\.json$/,
      ],
      [
        'files and the manifest of its last segment taken out',
        async (_f, last) => {
          await rm(join(last, 'archive.json'), { force: true });
          await rm(join(last, 'events.ndjson'), { force: true });
        },
        /archive\.json$/,
      ],
      ['all its views taken out', async (folder) => await rm(join(folder, 'views'), { recursive: true }), /^views$/],
    ])('is restored with %s, and the loss is named', async (_what, how, where) => {
      const folder = nextFolder();
      await cp(whole, folder, { recursive: true });
      const { events } = (await restored(whole, '--key', key)).json;
      await how(folder, join(folder, 'segments', (await segmentsIn(folder)).at(-1)!));
      const answer = await restored(folder, '--key', key);
      expect(answer.exit).toBe(EXIT_CODES['archive-missing']);
      expect(answer.json.findings).toMatchObject([{ name: 'archive-missing', where: expect.stringMatching(where) }]);
      expect(answer.json.events).toBeGreaterThan(0);
      expect(answer.json.events).toBeLessThanOrEqual(events);
    });

    it('is restored without its last segment, and what tells of later events is said', async () => {
      const last = (await segmentsIn(whole)).at(-1)!;
      const cut = nextFolder();
      await cp(whole, cut, { recursive: true });
      await rm(join(cut, 'segments', last), { recursive: true });
      const answer = await restored(cut, '--key', key);
      expect(answer.exit).toBe(0);
      expect(answer.json.notes[0]).toMatch(
        new RegExp(`^The log went on after sequence ${Number(last.slice(0, 12)) - 1}: .*views as of position .*can't say`),
      );
    });

    it('shows rows of views that were changed with their manifest', async () => {
      const folder = await tampered(async (copy) => {
        const [at] = await readdir(join(copy, 'views'));
        const rows = join(copy, 'views', at!, 'views.ndjson');
        await chmod(rows, 0o600);
        await writeFile(rows, (await readFile(rows, 'utf8')).replace('case-', 'cast-'));
      });
      expect(await restored(folder, '--key', key)).toMatchObject({
        exit: EXIT_CODES['archive-damaged'],
        json: { findings: [{ where: expect.stringContaining('views.ndjson') }] },
      });
    });

    it('is read back in its turn, and found damaged while Plimsoll runs', async () => {
      const { pool } = app.plimsoll.infrastructure;
      const folder = nextFolder();
      await archiverInto(new FolderArchive(folder)).tick('now');
      const second = join(folder, 'segments', (await segmentsIn(folder))[1]!, 'events.ndjson');
      await chmod(second, 0o600);
      await appendFile(second, ' ');
      await pool.query(
        `update archive_segment set looked_at = '2026-01-01' where first > 0 and first = (select first from archive_segment order by first offset 1 limit 1)`,
      );
      await archiverInto(new FolderArchive(folder)).tick();
      expect(alarms).toMatchObject([{ code: 'archive-damaged', detail: expect.stringContaining('events.ndjson') }]);
      const status = await statusNow();
      expect(status.gaps).toMatchObject([{ kind: 'archive-damaged' }]);
      expect(status.verifiedTo).toBe(status.gaps[0].first);
    });
  });

  it('is restored into no database that has events, and from no folder that is none', async () => {
    const folder = nextFolder();
    await archiverInto(new FolderArchive(folder)).tick('now');
    const { databaseUrl } = app.plimsoll.infrastructure;
    expect(await audit('restore', folder, '--into', databaseUrl, '--quiet')).toMatchObject({
      exit: 1,
      err: expect.stringContaining('takes an empty one'),
    });
    const empty = nextFolder();
    expect(await restored(empty)).toMatchObject({ exit: 2, err: expect.stringContaining(`there is no ${empty}`) });
    await mkdir(empty);
    expect(await restored(empty)).toMatchObject({ exit: 1, err: expect.stringContaining('no segment') });
    expect(await audit('restore', folder)).toMatchObject({ exit: 2 });
  });

  it('is restored with what somebody appended around Plimsoll, for that was signed so; it is named, and the ledger answers as before', async () => {
    const { pool } = app.plimsoll.infrastructure;
    const put = [...STRAYS.map(([, stray]) => stray), { data: { half: '\ud800' } }];
    for (const [n, { type = 'Evil', data = {}, metadata = {} }] of put.entries())
      await pool.query(
        `insert into event_log.events (position, stream, revision, id, type, data, metadata)
         select max(position) + 1, $1, 0, gen_random_uuid(), $2, $3, $4 from event_log.events`,
        [`evil-${n}`, type, n === 0 ? 'no JSON' : JSON.stringify(data), JSON.stringify(metadata)],
      );
    await work(app, 1);
    const size = await settled(app);
    const folder = nextFolder();
    await archiverInto(new FolderArchive(folder)).tick('now');
    expect(await statusNow()).toMatchObject({ verifiedTo: size, gaps: [] });
    const checkpoints = 'select size, root, note from ledger_checkpoint order by size';
    const signed = (await pool.query(checkpoints)).rows;
    const trees = 'select size, root, position from ledger_tree';
    const database = await freshDatabase();
    const there = new Pool({ connectionString: database.url });
    try {
      const answer = await audit('restore', folder, '--into', database.url, '--key', key, '--json', '--quiet');
      expect(answer.exit).toBe(EXIT_CODES.insertion);
      expect(answer.json).toMatchObject({ events: size, root: { size } });
      expect(
        answer.json.views.every(({ compared, differing }: { compared: boolean; differing: number }) => compared && differing === 0),
      ).toBe(true);
      const found = answer.json.findings as { name: string; where: string; signedSo?: boolean }[];
      expect(found.filter(({ signedSo }) => !signedSo)).toEqual([]);
      for (const n of STRAYS.keys()) expect(found).toContainEqual(expect.objectContaining({ name: 'insertion', where: `evil-${n}@0` }));
      expect((await there.query('select verifier, alarm from ledger_signer')).rows).toEqual([{ verifier: key, alarm: null }]);
      expect((await there.query(checkpoints)).rows).toEqual(signed);
      expect((await there.query(trees)).rows).toEqual((await pool.query(trees)).rows);
      const strays = 'select sequence, stream, why from ledger_stray order by sequence';
      expect((await there.query(strays)).rows).toHaveLength(STRAYS.length + 1);
    } finally {
      await there.end();
      await database.drop();
    }
    // And an export of it is of use: what was signed so stops no question.
    const to = join(root, 'strays');
    expect((await audit('export', to, '--database', app.plimsoll.infrastructure.databaseUrl, '--views', '--json', '--quiet')).exit).toBe(0);
    for (const [command, ...more] of [
      ['recheck'],
      [
        'compliance',
        '--from',
        new Date(Date.now() - 86_400_000).toISOString(),
        '--to',
        new Date().toISOString(),
        '--out',
        join(root, 'compliance'),
      ],
    ]) {
      const { exit, json, err } = await audit(command!, to, '--key', key, '--json', '--quiet', ...more);
      expect([command, err, exit, json?.verification.events]).toEqual([command, '', EXIT_CODES.insertion, size]);
    }
  }, 90_000);

  it('is for those who keep and audit records', async () => {
    expect((await (await app.person('dora', 'developer')).get('/v1/governance/archive')).status).toBe(403);
  });
});

describe('a Plimsoll that archives by itself', () => {
  it('has everything that is signed archived, read back, and its views with it', async () => {
    const folder = join(root, 'by-itself');
    const app = await startApp({
      PLIMSOLL_ARCHIVE: folder,
      PLIMSOLL_ARCHIVE_EVERY_SECONDS: '1',
      PLIMSOLL_ARCHIVE_VIEWS_EVERY_SECONDS: '1',
      PLIMSOLL_LEDGER_EVERY_EVENTS: '5',
      PLIMSOLL_LEDGER_EVERY_SECONDS: '1',
    });
    try {
      await work(app, 3);
      const size = await settled(app);
      const audrey = await app.person('audrey', 'auditor');
      const status = await eventually('the archive', async () => {
        const { body } = await audrey.get('/v1/governance/archive');
        return body.verifiedTo === size && body.views ? body : undefined;
      });
      expect(status).toMatchObject({ archivedTo: size, gaps: [] });
      expect(await restored(folder)).toMatchObject({ exit: 0, json: { events: size, findings: [] } });
    } finally {
      await app.stop();
    }
  }, 60_000);

  it('goes on in the restored database with the same ledger and the same archive', async () => {
    const folder = join(root, 'goes-on');
    const keyFile = join(root, 'ledger-key');
    await writeFile(keyFile, `${formatSigner('ledger.example/restored', 'ed25519', Buffer.alloc(32, 9))}\n`, { mode: 0o600 });
    const settings = {
      PLIMSOLL_ARCHIVE: folder,
      PLIMSOLL_ARCHIVE_EVERY_SECONDS: '1',
      PLIMSOLL_ARCHIVE_VIEWS_EVERY_SECONDS: '1',
      PLIMSOLL_LEDGER_KEY_FILE: keyFile,
      PLIMSOLL_LEDGER_EVERY_EVENTS: '5',
      PLIMSOLL_LEDGER_EVERY_SECONDS: '1',
    };
    const archivedTo = async (app: RunningApp, size: number) =>
      await eventually('the archive', async () => {
        const { body } = await (await app.person('audrey', 'auditor')).get('/v1/governance/archive');
        return body.verifiedTo === size && body.gaps.length === 0 ? body : undefined;
      });
    const first = await startApp(settings);
    let size: number;
    try {
      await work(first, 2);
      size = await settled(first);
      await archivedTo(first, size);
    } finally {
      await first.stop();
    }
    const database = await freshDatabase();
    try {
      expect(await audit('restore', folder, '--into', database.url, '--json', '--quiet')).toMatchObject({
        exit: 0,
        json: { events: size },
      });
      const second = await startApp({ ...settings, DATABASE_URL: database.url });
      try {
        await work(second, 4);
        const grown = await settled(second);
        expect(grown).toBeGreaterThan(size);
        expect(await archivedTo(second, grown)).not.toHaveProperty('alarm');
        expect(await restored(folder)).toMatchObject({ exit: 0, json: { events: grown, findings: [] } });
      } finally {
        await second.stop();
      }
    } finally {
      await database.drop();
    }
  }, 90_000);
});
