import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ExpressionProblem } from './check.ts';
import type { CheckAsked, ExpressionOutcome } from './evaluate.ts';
import type { FactValues } from './facts.ts';
import type { Job } from './worker.ts';

/** How long the expressions of one decision may take, milliseconds. */
export const EVALUATION_DEADLINE_MS = 50;
/**
 * The second and last time it is tried, in a new worker: what is legitimate takes far less than the first deadline, unless the machine
 * was busy with something else, and a deployment is not to be refused for that.
 */
export const LAST_DEADLINE_MS = 1000;
/** Publishing is rare, and tries many values. */
export const CHECK_DEADLINE_MS = 2000;
/** A worker that has not come up by then never will. */
const START_DEADLINE_MS = 30_000;
/** Most decisions that wait for the one worker; more are answered as inconclusive at once. */
const MAX_WAITING = 1000;

/** Spends more time than it may: nothing can be said. */
export class ExpressionsTimedOut extends Error {
  override readonly name = 'ExpressionsTimedOut';
}

/**
 * Evaluates gate expressions in a worker thread, one job after the other. What checks have let through is cheap by construction
 * (`LIMITS.cost`); the deadline is for what they have overlooked: the worker is killed, whatever it is doing, and a new one takes the next job.
 */
export class ExpressionHost {
  private worker: Promise<Worker> | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(
    private readonly deadlineMs = EVALUATION_DEADLINE_MS,
    private readonly start: () => Worker = startWorker,
    private readonly lastDeadlineMs = LAST_DEADLINE_MS,
  ) {}

  /** @throws ExpressionsTimedOut */
  async evaluate(expressions: readonly string[], facts: FactValues): Promise<readonly ExpressionOutcome[]> {
    const job: Job = { kind: 'evaluate', expressions, facts };
    const again = async (error: unknown): Promise<unknown> => {
      if (!(error instanceof ExpressionsTimedOut)) throw error;
      return await this.run(job, this.lastDeadlineMs);
    };
    return (await this.run(job, this.deadlineMs).catch(again)) as readonly ExpressionOutcome[];
  }

  /** @throws ExpressionsTimedOut */
  async check(asked: CheckAsked): Promise<readonly (ExpressionProblem & { readonly text: string })[]> {
    return (await this.run({ kind: 'check', asked }, CHECK_DEADLINE_MS)) as readonly (ExpressionProblem & { readonly text: string })[];
  }

  async close(): Promise<void> {
    const worker = await this.worker?.catch(() => undefined);
    this.worker = undefined;
    await worker?.terminate();
  }

  private async run(job: Job, deadlineMs: number): Promise<unknown> {
    if (this.waiting >= MAX_WAITING) throw new ExpressionsTimedOut(`${MAX_WAITING} decisions are waiting already.`);
    this.waiting++;
    const turn = this.queue.then(() => this.ask(job, deadlineMs));
    this.queue = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.waiting--;
    }
  }

  private async ask(job: Job, deadlineMs: number): Promise<unknown> {
    // The deadline is for the work, not for getting up.
    this.worker ??= this.ready();
    const worker = await this.worker;
    try {
      return await answerOf(worker, deadlineMs, () => worker.postMessage(job));
    } catch (error) {
      this.worker = undefined;
      await worker.terminate();
      throw error;
    }
  }

  private async ready(): Promise<Worker> {
    const worker = this.start();
    // It never keeps the program from ending.
    worker.unref();
    try {
      await answerOf(worker, START_DEADLINE_MS);
      return worker;
    } catch (error) {
      this.worker = undefined;
      await worker.terminate();
      // Not a verdict: the program itself is not whole.
      throw new Error('The worker that evaluates gate expressions does not start.', { cause: error });
    }
  }
}

function answerOf(worker: Worker, deadlineMs: number, ask?: () => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const done = (settle: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      settle();
    };
    const onMessage = (answer: unknown): void => done(() => resolve(answer));
    const onError = (cause: unknown): void =>
      done(() => reject(new ExpressionsTimedOut('The evaluation broke down, out of memory or stack.', { cause })));
    const onExit = (): void => done(() => reject(new ExpressionsTimedOut('The evaluation ended without an answer.')));
    const late = (): void =>
      done(() => reject(new ExpressionsTimedOut(`The evaluation took longer than ${deadlineMs} ms and was stopped.`)));
    // An answer that came while the program itself was busy is taken first: timers go before messages.
    const timer = setTimeout(() => setImmediate(() => setImmediate(late)), deadlineMs);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    ask?.();
  });
}

function startWorker(): Worker {
  const self = import.meta.url;
  const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 2 };
  // As TypeScript, where there was no build: specs.
  return self.endsWith('.ts')
    ? new Worker(new URL('../../../test/support/run-typescript.cjs', self), {
        argv: [fileURLToPath(new URL('./worker.ts', self))],
        resourceLimits: { ...resourceLimits, maxOldGenerationSizeMb: 256 },
      })
    : new Worker(new URL('./worker.js', self), { resourceLimits });
}

/** The program's own. */
export const expressionHost = new ExpressionHost();
