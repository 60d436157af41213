/** What is told of errors that nobody caught; `process` has it. */
export interface LastResort {
  on(event: 'unhandledRejection' | 'uncaughtException', listener: (error: unknown) => void): unknown;
  exit(code: number): unknown;
}

export interface LastResortOptions {
  readonly process: LastResort;
  readonly log: { error(fields: object, message: string): void };
  /** Finishes what is in hand, lets leases and connections go. */
  readonly stop: () => Promise<void>;
  /** How long that may take, milliseconds. */
  readonly stopWithinMs?: number;
}

export interface Guard {
  /** Ends the program in order, with exit code 1: it can't be said to work any more. */
  end(error: unknown, because: string): void;
}

/**
 * What becomes of errors that nobody caught.
 *
 * A rejection that nobody heard is logged, and the program goes on. What it stands for is one request that went wrong beside its answer: no code of
 * others was cut off in the middle, and nothing that counts is kept in memory, since an append is whole or not at all and decisions are made on
 * streams. Whoever finds such a request must not be able to stop the control plane of everybody with it.
 *
 * An exception that nobody caught has cut off whatever was on its stack, which may be half of a library's change to its own state: nobody knows what
 * is true of this process any more. It stops in order and ends by 1, for its supervisor to start another one, which finds everything in the log. The
 * same goes for a task that runs by itself and has ended by an error: going on without it would look like health.
 */
export function guardProcess(options: LastResortOptions): Guard {
  const { process, log, stop, stopWithinMs = 10_000 } = options;
  let ending = false;
  const end = (error: unknown, because: string): void => {
    log.error({ err: error }, `${because} The program stops now, and is to be started again: what was decided is in the log.`);
    if (ending) return;
    ending = true;
    // What should stop in order may be what is broken.
    const late = setTimeout(() => process.exit(1), stopWithinMs);
    late.unref();
    stop().then(
      () => process.exit(1),
      () => process.exit(1),
    );
  };
  process.on('unhandledRejection', (error) => {
    log.error(
      { err: error },
      'A promise failed and nobody was waiting for it: a defect of the program. It goes on; what the request around it was told is true, and its record in the log. Report it with this stack.',
    );
  });
  process.on('uncaughtException', (error) => end(error, 'An exception was caught by nobody, so the state of this process is unknown.'));
  return { end };
}
