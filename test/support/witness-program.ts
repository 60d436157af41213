import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { parseVerifier, type Verifier } from '#libs/ledger';

export interface RunningWitness {
  readonly process: ChildProcess;
  readonly url: string;
  readonly verifier: Verifier;
}

/** The witness as others run it: in a process of its own, with its own key and memory in `folder`. */
export class WitnessPrograms {
  private readonly started: ChildProcess[] = [];

  run(...args: string[]): ChildProcess & { output: () => string } {
    const program = [resolve(__dirname, 'run-typescript.cjs'), resolve(__dirname, '../../src/witness.main.ts')];
    const child = spawn(process.execPath, [...program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.started.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += String(text)));
    return Object.assign(child, { output: () => output });
  }

  async start(folder: string, log: Verifier, port = 0): Promise<RunningWitness> {
    const args = ['--key', join(folder, 'key'), '--name', 'witness.example', '--state', join(folder, 'state'), '--port', String(port)];
    const child = this.run(...args, '--log', log.text);
    for (;;) {
      const [, key, url] = /The witness (\S+) is ready on (\S+)\n/.exec(child.output()) ?? [];
      if (key && url) return { process: child, url, verifier: parseVerifier(key) };
      if (child.exitCode !== null) throw new Error(child.output());
      await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')]);
    }
  }

  async killAll(): Promise<void> {
    for (const child of this.started.splice(0)) if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  }
}
