import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  consistencyProof,
  formatCheckpoint,
  formatNote,
  formatSigner,
  formatWitnessRequest,
  leafHash,
  parseNote,
  parseSignature,
  parseSigner,
  rootOfLeaves,
  signatureOf,
  verifyNote,
  type Hash,
} from '#libs/ledger';
import { WitnessPrograms, type RunningWitness } from '../support/witness-program.ts';

const log = parseSigner(formatSigner('log.example/one', 'ed25519', Buffer.alloc(32, 1)));
const leavesOf = (count: number, salt = ''): Hash[] => Array.from({ length: count }, (_, n) => leafHash(`${n}${salt}`));

/** The program as others run it: in a process of its own, with its own key and folder. */
describe('the witness program', () => {
  let folder: string;
  const witnesses = new WitnessPrograms();
  const run = witnesses.run.bind(witnesses);
  const start = (): Promise<RunningWitness> => witnesses.start(folder, log.verifier);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plimsoll-witness-'));
  });
  afterEach(async () => {
    await witnesses.killAll();
    await rm(folder, { recursive: true, force: true });
  });

  const textOf = (leaves: readonly Hash[]): string =>
    formatCheckpoint({ origin: log.verifier.name, size: leaves.length, root: rootOfLeaves(leaves) });
  async function add({ url }: RunningWitness, leaves: readonly Hash[], oldSize: number): Promise<{ status: number; text: string }> {
    const checkpoint = formatNote({ text: textOf(leaves), signatures: [signatureOf(textOf(leaves), log, 0)] });
    const proof = oldSize > 0 && oldSize < leaves.length ? consistencyProof(leaves, oldSize) : [];
    const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: formatWitnessRequest({ oldSize, proof, checkpoint }) });
    return { status: response.status, text: await response.text() };
  }
  const exitCode = async (child: ChildProcess): Promise<number | null> => {
    if (child.exitCode === null) await once(child, 'exit');
    return child.exitCode;
  };

  it('signs what goes on, refuses forks and rollbacks, and still does after it was killed', async () => {
    const first = await start();
    const signed = await add(first, leavesOf(8), 0);
    expect(signed.status).toBe(200);
    const note = { ...parseNote(formatNote({ text: textOf(leavesOf(8)), signatures: [parseSignature(signed.text.trimEnd())] })) };
    expect(verifyNote(note, [first.verifier])).toMatchObject([{ name: 'witness.example', time: expect.any(Number) }]);
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');

    const second = await start();
    expect(second.verifier.text).toBe(first.verifier.text);
    expect(await add(second, leavesOf(8, 'forged'), 8)).toEqual({ status: 409, text: '8\n' });
    expect(await add(second, leavesOf(12, 'forged'), 8)).toMatchObject({ status: 422, text: expect.stringContaining('bad-proof') });
    expect(await add(second, leavesOf(5), 0)).toEqual({ status: 409, text: '8\n' });
    expect(await add(second, leavesOf(12), 8)).toMatchObject({ status: 200 });
    expect((await stat(join(folder, 'key'))).mode & 0o777).toBe(0o600);
    second.process.kill('SIGTERM');
    expect(await exitCode(second.process)).toBe(0);
  });

  it('refuses what is no request, and goes on', async () => {
    const running = await start();
    const ask = async (path: string, init: RequestInit): Promise<number> => (await fetch(running.url + path, init)).status;
    expect(await ask('/add-checkpoint', { method: 'POST', body: 'nonsense' })).toBe(400);
    expect(await ask('/add-checkpoint', { method: 'POST', body: new Uint8Array([0xff, 0xfe]) })).toBe(400);
    expect(await ask('/add-checkpoint', { method: 'POST', body: 'x'.repeat(200_000) })).toBe(413);
    expect(await ask('/add-checkpoint', { method: 'GET' })).toBe(405);
    expect(await ask('/', { method: 'GET' })).toBe(404);
    expect(
      await ask('/add-checkpoint', {
        method: 'POST',
        body: `old 0\n\nlog.example/two\n1\n${leafHash('x').toString('base64')}\n\n— a AAAAAAA=\n`,
      }),
    ).toBe(404);
    expect((await add(running, leavesOf(3), 0)).status).toBe(200);
  });

  it('ends with 2 and says what is right when its arguments are wrong, and with 0 for help', async () => {
    const help = run('--help');
    expect(await exitCode(help)).toBe(0);
    expect(help.output()).toContain('Exit codes: 0 stopped when told to, 1 failed, 2 wrong arguments.');
    for (const args of [
      [],
      ['--nonsense'],
      ['--key', join(folder, 'key'), '--state', folder, '--log', 'no-key'],
      ['--key', join(folder, 'key'), '--state', folder, '--log', log.verifier.text],
    ]) {
      const wrong = run(...args);
      expect(await exitCode(wrong)).toBe(2);
      expect(wrong.output()).toContain('Usage:');
    }
  });
});
