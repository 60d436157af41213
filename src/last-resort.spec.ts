import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const RUN = resolve(__dirname, '../test/support/run-typescript.cjs');
const GUARD = resolve(__dirname, 'last-resort.ts');

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

describe('an error that nobody caught', () => {
  let folder: string;
  let programs = 0;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'plimsoll-last-resort-'))));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** A program of its own, which is told what to do, and says that it goes on once what it did had its effect. */
  async function program(endsBy: 'itself' | 'the guard', does: string, options = ''): Promise<Ended> {
    const file = join(folder, `program-${(programs += 1)}.ts`);
    await writeFile(
      file,
      `import { guardProcess } from ${JSON.stringify(GUARD)};
       const stop = async () => { console.log('stopped in order'); };
       const guard = guardProcess({ process, log: { error: (fields, message) => console.log(message, String(fields.err)) }, stop${options} });
       ${does}
       // Node tells of a rejection before it comes to timers. Who is to be stopped has until the test gives up.
       setTimeout(() => { console.log('goes on'); process.exit(0); }, ${endsBy === 'itself' ? 1 : 600_000});`,
    );
    return await new Promise((done, failed) => {
      const child = spawn(process.execPath, [RUN, file], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      child.once('error', failed);
      child.once('close', (code) => done({ code, said }));
    });
  }

  it('as a rejection is logged, with what to do, and the program goes on', async () => {
    const { code, said } = await program('itself', `void Promise.reject(new Error('beside its answer'));`);
    expect(said).toMatch(/nobody was waiting for it.*Report it with this stack\. Error: beside its answer\n/);
    expect([code, said.includes('goes on'), said.includes('stopped in order')]).toEqual([0, true, false]);
  });

  it('as an exception stops the program in order, with exit code 1', async () => {
    const { code, said } = await program('the guard', `setTimeout(() => { throw new Error('in the middle'); }, 1);`);
    expect(said).toMatch(/state of this process is unknown.*started again.*Error: in the middle\n/);
    expect([code, said.includes('goes on'), said.includes('stopped in order')]).toEqual([1, false, true]);
  });

  it('ends it also where it can not stop in order any more', async () => {
    const { code, said } = await program(
      'the guard',
      `setTimeout(() => { throw new Error('stuck'); }, 1);`,
      ': () => new Promise(() => undefined), stopWithinMs: 5',
    );
    expect([code, said.includes('goes on')]).toEqual([1, false]);
  });

  it('that ended a task which runs by itself stops it too: going on without would look like health', async () => {
    const { code, said } = await program('the guard', `guard.end(new Error('gone'), 'A task has ended.');`);
    expect([code, said.includes('A task has ended. The program stops now'), said.includes('stopped in order')]).toEqual([1, true, true]);
  });

  it('is none where nothing goes wrong', async () => {
    expect(await program('itself', '')).toEqual({ code: 0, said: 'goes on\n' });
  });
});
