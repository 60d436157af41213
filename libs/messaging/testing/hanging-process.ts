import { spawn } from 'node:child_process';
import { join } from 'node:path';

const RUNNER = join(__dirname, '../../../test/support/typescript.cjs');
const PROGRAM = join(__dirname, 'hanging-consumer.ts');

/** Starts `hanging-consumer.ts` and waits until it holds a message; `kill` is SIGKILL. */
export async function startHangingConsumer(
  kind: 'kafka' | 'postgres',
  address: string,
  topic: string,
  group: string,
): Promise<{ kill(): Promise<void> }> {
  const child = spawn(process.execPath, [RUNNER, PROGRAM, kind, address, topic, group], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const holding = new Promise<boolean>((resolve) => child.stdout.on('data', (chunk: Buffer) => chunk.includes('holding') && resolve(true)));
  if (!(await Promise.race([holding, exited.then(() => false)]))) throw new Error(`The consumer to be killed ended by itself: ${errors}`);
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
