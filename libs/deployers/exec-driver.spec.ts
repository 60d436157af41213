import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { drivers, execDriver, type ExecDriverConfig, type StepRun } from './index.ts';

let outside: string;
let folder: string;

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'plimsoll-exec-'));
  folder = join(outside, 'programs');
  await mkdir(folder);
});
afterEach(() => rm(outside, { recursive: true, force: true }));

async function program(name: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
  await chmod(join(folder, name), mode);
}

const step = (action: string, more: Partial<StepRun> = {}): StepRun => ({
  deploymentId: 'deployment-1',
  step: 'start',
  attempt: 1,
  idempotencyKey: 'deployment-1/start',
  fencingToken: 7,
  action,
  input: { service: 'shop' },
  ...more,
});
const never = new AbortController().signal;
const run = (action: string, config: Partial<ExecDriverConfig> = {}, more: Partial<StepRun> = {}, signal = never) =>
  execDriver({ folder, ...config }).run(step(action, more), signal);

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('The condition did not come true in ten seconds.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the exec driver', () => {
  it('gives a program its input on stdin and takes the last line of stdout for its output', async () => {
    await program(
      'shop/start.mjs',
      `for await (const chunk of process.stdin) console.log('read ' + chunk); console.log('{"summary":"Started.","slot":"blue"}')`,
    );
    const outcome = await run('shop/start');
    expect(outcome).toMatchObject({ outcome: 'succeeded', summary: 'Started.', output: { summary: 'Started.', slot: 'blue' } });
    expect(outcome.logTail).toContain('read {"service":"shop"}');
    expect(outcome.logDigest).toBe(createHash('sha256').update(outcome.logTail).digest('hex'));
    expect(outcome.durationMs).toBeGreaterThan(0);
  });

  it('runs an executable of any language, and refuses a file that is not executable', async () => {
    await program('greet', '#!/bin/sh\necho hello', 0o755);
    await program('plain', '#!/bin/sh\necho hello', 0o644);
    expect(await run('greet')).toMatchObject({ outcome: 'succeeded', logTail: 'hello\n' });
    expect(await run('plain')).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('not executable') });
  });

  it('shows a program its step and nothing of the server: no secret of the environment reaches it', async () => {
    process.env['PLIMSOLL_DATABASE_URL'] = 'postgres://secret';
    process.env['SIGNING_KEY_FILE'] = '/secret';
    try {
      await program('env.mjs', 'console.log(JSON.stringify({ env: process.env, args: process.argv.slice(2) }))');
      const outcome = await run('env', { env: { PLIMSOLL_STEPS_STATE: '/state' } });
      expect(outcome.output).toEqual({
        args: [],
        env: {
          PATH: expect.any(String),
          PLIMSOLL_STEPS_STATE: '/state',
          PLIMSOLL_IDEMPOTENCY_KEY: 'deployment-1/start',
          PLIMSOLL_FENCING_TOKEN: '7',
          PLIMSOLL_DEPLOYMENT: 'deployment-1',
          PLIMSOLL_STEP: 'start',
          PLIMSOLL_ATTEMPT: '1',
        },
      });
    } finally {
      delete process.env['PLIMSOLL_DATABASE_URL'];
      delete process.env['SIGNING_KEY_FILE'];
    }
  });

  it('is not configured with variables that could change how programs run', () => {
    expect(() => execDriver({ folder, env: { NODE_OPTIONS: '--import x' } })).toThrow('PLIMSOLL_ variables only');
  });

  it.each([
    '../start',
    '/bin/sh',
    'a/../../start',
    'a//b',
    'a/',
    '',
    'start.mjs',
    'Start',
    'a b',
    'a;b',
    'a\0b',
    '..',
    '.',
    'a\\b',
    `${'a/'.repeat(200)}a`,
  ])('refuses the action %j as no program name', async (action) => {
    await writeFile(join(outside, 'start'), '#!/bin/sh\necho out');
    expect(await run(action)).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('not a program name') });
  });

  it('refuses a symbolic link that leads out of the folder, of a file and of a folder, and follows one that stays inside', async () => {
    await writeFile(join(outside, 'evil.mjs'), 'console.log("escaped")');
    await symlink(join(outside, 'evil.mjs'), join(folder, 'link.mjs'));
    await symlink(outside, join(folder, 'up'));
    await program('good.mjs', 'console.log("good")');
    await symlink(join(folder, 'good.mjs'), join(folder, 'alias.mjs'));
    expect(await run('link')).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('outside'), logTail: '' });
    expect(await run('up/evil')).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('outside'), logTail: '' });
    expect(await run('alias')).toMatchObject({ outcome: 'succeeded' });
  });

  it('refuses what is absent, a folder, shared code, and a file that anybody may change', async () => {
    await program('lib/shared.mjs', '');
    await program('loose.mjs', '', 0o666);
    await mkdir(join(folder, 'sub'));
    for (const [action, why] of [
      ['absent', 'no program'],
      ['sub', 'no program'],
      ['lib/shared', 'share'],
      ['loose', 'anybody'],
    ] as const) {
      expect(await run(action)).toMatchObject({ outcome: 'failed', summary: expect.stringContaining(why) });
    }
  });

  it('refuses an idempotency key or a token that is none', async () => {
    await program('ok.mjs', '');
    expect(await run('ok', {}, { idempotencyKey: 'a\nb' })).toMatchObject({ outcome: 'failed' });
    expect(await run('ok', {}, { fencingToken: -1 })).toMatchObject({ outcome: 'failed' });
    expect(await run('ok', {}, { deploymentId: 'a\0' })).toMatchObject({ outcome: 'failed' });
    expect(await run('ok')).toMatchObject({ outcome: 'succeeded' });
  });

  it('calls an exit code a failure, with the words of the program where it has any', async () => {
    await program('mute.mjs', 'process.exit(9)');
    await program('told.mjs', `console.log('{"summary":"The port is taken."}'); process.exit(1)`);
    await program('fenced.mjs', 'process.exit(3)');
    expect(await run('mute')).toMatchObject({ outcome: 'failed', summary: 'The program ended with exit code 9.' });
    expect(await run('told')).toMatchObject({ outcome: 'failed', summary: 'The port is taken.' });
    expect(await run('fenced')).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('newer deployment') });
  });

  it('calls a program that was killed unknown, for it may have done its work', async () => {
    await program('dies.mjs', `process.kill(process.pid, 'SIGKILL')`);
    expect(await run('dies')).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('SIGKILL') });
  });

  it('ends the whole process group at a timeout, even where SIGTERM is not heeded', async () => {
    const pids = join(outside, 'pids');
    await program('hang', `#!/bin/sh\ntrap '' TERM\n(trap '' TERM; sleep 60) &\necho $$ $! > ${pids}\nwait\nsleep 60`, 0o755);
    const outcome = await run('hang', { timeoutMs: 1_500, killAfterMs: 100 });
    expect(outcome).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('1500 ms') });
    const [leader, grandchild] = (await readFile(pids, 'utf8')).split(' ').map(Number) as [number, number];
    await until(() => !alive(leader) && !isRunning(grandchild));
  });

  it('is given up by its signal, and leaves the outcome unknown', async () => {
    const started = join(outside, 'started');
    await program(
      'slow.mjs',
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(started)}, ''); setInterval(() => {}, 1000)`,
    );
    const controller = new AbortController();
    const outcome = run('slow', {}, {}, controller.signal);
    await until(() =>
      readFile(started).then(
        () => true,
        () => false,
      ),
    );
    controller.abort();
    expect(await outcome).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('given up') });
    expect(await run('slow', {}, {}, controller.signal)).toMatchObject({
      outcome: 'unknown',
      summary: expect.stringContaining('before it began'),
    });
  });

  it('does not wait for something left behind that holds its pipes', async () => {
    await program(
      'leaves.mjs',
      `import { spawn } from 'node:child_process';
       const left = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20000)'], { detached: true, stdio: 'inherit' });
       left.unref(); console.log(JSON.stringify({ pid: left.pid }))`,
    );
    const outcome = await run('leaves');
    process.kill((outcome.output as { pid: number }).pid, 'SIGKILL');
    expect(outcome.outcome).toBe('succeeded');
  });

  it('hashes a long log whole, keeps its end, and drops an output that is too long', async () => {
    await program('long.mjs', `const line = 'x'.repeat(99) + '\\n'; for (let i = 0; i < 50000; i++) process.stdout.write(line);`);
    const outcome = await run('long');
    expect(Buffer.byteLength(outcome.logTail)).toBe(4_096);
    expect(outcome.logDigest).toBe(
      createHash('sha256')
        .update(`${'x'.repeat(99)}\n`.repeat(50_000))
        .digest('hex'),
    );
    await program('huge.mjs', `console.log(JSON.stringify({ text: 'x'.repeat(20000) }))`);
    expect(await run('huge')).not.toHaveProperty('output');
  });

  it('masks what looks like a secret in tail, summary and output', async () => {
    await program(
      'leaks.mjs',
      `console.error('DB_PASSWORD=hunter2'); console.log(JSON.stringify({ summary: 'password=hunter2', apiKey: 'hunter2' }))`,
    );
    expect(JSON.stringify(await run('leaks'))).not.toContain('hunter2');
  });
});

describe('the registry of drivers', () => {
  it('answers a driver that is not configured with a failed step, and names those that are', async () => {
    const registry = drivers({ exec: { folder } });
    expect(registry.names).toEqual(['exec']);
    expect(await registry.run('kubernetes', step('a'), never)).toMatchObject({
      outcome: 'failed',
      summary: 'No driver "kubernetes" is configured; there is exec.',
    });
    expect(await registry.run('exec', step('absent'), never)).toMatchObject({ outcome: 'failed' });
    expect(await drivers({}).run('exec', step('a'), never)).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('none') });
  });
});

/** A killed grandchild may stay a zombie where nobody reaps it; it runs no more. */
function isRunning(pid: number): boolean {
  if (!alive(pid)) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return alive(pid);
  }
}
