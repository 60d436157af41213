import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync, rmSync, writeFileSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitUntil } from './waiting.ts';

/** Where the compiled program and the step programs are. */
export interface Program {
  /** `dist/src/plimsoll.main.js` */
  readonly main: string;
  /** `dist/test/faults/fault-points.js` */
  readonly faultPoints: string;
  /** `test/faults/steps` */
  readonly steps: string;
}

export interface ServerOptions {
  readonly name: string;
  readonly program: Program;
  /** Logs and data of this run. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

const READY = /Plimsoll is ready on (http:\/\/\S+)/;
const START_PATIENCE_MS = 90_000;

/** The product in a process of its own, which may be killed and started again. */
export class Server {
  private child: ChildProcess | undefined;
  private readonly log: WriteStream;
  private address: string | undefined;
  /** How fault-points.ts is told where to die. */
  private readonly faultFile: string;

  constructor(readonly options: ServerOptions) {
    this.log = createWriteStream(join(options.folder, `${options.name}.log`), { flags: 'a' });
    this.faultFile = join(options.folder, `${options.name}.fault`);
  }

  get name(): string {
    return this.options.name;
  }

  /** Undefined where it does not run, or is not ready. */
  get url(): string | undefined {
    return this.address;
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /**
   * Starts the process and waits until it answers that it is ready.
   *
   * @param killAfterMs kills it so long after its start, unless it is ready before
   * @returns milliseconds from the start of the process to the answer; undefined where it was killed
   * @throws Error it ended by itself, or is not ready in time
   */
  async start(killAfterMs?: number): Promise<number | undefined> {
    const { program, env } = this.options;
    rmSync(`${this.faultFile}.died`, { force: true });
    this.log.write('--- start\n');
    const began = performance.now();
    const child = spawn(process.execPath, ['--enable-source-maps', '--import', program.faultPoints, program.main], {
      env: {
        PATH: process.env.PATH ?? '',
        PORT: '0',
        LOG_LEVEL: 'warn',
        PLIMSOLL_EXEC_FOLDER: program.steps,
        PLIMSOLL_STEP_LEASE_SECONDS: '2',
        PLIMSOLL_FAULT_POINTS: this.faultFile,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    let said: string | undefined;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said ??= READY.exec(line)?.[1];
        this.log.write(`${new Date().toISOString()} ${line}\n`);
      });
    }
    child.once('exit', () => {
      if (this.child === child) this.address = undefined;
    });
    const killing = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    await waitUntil(() => said !== undefined || !this.running, START_PATIENCE_MS, `${this.name} to start`);
    await waitUntil(async () => !this.running || (await isReady(said)), START_PATIENCE_MS, `${this.name} to be ready`);
    clearTimeout(killing);
    if (this.running) {
      this.address = said;
      return performance.now() - began;
    }
    if (killing && child.signalCode === 'SIGKILL') return undefined;
    throw new Error(`${this.name} ended with ${child.exitCode ?? child.signalCode} instead of starting; see ${String(this.log.path)}.`);
  }

  /** Has the process kill itself at a statement: `<statement>:<phase>:<n>`, see fault-points.ts. */
  dieAt(faultPoint: string): void {
    this.log.write(`--- to die at ${faultPoint}\n`);
    writeFileSync(this.faultFile, faultPoint);
    this.child?.kill('SIGUSR2');
  }

  /** Where the process killed itself, without the number; undefined where it did not. */
  diedAt(): string | undefined {
    const report = `${this.faultFile}.died`;
    return existsSync(report) ? readFileSync(report, 'utf8') : undefined;
  }

  /** Whether it answers, and says that it is ready. */
  async isReady(): Promise<boolean> {
    return await isReady(this.address);
  }

  /** Kills the process as the kernel would for want of memory: nothing of its own runs any more. */
  async kill(): Promise<void> {
    this.killNow();
    await this.gone();
  }

  /** The same without waiting: for the end of this program. */
  killNow(): void {
    this.signal('SIGKILL');
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.log.write(`--- ${name}\n`);
    if (this.running) this.child?.kill(name);
  }

  /** Resolves when the process has ended, in whichever way. */
  async gone(): Promise<void> {
    await waitUntil(() => !this.running, 60_000, `${this.name} to end`);
    this.address = undefined;
  }

  /** @throws Error it does not end in order within a minute, or not with exit code 0 */
  async stop(): Promise<void> {
    if (this.running) this.child?.kill('SIGTERM');
    await this.gone().finally(() => this.killNow());
    if (this.child?.exitCode !== 0) {
      throw new Error(`${this.name} ended with ${this.child?.exitCode ?? this.child?.signalCode} when told to stop.`);
    }
  }

  async dispose(): Promise<void> {
    await this.kill();
    await new Promise((resolve) => this.log.end(resolve));
  }
}

async function isReady(url: string | undefined): Promise<boolean> {
  if (!url) return false;
  return await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) }).then(
    (answer) => answer.status === 200,
    () => false,
  );
}
