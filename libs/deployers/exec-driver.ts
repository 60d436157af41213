import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { malformed, OUTPUT_BYTES, type Driver, type StepOutcome, type StepRun } from './driver.ts';
import { notTaken, StepLog } from './step-log.ts';

export interface ExecDriverConfig {
  /** The one folder whose programs may be run. */
  readonly folder: string;
  /** Given to every program besides its step; names begin with `PLIMSOLL_`. Nothing of the server's own environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds; default five minutes. */
  readonly timeoutMs?: number;
  /** Milliseconds between SIGTERM and SIGKILL; default five seconds. */
  readonly killAfterMs?: number;
}

/** `blue-green/start`: small letters, digits and hyphens, folders parted by slashes. */
const ACTION = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/;
const FIVE_MINUTES = 300_000;
/** Exit codes with a meaning of their own; any other but 0 is a failure. */
const EXIT_FENCED = 3;

/**
 * Runs programs of one configured folder: `<action>.mjs` by this Node, or `<action>` where it is executable. The step's input is JSON on
 * stdin; no argument comes from outside. The environment holds PATH, the step (`PLIMSOLL_IDEMPOTENCY_KEY`, `PLIMSOLL_FENCING_TOKEN`,
 * `PLIMSOLL_DEPLOYMENT`, `PLIMSOLL_STEP`, `PLIMSOLL_ATTEMPT`) and what the configuration adds. Exit 0 is success, 3 says "fenced off",
 * others are failures; a last line of stdout that is JSON is the output. A program that had to be killed leaves the outcome unknown.
 */
export function execDriver(config: ExecDriverConfig): Driver {
  for (const name of Object.keys(config.env ?? {})) {
    if (!name.startsWith('PLIMSOLL_')) throw new Error(`The exec driver gives its programs PLIMSOLL_ variables only, not ${name}.`);
  }
  return {
    name: 'exec',
    async run(step, signal) {
      const wrong = malformed(step);
      if (wrong) return notTaken(wrong);
      if (signal.aborted) return notTaken('The step was given up before it began.', 'unknown');
      const found = await findProgram(config.folder, step.action);
      return 'refused' in found ? notTaken(found.refused) : runProgram(found.command, step, config, signal);
    },
  };
}

type Found = { readonly command: readonly [string, ...string[]] } | { readonly refused: string };

async function findProgram(folder: string, action: string): Promise<Found> {
  if (action.length > 200 || !ACTION.test(action)) {
    return { refused: 'The action is not a program name such as blue-green/start: small letters, digits, hyphens and slashes.' };
  }
  if (action.split('/').includes('lib')) return { refused: `"${action}" is code that programs share, not a program.` };
  const root = await realpath(folder).catch(() => undefined);
  if (root === undefined) return { refused: 'The configured folder of programs does not exist.' };
  for (const name of [`${action}.mjs`, action]) {
    // What counts is where the file really is, behind every symbolic link.
    const path = await realpath(join(root, name)).catch(() => undefined);
    if (path === undefined) continue;
    if (!path.startsWith(root + sep)) return { refused: `The program "${action}" lies outside of the configured folder.` };
    const file = await stat(path);
    if (!file.isFile()) continue;
    if ((file.mode & 0o002) !== 0)
      return { refused: `The program "${action}" may be changed by anybody on this machine, so it is not run.` };
    if (path.endsWith('.mjs')) return { command: [process.execPath, path] };
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    return executable ? { command: [path] } : { refused: `The program "${action}" is not executable.` };
  }
  return { refused: `There is no program "${action}" in the configured folder.` };
}

async function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  step: StepRun,
  config: ExecDriverConfig,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const log = new StepLog();
  const lastLine = new LastLine(OUTPUT_BYTES);
  // A process group of its own, so that a timeout ends whatever the program has started, too.
  const child = spawn(program, args, {
    cwd: config.folder,
    env: environmentOf(step, config),
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdout.on('data', (chunk: Buffer) => {
    log.add(chunk);
    lastLine.add(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => log.add(chunk));
  child.stdin.on('error', () => undefined); // a program need not read its input
  child.stdin.end(JSON.stringify(step.input));

  const ended = await endOf(child, config, signal);
  const output = lastLine.json();
  const said = summaryOf(output);
  switch (ended.how) {
    case 'not-started':
      return log.outcome('failed', `The program could not be started (${ended.code}).`);
    case 'timeout':
      return log.outcome(
        'unknown',
        `The program was stopped after ${config.timeoutMs ?? FIVE_MINUTES} ms; what it had done by then is not known.`,
        output,
      );
    case 'aborted':
      return log.outcome(
        'unknown',
        'The program was stopped because the step was given up; what it had done by then is not known.',
        output,
      );
    case 'signal':
      return log.outcome('unknown', `The program was killed by ${ended.signal}; what it had done by then is not known.`, output);
    case 'exit':
      if (ended.code === 0) return log.outcome('succeeded', said ?? 'The program ended well.', output);
      if (ended.code === EXIT_FENCED)
        return log.outcome('failed', said ?? 'The program refused: a newer deployment has taken over.', output);
      return log.outcome('failed', said ?? `The program ended with exit code ${ended.code}.`, output);
  }
}

function environmentOf(step: StepRun, config: ExecDriverConfig): NodeJS.ProcessEnv {
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    ...config.env,
    PLIMSOLL_IDEMPOTENCY_KEY: step.idempotencyKey,
    PLIMSOLL_FENCING_TOKEN: String(step.fencingToken),
    PLIMSOLL_DEPLOYMENT: step.deploymentId,
    PLIMSOLL_STEP: step.step,
    PLIMSOLL_ATTEMPT: String(step.attempt),
  };
}

type Ended =
  | { readonly how: 'not-started'; readonly code: string }
  | { readonly how: 'timeout' | 'aborted' }
  | { readonly how: 'signal'; readonly signal: string }
  | { readonly how: 'exit'; readonly code: number };

/** How long output may still come after the program itself has ended, where something it left behind holds the pipe. */
const PIPE_GRACE_MS = 1_000;

function endOf(child: ChildProcess, config: ExecDriverConfig, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve) => {
    let stoppedBy: 'timeout' | 'aborted' | undefined;
    let killTimer: NodeJS.Timeout | undefined;
    let pipeTimer: NodeJS.Timeout | undefined;

    const stop = (why: 'timeout' | 'aborted') => {
      if (stoppedBy !== undefined || child.exitCode !== null || child.signalCode !== null) return;
      stoppedBy = why;
      signalGroup(child, 'SIGTERM');
      killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), config.killAfterMs ?? 5_000);
    };
    const onAbort = () => stop('aborted');
    const timeout = setTimeout(() => stop('timeout'), config.timeoutMs ?? FIVE_MINUTES);
    signal.addEventListener('abort', onAbort, { once: true });
    const finish = (ended: Ended) => {
      for (const timer of [timeout, killTimer, pipeTimer]) clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(ended);
    };

    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) finish({ how: 'not-started', code: error.code ?? 'unknown' });
    });
    child.once('exit', () => {
      // The group's leader heeded SIGTERM; whoever of its group did not must not outlive it.
      if (stoppedBy !== undefined) signalGroup(child, 'SIGKILL');
      pipeTimer = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, PIPE_GRACE_MS);
    });
    child.once('close', (code, killedBy) => {
      if (child.pid === undefined) return;
      if (stoppedBy !== undefined) finish({ how: stoppedBy });
      else if (killedBy !== null) finish({ how: 'signal', signal: killedBy });
      else finish({ how: 'exit', code: code ?? 1 });
    });
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // the whole group has ended already
  }
}

/** The last line that is not blank of a stream of any length, in bounded memory. */
class LastLine {
  private complete = '';
  private partial = Buffer.alloc(0);
  private overflown = false;

  constructor(private readonly maxBytes: number) {}

  add(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      this.extend(chunk.subarray(from, end));
      const line = this.overflown ? '' : this.partial.toString('utf8').trim();
      if (line !== '' || this.overflown) this.complete = line;
      this.partial = Buffer.alloc(0);
      this.overflown = false;
      from = end + 1;
    }
    this.extend(chunk.subarray(from));
  }

  /** The last line as JSON; undefined where it is none, or longer than allowed. */
  json(): unknown {
    if (this.overflown) return undefined;
    const text = this.partial.toString('utf8').trim() || this.complete;
    if (!/^[[{]/.test(text)) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  private extend(part: Buffer): void {
    if (this.overflown || this.partial.length + part.length > this.maxBytes) this.overflown = true;
    else this.partial = Buffer.concat([this.partial, part]);
  }
}

function summaryOf(output: unknown): string | undefined {
  if (typeof output !== 'object' || output === null || !('summary' in output)) return undefined;
  return typeof output.summary === 'string' && output.summary.trim() !== '' ? output.summary : undefined;
}
