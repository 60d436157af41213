import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audit } from '../support/audit.ts';
import { eventually, startApp, type RunningApp } from '../support/running-app.ts';

/** As somebody has it who has configured nothing: the Postgres that npm brought, in the data folder. */
describe('plimsoll-audit export --data-dir', () => {
  let folder: string;
  let dataDir: string;
  let app: RunningApp | undefined;
  let key: string;
  const lock = (): string => join(dataDir, 'postgres', 'postmaster.pid');
  const exportTo = (name: string): ReturnType<typeof audit> =>
    audit('export', join(folder, name), '--data-dir', dataDir, '--views', '--quiet');
  const eventsOf = (name: string): string => readFileSync(join(folder, name, 'events.ndjson'), 'utf8');

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-audit-embedded-'));
    dataDir = join(folder, 'data');
    app = await startApp({ DATABASE_URL: '', PLIMSOLL_DATA_DIR: dataDir, PLIMSOLL_LEDGER_EVERY_SECONDS: '1' });
    const rita = await app.person('rita', 'policy-editor');
    const policy = {
      policyId: 'p',
      title: 'P',
      gates: [{ gate: 'artifacts-registered' }],
      rollbackGates: [{ gate: 'rollback-target-ran' }],
    };
    expect((await rita.post('/v1/governance/policies', policy)).status).toBeLessThan(300);
    const { pool, log } = app.plimsoll.infrastructure;
    await eventually('a signature over everything, and views of it', async () => {
      const head = String(await log.head());
      const { rows } = await pool.query<{ done: boolean }>(
        `select t.position = $1 and t.size = (select max(size) from ledger_checkpoint)
                and not exists (select 1 from subscription where name like 'projection:%' and state <> 'retired' and position < $1) as done
           from ledger_tree t`,
        [head],
      );
      return rows[0]?.done ? true : undefined;
    });
    key = (await pool.query<{ verifier: string }>('select verifier from ledger_signer')).rows[0]!.verifier;
  }, 90_000);
  afterAll(async () => {
    await app?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('exports of the server that runs, and leaves it running', async () => {
    const server = readFileSync(lock(), 'utf8');
    expect(await exportTo('running')).toMatchObject({ exit: 0, err: '' });
    expect(await audit('verify', join(folder, 'running'), '--key', key, '--quiet')).toMatchObject({ exit: 0 });
    expect(readFileSync(lock(), 'utf8')).toBe(server);
    expect((await app!.get('/health/ready')).status).toBe(200);
  });

  it('exports of one that is stopped, which is stopped again, and starts again as if nobody had been there', async () => {
    await app!.stop();
    app = undefined;
    const before = readdirSync(folder, { recursive: true }).length;
    expect(await exportTo('stopped')).toMatchObject({ exit: 0, err: '' });
    expect(eventsOf('stopped').startsWith(eventsOf('running'))).toBe(true);
    expect(await audit('verify', join(folder, 'stopped'), '--key', key, '--quiet')).toMatchObject({ exit: 0 });
    expect(existsSync(lock())).toBe(false);
    expect(readdirSync(dataDir).filter((name) => /owner|\.new-/.test(name))).toEqual([]);
    expect(readdirSync(folder, { recursive: true }).length).toBe(before + 6);
    app = await startApp({ DATABASE_URL: '', PLIMSOLL_DATA_DIR: dataDir });
    expect((await app.get('/health/ready')).status).toBe(200);
  }, 60_000);

  it('starts none whose server was not stopped and is not to be seen, and changes nothing of it', async () => {
    await app?.stop();
    app = undefined;
    const left = `999999999\n${join(dataDir, 'postgres')}\n1780000000\n54321\n\n127.0.0.1\n 1 1\nready   \n`;
    writeFileSync(lock(), left);
    expect(await exportTo('unseen')).toMatchObject({ exit: 1, err: expect.stringContaining('process 999999999') });
    expect(readFileSync(lock(), 'utf8')).toBe(left);
    rmSync(lock());
  });

  it('makes no database where there is none', async () => {
    for (const args of [['--data-dir', folder], ['--data-dir', dataDir, '--database', 'postgres://x'], []]) {
      expect(await audit('export', join(folder, 'none'), ...args)).toMatchObject({ exit: 2, err: expect.stringContaining('--data-dir') });
    }
    expect(existsSync(join(folder, 'postgres'))).toBe(false);
  });
});
