import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execDriver, type StepOutcome } from '#libs/deployers';

const folder = __dirname;
const root = join(folder, '../..');

interface Package {
  readonly alias: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly integrity: string;
  readonly digest: string;
}
interface Started {
  readonly slot: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly port: number;
  readonly digest: string;
}
interface Bucket {
  readonly slot: string;
  readonly digest: string;
  readonly requests: number;
  readonly errors: number;
  readonly mismatches: number;
  readonly statuses: Record<string, number>;
  readonly latencyMs: { readonly sum: number; readonly counts: number[] };
}
interface Claim {
  readonly pid?: number;
  readonly startedAt?: string;
}

let state: string;
let v2: Package;
let v3: Package;
let keys = 0;

jest.setTimeout(120_000);

beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'deploy/demo/integrity.mjs')]);
  [v2, v3] = JSON.parse(stdout) as [Package, Package];
});
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'plimsoll-steps-'));
});
afterEach(async () => {
  // By pid, and only those whose environment names this state folder.
  for (const pid of launched()) process.kill(pid, 'SIGKILL');
  await until(() => launched().length === 0);
  await rm(state, { recursive: true, force: true });
});

// ---- the steps, as the deployer takes them

interface Told {
  readonly key?: string;
  readonly token?: number;
  readonly deployment?: string;
}

function take(
  action: string,
  input: object = {},
  { key = `key-${(keys += 1)}`, token = 1, deployment = 'deployment-1' }: Told = {},
): Promise<StepOutcome> {
  const driver = execDriver({ folder, env: { PLIMSOLL_STEPS_STATE: state } });
  const step = {
    deploymentId: deployment,
    step: action,
    attempt: 1,
    idempotencyKey: key,
    fencingToken: token,
    action: `blue-green/${action}`,
  };
  return driver.run({ ...step, input: { site: 'shop', ...input } }, new AbortController().signal);
}

async function done<T>(action: string, input: object = {}, told: Told = {}): Promise<T> {
  const outcome = await take(action, input, told);
  if (outcome.outcome !== 'succeeded') throw new Error(`${action}: ${outcome.outcome}, ${outcome.summary}\n${outcome.logTail}`);
  return outcome.output as T;
}

async function refused(action: string, input: object = {}, told: Told = {}): Promise<string> {
  const outcome = await take(action, input, told);
  expect(outcome.outcome).toBe('failed');
  return outcome.summary;
}

const shop = ({ alias, digest }: Package, more: object = {}) => ({ service: 'harbour-shop', package: alias, digest, ...more });

// ---- what really runs

function claims(): Claim[] {
  const launches = join(state, 'shop/launches');
  return readdirSync(launches)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(launches, name), 'utf8')) as Claim);
}

function ticksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function alive({ pid, startedAt }: Claim): boolean {
  return pid !== undefined && ticksOf(pid) === startedAt;
}

/** Every process on this machine that was launched for this state folder, whether or not anybody wrote it down. */
function launched(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return ticksOf(pid) !== undefined && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`PLIMSOLL_LAUNCH_CLAIM=${state}/`);
      } catch {
        return false;
      }
    });
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('The condition did not come true in fifteen seconds.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function get(
  port: number,
  path = '/',
  headers: Record<string, string> = {},
  method = 'GET',
  sent?: string,
): Promise<{ status: number; digest: string; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, digest: String(response.headers['x-plimsoll-digest']), body }));
    });
    request.on('error', reject).end(sent);
  });
}

function siteFile<T>(name: string): T {
  return JSON.parse(readFileSync(join(state, 'shop', name), 'utf8')) as T;
}

async function control<T>(path: string, sent?: object): Promise<{ status: number; body: T }> {
  const { controlPort } = siteFile<{ controlPort: number }>('proxy.json');
  const token = readFileSync(join(state, 'shop/control-token'), 'utf8');
  const answer = await get(controlPort, path, { authorization: `Bearer ${token}` }, sent ? 'POST' : 'GET', sent && JSON.stringify(sent));
  return { status: answer.status, body: JSON.parse(answer.body) as T };
}

async function measured(
  since = 0,
): Promise<{ slot: string; requests: number; errors: number; statuses: Record<string, number>; digests: string[]; mismatches: number }[]> {
  const { body } = await control<{ buckets: Bucket[] }>(`/samples?since=${since}`);
  return [...new Set(body.buckets.map(({ slot }) => slot))].map((slot) => {
    const mine = body.buckets.filter((bucket) => bucket.slot === slot);
    const statuses: Record<string, number> = {};
    for (const bucket of mine)
      for (const [status, count] of Object.entries(bucket.statuses)) statuses[status] = (statuses[status] ?? 0) + count;
    const sum = (of: (bucket: Bucket) => number) => mine.reduce((total, bucket) => total + of(bucket), 0);
    return {
      slot,
      requests: sum(({ requests }) => requests),
      errors: sum(({ errors }) => errors),
      mismatches: sum(({ mismatches }) => mismatches),
      statuses,
      digests: [...new Set(mine.map(({ digest }) => digest))],
    };
  });
}

async function traffic(port: number, requests: number): Promise<number> {
  let errors = 0;
  for (let i = 0; i < requests; i += 1) if ((await get(port)).status >= 500) errors += 1;
  return errors / requests;
}

// ---- the story

describe('blue-green', () => {
  it('brings a version live, measures that the next one is broken, and goes back', async () => {
    const { port } = await done<{ port: number }>('proxy');
    expect((await get(port)).status).toBe(503);

    const blue = await done<Started>('start', shop(v2));
    expect(blue).toMatchObject({ slot: 'blue', digest: v2.digest });
    expect(await done('health')).toMatchObject({ slot: 'blue', digestObserved: v2.digest });
    expect(await done('smoke')).toMatchObject({ slot: 'blue', digestObserved: v2.digest });
    expect(await done('switch')).toMatchObject({ slot: 'blue', previousSlot: null, proxyPort: port });
    expect(await get(port)).toMatchObject({ status: 200, digest: v2.digest, body: expect.stringContaining('Harbour shop') });
    expect(await traffic(port, 20)).toBe(0);

    const next = { deployment: 'deployment-2', token: 2 };
    const fault = { share: 0.5, afterRequests: 20 };
    const green = await done<Started>('start', shop(v3, { fault }), next);
    expect(green).toMatchObject({ slot: 'green', digest: v3.digest });
    expect(await done('health', {}, next)).toMatchObject({ slot: 'green' });
    expect(await done('smoke', {}, next)).toMatchObject({ slot: 'green', digestObserved: v3.digest });
    expect((await get(port)).digest).toBe(v2.digest); // started is not released
    expect(await done('switch', {}, next)).toMatchObject({ slot: 'green', previousSlot: 'blue' });
    await traffic(port, 20);
    const since = Date.now();
    const seen = await traffic(port, 40);
    const broken = (await measured(since)).find(({ slot }) => slot === 'green');
    expect(broken).toMatchObject({ digests: [v3.digest], mismatches: 0 });
    expect(broken!.errors / broken!.requests).toBeGreaterThan(0.3);
    expect(seen).toBe(0.5);

    expect(await done('switch', { digest: v2.digest }, { deployment: 'deployment-3', token: 3 })).toMatchObject({
      slot: 'blue',
      previousSlot: 'green',
    });
    expect(await traffic(port, 20)).toBe(0);
    const all = await measured();
    expect(all.map(({ slot }) => slot).sort()).toEqual(['blue', 'green', 'none']);
    expect(all.find(({ slot }) => slot === 'blue')).toMatchObject({ errors: 0, requests: 42, statuses: { 200: 42 } });

    expect(await done('stop', {}, { deployment: 'deployment-3', token: 3 })).toMatchObject({ slot: 'green', pid: green.pid });
    expect(ticksOf(green.pid)).toBeUndefined();
    expect((await get(port)).status).toBe(200);
    await done('teardown', {}, { token: 3 });
    expect(launched()).toEqual([]);
  });

  it('switches under load without losing a request', async () => {
    const { port } = await done<{ port: number }>('proxy');
    await done('start', shop(v2));
    await done('health');
    await done('switch');
    await done('start', shop(v3), { deployment: 'deployment-2' });
    await done('health', {}, { deployment: 'deployment-2' });

    let switched = false;
    const seen: { status: number; digest: string }[] = [];
    const visitor = async () => {
      // Goes on until it has seen the new version itself.
      for (let after = 0; after < 20; after += switched ? 1 : 0) seen.push(await get(port));
    };
    const visitors = Array.from({ length: 4 }, visitor);
    await done('switch', {}, { deployment: 'deployment-2' });
    switched = true;
    await Promise.all(visitors);
    expect(seen.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(seen.map(({ digest }) => digest))).toEqual(new Set([v2.digest, v3.digest]));
    expect(seen.at(-1)!.digest).toBe(v3.digest);
    await until(async () =>
      Object.values((await control<{ inFlight: Record<string, number> }>('/route')).body.inFlight).every((count) => count === 0),
    );
    expect((await measured()).reduce((sum, { requests }) => sum + requests, 0)).toBe(seen.length);
  });

  it('does each step once: taken again with the same key, it says the same and leaves one process', async () => {
    const twice = async <T>(action: string, input: object = {}) => {
      const key = `twice-${action}`;
      const first = await done<T>(action, input, { key });
      expect(await done(action, input, { key })).toEqual(first);
      return first;
    };
    const { port } = await twice<{ port: number }>('proxy');
    const { pid } = await twice<Started>('start', shop(v2));
    expect(launched()).toHaveLength(2);
    await twice('health');
    await twice('smoke');
    await twice('switch');
    // Asked again after the switch, the start still means the slot it was given, not the one that is idle by now.
    expect(await done('start', shop(v2), { key: 'twice-start' })).toMatchObject({ slot: 'blue', pid });
    await done('start', shop(v3), { key: 'other' });
    await done('switch', { slot: 'green' });
    // A switch that comes late does not take the traffic back.
    expect(await done('switch', {}, { key: 'twice-switch' })).toMatchObject({ slot: 'blue' });
    expect((await get(port)).digest).toBe(v3.digest);
    await twice('stop');
    // A stop that comes late does not end what was started in the slot since.
    const again = await done<Started>('start', shop(v2), { key: 'later' });
    expect(again.slot).toBe('blue');
    await done('stop', {}, { key: 'twice-stop' });
    expect(alive(again)).toBe(true);
    // And neither does a start that comes late bring back what was there before.
    expect(await refused('start', shop(v2), { key: 'twice-start' })).toContain('given to another start');
    await twice('teardown');
  });

  it('starts one process where many ask at once', async () => {
    const results = await Promise.all(Array.from({ length: 5 }, () => done<Started>('start', shop(v2), { key: 'same' })));
    expect(new Set(results.map(({ pid }) => pid)).size).toBe(1);
    const others = await Promise.all([1, 2, 3].map((n) => done<Started>('start', shop(v2), { key: `other-${n}` })));
    expect(new Set(others.map(({ pid }) => pid))).toEqual(new Set([results[0]!.pid]));
    expect(launched()).toHaveLength(1);
  });

  it('refuses a key that was used with other input', async () => {
    await done('start', shop(v2), { key: 'k' });
    expect(await refused('start', shop(v3), { key: 'k' })).toContain('other input');
    expect(launched()).toHaveLength(1);
  });
});

describe('the fence', () => {
  it('refuses a lower token than the site has seen, with exit code 3, and changes nothing', async () => {
    const { port } = await done<{ port: number }>('proxy', {}, { token: 5 });
    await done('start', shop(v2), { token: 5, key: 'k' });
    await done('switch', {}, { token: 6 });
    const route = siteFile('route.json');
    for (const [action, input] of [
      ['proxy', {}],
      ['start', shop(v3)],
      ['start', shop(v2)],
      ['switch', { slot: 'blue' }],
      ['stop', {}],
      ['teardown', {}],
    ] as const) {
      expect(await refused(action, input, { token: 5 })).toBe('Fenced off: the token 5 is older than 6, which this site has seen.');
    }
    expect(await exitCode('switch', { site: 'shop' }, { PLIMSOLL_FENCING_TOKEN: '5' })).toBe(3);
    expect(siteFile('route.json')).toEqual(route);
    expect((await get(port)).digest).toBe(v2.digest);
    expect(await done('switch', { slot: 'blue' }, { token: 6 })).toMatchObject({ slot: 'blue' });
  });

  it('stands in the proxy as well', async () => {
    await done('proxy');
    await done('start', shop(v2));
    await done('switch', {}, { token: 4 });
    const answer = await control('/route', { slot: 'green', port: 1, digest: 'x', fencingToken: 3, key: 'late' });
    expect(answer).toEqual({ status: 409, body: { fenced: true, fencingToken: 4 } });
  });

  it('is asked for: a step without a token is not taken', async () => {
    expect(await exitCode('start', { site: 'shop', ...shop(v2) }, { PLIMSOLL_FENCING_TOKEN: '' })).toBe(2);
    expect(await exitCode('start', { site: 'shop', ...shop(v2) }, { PLIMSOLL_FENCING_TOKEN: 'x' })).toBe(2);
    expect(launched()).toEqual([]);
  });
});

describe('what is started', () => {
  it('is the published package whose digest was decided on, and nothing else', async () => {
    expect(await refused('start', shop({ ...v2, digest: v3.digest }))).toContain(`has the digest ${v2.digest}, not ${v3.digest}`);
    expect(await refused('start', shop(v2, { service: 'other' }))).toContain('not configured');
    expect(await refused('start', shop(v2, { service: '__proto__' }))).toContain('not configured');
    expect(await refused('start', shop({ ...v2, alias: '../../tmp' }))).toContain('not run from the package');
    expect(await refused('start', shop(v2, { site: '../shop' }))).toContain('"site"');
    expect(await refused('start', shop(v2, { fault: { share: 2 } }))).toContain('share');
    expect(launched()).toEqual([]);
  });

  it('has the digest of the tarball in the lock file, as a package URL names it', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, { integrity: string }> };
    expect([v2.purl, v3.purl]).toEqual(['pkg:npm/sirv-cli@2.0.2', 'pkg:npm/sirv-cli@3.0.1']);
    for (const published of [v2, v3]) {
      const { integrity } = lock.packages[`node_modules/${published.alias}`]!;
      expect(published.integrity).toBe(integrity);
      expect(published.digest).toBe(`sha512:${Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')}`);
      expect(published.digest).toHaveLength('sha512:'.length + createHash('sha512').digest('hex').length);
    }
  });

  it('does not replace what is live, and does not take a port that is taken', async () => {
    await done('proxy');
    await done('start', shop(v2));
    await done('switch');
    expect(await refused('start', shop(v3, { slot: 'blue' }))).toContain('live');
    expect(await refused('stop', { slot: 'blue' })).toContain('live');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await refused('start', shop(v3, { port }))).toContain(`port ${port} is taken`);
    await new Promise((resolve) => server.close(resolve));
    expect(await done('start', shop(v3, { port }))).toMatchObject({ slot: 'green', port });
  });
});

describe('a crash', () => {
  it('of the start, at any moment, leaves something that the next run completes with one process', async () => {
    const moments: [string, () => boolean][] = [
      ['the intent is written', () => 'blue' in siteFile<{ slots: object }>('site.json').slots],
      ['the launch is claimed', () => claims().length > 0],
    ];
    for (const [moment, come] of moments) {
      await killedStart(async () => until(() => attempt(come)));
      const { pid } = await done<Started>('start', shop(v2), { key: 'crash' });
      await done('health');
      await until(() => launched().length === 1);
      expect({ moment, launched: launched() }).toEqual({ moment, launched: [pid] });
      await done('teardown');
      await rm(join(state, 'shop'), { recursive: true });
    }
  });

  it('of the start leaves nothing behind where another version is started next', async () => {
    await killedStart(async () => until(() => attempt(() => 'blue' in siteFile<{ slots: object }>('site.json').slots)));
    const { pid } = await done<Started>('start', shop(v3), { key: 'another', token: 2, deployment: 'deployment-2' });
    await until(() => launched().length === 1);
    expect(launched()).toEqual([pid]);
    expect(await done('smoke', { digest: v3.digest })).toMatchObject({ digestObserved: v3.digest });
  });

  it('of steps at arbitrary moments, again and again, ends with the version live and one process in its slot', async () => {
    const story = [
      ['proxy', {}],
      ['start', shop(v2)],
      ['switch', { slot: 'blue' }],
    ] as const;
    for (const [action, input] of story) {
      for (const afterMs of [30, 60, 90, 120, 160, 220]) {
        await killed(action, input, `${action}-key`, () => new Promise((resolve) => setTimeout(resolve, afterMs)));
      }
      await done(action, input, { key: `${action}-key` });
    }
    const { port } = await done<{ port: number }>('proxy', {}, { key: 'proxy-key' });
    await until(async () => (await get(port)).status === 200);
    await until(() => launched().length === 2);
  });

  it('of the service is measured, seen by the health check, and mended by the same start on the same port', async () => {
    const { port } = await done<{ port: number }>('proxy');
    const before = await done<Started>('start', shop(v2), { key: 'k' });
    await done('health');
    await done('switch');
    process.kill(before.pid, 'SIGKILL');
    await until(() => !alive(before));
    expect(await get(port)).toMatchObject({ status: 502, digest: v2.digest });
    expect((await measured()).find(({ slot }) => slot === 'blue')).toMatchObject({ errors: 1, statuses: { 502: 1 } });
    expect(await refused('health')).toContain('does not run');
    expect(await refused('switch', { slot: 'blue' }, { key: 'dead' })).toContain('traffic stays');

    const after = await done<Started>('start', shop(v2), { key: 'k' });
    expect(after).toMatchObject({ slot: 'blue', port: before.port });
    expect(after.pid).not.toBe(before.pid);
    await done('health');
    expect((await get(port)).status).toBe(200);
  });

  it('of the proxy costs neither its port nor its route', async () => {
    const before = await done<{ port: number; pid: number; startedAt: string }>('proxy');
    await done('start', shop(v2));
    await done('health');
    await done('switch');
    process.kill(before.pid, 'SIGKILL');
    await until(() => !alive(before));
    expect(await refused('switch', { slot: 'blue' })).toContain('proxy of this site does not run');
    const after = await done<{ port: number; pid: number }>('proxy');
    expect(after.port).toBe(before.port);
    expect(after.pid).not.toBe(before.pid);
    expect(await get(after.port)).toMatchObject({ status: 200, digest: v2.digest });
  });
});

describe('stopping', () => {
  it('does not end a process that only has the same number', async () => {
    await done('start', shop(v2));
    const innocent = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      const launches = join(state, 'shop/launches');
      const [name = ''] = readdirSync(launches);
      const claim = JSON.parse(readFileSync(join(launches, name), 'utf8')) as Claim;
      writeFileSync(join(launches, name), JSON.stringify({ ...claim, pid: innocent.pid }));
      await done('stop', { slot: 'blue' });
      expect(ticksOf(innocent.pid!)).toBeDefined();
      process.kill(claim.pid!, 'SIGKILL');
    } finally {
      innocent.kill('SIGKILL');
    }
  });

  it('says so where there is nothing to stop', async () => {
    expect(await refused('stop')).toContain('no slot to stop');
    expect(await refused('stop', { slot: 'red' })).toContain('blue or green');
  });
});

describe('the control of the proxy', () => {
  it('answers only who has the token, which only its owner can read', async () => {
    const { controlPort } = await done<{ controlPort: number }>('proxy');
    for (const authorization of ['', 'Bearer ', 'Bearer wrong', `Basic ${'x'.repeat(43)}`, `Bearer ${'x'.repeat(43)}`]) {
      for (const path of ['/health', '/route', '/samples']) expect((await get(controlPort, path, { authorization })).status).toBe(401);
    }
    expect(statSync(join(state, 'shop/control-token')).mode & 0o777).toBe(0o600);
    expect(statSync(join(state, 'shop')).mode & 0o777).toBe(0o700);
    expect((await control('/health')).status).toBe(200);
    expect((await control('/route', { slot: 'blue' })).status).toBe(400);
    expect((await control('/samples?since=x')).status).toBe(400);
  });
});

function attempt(condition: () => boolean): boolean {
  try {
    return condition();
  } catch {
    return false; // the file is not there yet
  }
}

const environment = {
  PATH: process.env['PATH'],
  PLIMSOLL_DEPLOYMENT: 'deployment-1',
  PLIMSOLL_FENCING_TOKEN: '1',
  PLIMSOLL_IDEMPOTENCY_KEY: 'raw',
};

function begin(action: string, input: object, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [join(folder, 'blue-green', `${action}.mjs`)], {
    env: { ...environment, PLIMSOLL_STEPS_STATE: state, ...env },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.end(JSON.stringify(input));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, ended };
}

function exitCode(action: string, input: object, env: NodeJS.ProcessEnv): Promise<number | null> {
  return begin(action, input, env).ended;
}

/** Runs a step and kills it without warning when the moment has come. */
async function killed(action: string, input: object, key: string, moment: () => Promise<unknown>): Promise<void> {
  const { child, ended } = begin(action, { site: 'shop', ...input }, { PLIMSOLL_IDEMPOTENCY_KEY: key });
  await moment();
  child.kill('SIGKILL');
  await ended;
}

function killedStart(moment: () => Promise<unknown>): Promise<void> {
  return killed('start', shop(v2), 'crash', moment);
}
