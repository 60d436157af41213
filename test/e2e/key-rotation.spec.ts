import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatSigner, parseSigner, readSignerFile } from '#libs/ledger';
import { audit } from '../support/audit.ts';
import { EXIT_CODES } from '../../src/auditor/findings.ts';
import { freshDatabase, type FreshDatabase } from '../support/database.ts';
import { eventually, startApp, type RunningApp } from '../support/running-app.ts';
import { WitnessPrograms } from '../support/witness-program.ts';

async function auditJson(...args: string[]) {
  const { exit, out, err } = await audit(...args, '--json', '--quiet');
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes, read where they are used
  return { exit, err, json: JSON.parse(out) as any };
}

/** One log, a witness of its own that was told the first key alone, and a Plimsoll that is started anew with each key. */
describe('a log that changes its key', () => {
  let folder: string;
  let database: FreshDatabase;
  let app: RunningApp | undefined;
  const witnesses = new WitnessPrograms();
  const first = parseSigner(formatSigner('log.example/rotates', 'ed25519', Buffer.alloc(32, 1)));
  const path = (name: string): string => join(folder, name);
  let policies = 0;

  async function start(environment: Record<string, string>): Promise<void> {
    app = await startApp({
      DATABASE_URL: database.url,
      PLIMSOLL_DATA_DIR: path('data'),
      PLIMSOLL_LEDGER_EVERY_SECONDS: '1',
      PLIMSOLL_LEDGER_EVERY_EVENTS: '1',
      PLIMSOLL_ARCHIVE_EVERY_SECONDS: '1',
      PLIMSOLL_LEDGER_WITNESSES: path('witnesses.json'),
      ...environment,
    });
  }

  /** One more event, signed, witnessed and archived. */
  async function another(): Promise<number> {
    const rita = await app!.person('rita', 'policy-editor');
    const policy = { title: 'P', gates: [{ gate: 'artifacts-registered' }], rollbackGates: [{ gate: 'rollback-target-ran' }] };
    expect((await rita.post('/v1/governance/policies', { ...policy, policyId: `p${++policies}` })).status).toBeLessThan(300);
    const { pool, log } = app!.plimsoll.infrastructure;
    return await eventually(
      'all of it signed, witnessed and archived',
      async () => {
        const { rows } = await pool.query<{ size: string; done: boolean }>(
          `select t.size, t.position = $1 and t.size = (select max(size) from ledger_checkpoint) and t.size = (select max(size) from ledger_cosignature)
                  and t.size = (select max("end") from archive_segment where verified_at is not null) as done from ledger_tree t`,
          [String(await log.head())],
        );
        return rows[0]?.done ? Number(rows[0].size) : undefined;
      },
      40_000,
    );
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-rotation-'));
    database = await freshDatabase();
    mkdirSync(path('witness'));
    writeFileSync(path('first'), formatSigner('log.example/rotates', 'ed25519', Buffer.alloc(32, 1)), { mode: 0o600 });
    const { url, verifier } = await witnesses.start(path('witness'), first.verifier);
    writeFileSync(path('witnesses.json'), JSON.stringify([{ url, verifier: verifier.text }]));
    writeFileSync(path('witness.key'), verifier.text);
    await start({ PLIMSOLL_LEDGER_KEY_FILE: path('first') });
    await another();
    await app!.stop();
    app = undefined;
    await start({ PLIMSOLL_LEDGER_KEY_FILE: path('second'), PLIMSOLL_LEDGER_PREVIOUS_KEY_FILE: path('first') });
    await another();
    await another();
    await app!.stop();
    app = undefined;
    await start({ PLIMSOLL_LEDGER_KEY_FILE: path('second') });
    await another();
  }, 180_000);
  afterAll(async () => {
    await app?.stop();
    await witnesses.killAll();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is exported, and verifies with the old key alone and with the new one alone, under a witness that was told the old one', async () => {
    expect(await auditJson('export', path('all'), '--database', database.url)).toMatchObject({ exit: 0 });
    const second = readSignerFile(path('second')).verifier;
    expect(second.name).toBe(first.verifier.name);
    for (const key of [first.verifier.text, second.text]) {
      const verified = await auditJson('verify', path('all'), '--key', key, '--witness', path('witness.key'));
      expect(verified).toMatchObject({ exit: 0, json: { findings: [] } });
      expect(verified.json.anchored).toBe(verified.json.events);
    }
  });

  it('is forged to who trusts the old key, where the succession is not signed with it', async () => {
    const manifest = path('all/manifest.json');
    const was = readFileSync(manifest, 'utf8');
    const { successions } = JSON.parse(was) as { successions: [string] };
    const forged = successions[0].split('\n').filter((_line, n) => n !== 5);
    writeFileSync(manifest, JSON.stringify({ ...(JSON.parse(was) as object), successions: [forged.join('\n')] }));
    const { exit, json } = await auditJson('verify', path('all'), '--key', first.verifier.text);
    writeFileSync(manifest, was);
    expect(exit).toBe(EXIT_CODES['forged-checkpoint']);
    expect(json.findings[0].where).toBe('succession of keys');
  });

  it('is restored from its archive with the old key alone, and signs on with the new one', async () => {
    await app!.stop();
    app = undefined;
    const empty = await freshDatabase();
    try {
      const restored = await auditJson('restore', path('data/archive'), '--into', empty.url, '--key', first.verifier.text);
      expect(restored).toMatchObject({ exit: 0, json: { findings: [] } });
      await database.drop();
      database = empty;
      await start({ PLIMSOLL_LEDGER_KEY_FILE: path('second') });
      expect(await another()).toBeGreaterThan(restored.json.events as number);
      expect((await app!.get('/v1/ledger')).body.alarm).toBeUndefined();
    } finally {
      if (database !== empty) await empty.drop();
    }
  }, 120_000);
});
