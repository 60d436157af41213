import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { locateBinaries, SUPPORTED_PLATFORMS } from './binaries.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts';
import { inspectProcess, until } from './processes.ts';

jest.setTimeout(60_000);

const RUNNER = fileURLToPath(new URL('../../test/support/run-typescript.cjs', import.meta.url));
const HOLDER = fileURLToPath(new URL('./testing/holder.ts', import.meta.url));

let folder: string;
let dataDir: string;
const running: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-embedded-'));
  dataDir = join(folder, 'postgres');
});
afterEach(async () => {
  for (const postgres of running.splice(0)) await postgres.stop();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  // The servers of killed processes end by themselves, a moment later.
  await until(() => inspectProcess(readPid() ?? 0) === undefined, 10_000);
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {}): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, ...options });
  running.push(postgres);
  return postgres;
}

/** Another Node process that holds the same kind of server, until it is killed. */
async function hold(): Promise<{ child: ChildProcess; url: string; pid: number; error?: string }> {
  const child = spawn(process.execPath, [RUNNER, HOLDER, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    return { child, ...(JSON.parse(line) as { url: string; pid: number; error?: string }) };
  }
  throw new Error('The holder ended without a word.');
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

async function query<R>(url: string, text: string): Promise<R[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as R[];
  } finally {
    await client.end();
  }
}

async function eventually<T>(attempt: () => Promise<T>, withinMs = 20_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function readPid(): number | undefined {
  return existsSync(join(dataDir, 'postmaster.pid'))
    ? Number.parseInt(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'), 10)
    : undefined;
}

const remember = (url: string, n: number): Promise<unknown> =>
  query(url, `create table if not exists kept (n int); insert into kept values (${n})`);
const remembered = async (url: string): Promise<number[]> =>
  (await query<{ n: number }>(url, 'select n from kept order by n')).map((row) => row.n);

describe('the embedded Postgres', () => {
  it('starts in an empty place, stops, and starts again with its data', async () => {
    const first = await start();
    await remember(first.url, 1);
    await first.stop();
    await expect(query(first.url, 'select 1')).rejects.toThrow();
    expect(inspectProcess(first.pid)).toBeUndefined();

    const second = await start();
    expect(await remembered(second.url)).toEqual([1]);
  });

  it('stops once, however often it is asked to', async () => {
    const postgres = await start();
    await Promise.all([postgres.stop(), postgres.stop()]);
    await postgres.stop();
    expect(readdirSync(folder)).toEqual(['postgres']);
  });

  it('is durable unless told otherwise, and listens on loopback alone', async () => {
    const { url, port } = await start({ settings: { work_mem: '9MB' } });
    const settings = await query<{ name: string; setting: string }>(
      url,
      `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'unix_socket_directories', 'work_mem', 'data_checksums', 'server_encoding')`,
    );
    expect(Object.fromEntries(settings.map((s) => [s.name, s.setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      data_checksums: 'on',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      server_encoding: 'UTF8',
      work_mem: String(9 * 1024),
    });
    expect(new URL(url)).toMatchObject({ hostname: '127.0.0.1', port: String(port) });
  });

  it('asks for a password that only the owner of the files can read', async () => {
    const { url } = await start();
    const without = new URL(url);
    without.password = 'wrong';
    await expect(query(without.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    expect(statSync(join(dataDir, 'plimsoll.password')).mode & 0o777).toBe(0o600);
  });

  it('comes back at the same address with its data after its server was killed', async () => {
    const said: string[] = [];
    const postgres = await start({ onLog: (line) => said.push(line) });
    const { url, pid } = postgres;
    await remember(url, 1);
    process.kill(pid, 'SIGKILL');
    expect(await eventually(() => remembered(url))).toEqual([1]);
    expect(postgres.pid).not.toBe(pid);
    expect(said).toContainEqual(expect.stringContaining('starting it again'));
  });

  it('stops also while it is coming back', async () => {
    const postgres = await start();
    process.kill(postgres.pid, 'SIGKILL');
    await until(() => inspectProcess(postgres.pid) === undefined, 5_000);
    await postgres.stop();
    await expect(query(postgres.url, 'select 1')).rejects.toThrow();
  });

  it('ends with the process that holds it, kill -9 included, and starts again with its data', async () => {
    for (let n = 1; n <= 3; n++) {
      const held = await hold();
      await remember(held.url, n);
      await kill(held.child);
      if (n === 1) expect(await until(() => inspectProcess(held.pid) === undefined, 10_000)).toBe(true);
    }
    expect(await remembered((await start()).url)).toEqual([1, 2, 3]);
  });

  it('starts after process and server were killed at once', async () => {
    const held = await hold();
    await remember(held.url, 1);
    process.kill(held.pid, 'SIGKILL');
    await kill(held.child);
    expect(await remembered((await start()).url)).toEqual([1]);
  });

  it('stops a server that has outlived its process and its watchdog', async () => {
    const held = await hold();
    await remember(held.url, 1);
    for (const pid of watchdogsOf(held.pid)) process.kill(pid, 'SIGKILL');
    await kill(held.child);
    expect(inspectProcess(held.pid)).toBeDefined();
    expect(await remembered((await start()).url)).toEqual([1]);
    expect(inspectProcess(held.pid)).toBeUndefined();
  });

  it('is not misled by a lock file whose pid belongs to somebody else by now', async () => {
    const first = await start();
    await remember(first.url, 1);
    const lock = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8');
    await first.stop();
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    children.push(stranger);
    writeFileSync(join(dataDir, 'postmaster.pid'), lock.replace(/^\d+/, String(stranger.pid)));
    expect(await remembered((await start()).url)).toEqual([1]);
    expect(inspectProcess(stranger.pid!)).toBeDefined();
  });

  it('is left alone by a second program that is given the same folder', async () => {
    const postgres = await start();
    expect((await hold()).error).toContain(`is in use by process ${process.pid}`);
    await expect(start()).rejects.toThrow(/is in use by process/);
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('begins anew where the making of its folder was cut off', async () => {
    mkdirSync(join(folder, 'postgres.new-4711'));
    writeFileSync(join(folder, 'postgres.new-4711', 'half'), '');
    writeFileSync(join(folder, 'postgres.owner'), '4711 0\n');
    const { url } = await start();
    await remember(url, 1);
    expect(readdirSync(folder).sort()).toEqual(['postgres', 'postgres.owner']);
  });

  it('touches no folder that holds something else', async () => {
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'thesis.txt'), 'years of work');
    await expect(start()).rejects.toThrow(/is not empty, yet holds no Postgres data/);
    expect(readdirSync(dataDir)).toEqual(['thesis.txt']);
  });

  it('says so when the folder holds data of another version', async () => {
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'PG_VERSION'), '13\n');
    await expect(start()).rejects.toThrow(/holds data of PostgreSQL 13; this program brings 18.*DATABASE_URL/);
  });

  it('says so when the port it was told to use is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    await expect(start({ port: (squatter.address() as AddressInfo).port })).rejects.toThrow(/did not start.*Address already in use/);
    squatter.close();
  });

  it('repeats what the server says about a setting that it does not know', async () => {
    await expect(start({ settings: { no_such_setting: 1 } })).rejects.toThrow(/did not start.*no_such_setting/);
  });

  it('says which platforms it supports, and what to do on others', () => {
    expect(() => locateBinaries('sunos-sparc')).toThrow(new RegExp(`sunos-sparc.*${SUPPORTED_PLATFORMS.join(', ')}.*DATABASE_URL`));
  });
});

/** Pids of the shells that watch over a server, by what `ps` or /proc says. */
function watchdogsOf(pid: number): number[] {
  const pids = existsSync('/proc')
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
    : execFileSync('ps', ['-axo', 'pid='], { encoding: 'utf8' }).trim().split(/\s+/).map(Number);
  return pids.filter((candidate) => {
    const command = inspectProcess(candidate)?.command ?? '';
    return command.includes('plimsoll-postgres-watchdog') && command.endsWith(` ${pid}`);
  });
}
