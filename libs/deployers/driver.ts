/** One step of a deployment, as a driver is asked to take it. Asked again with the same `idempotencyKey`, it is the same step. */
export interface StepRun {
  readonly deploymentId: string;
  readonly step: string;
  /** 1 the first time. */
  readonly attempt: number;
  /** 1 to 255 visible ASCII characters; the same for every attempt at this step. */
  readonly idempotencyKey: string;
  /**
   * Safe integer, 0 or more. The same for all steps of a deployment's round; higher whenever the environment is reserved anew.
   * Whoever sees a lower one than before refuses.
   */
  readonly fencingToken: number;
  /** What to do, in the driver's own words: `blue-green/start` for exec, `<target>/<action>` for http. */
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** `unknown`: it may have taken effect and nobody can say (a timeout, a lost connection, a killed program). It is never success. */
export type StepResult = 'succeeded' | 'failed' | 'unknown';

export interface StepOutcome {
  readonly outcome: StepResult;
  /** A sentence or two, at most 2 KB of UTF-8, secrets masked. */
  readonly summary: string;
  /** What the step says of itself: JSON, at most 16 KB, secrets masked. */
  readonly output?: unknown;
  /** SHA-256 of the whole log as it was produced, lower-case hex. */
  readonly logDigest: string;
  /** The end of the log, at most 4 KB of UTF-8, secrets masked. */
  readonly logTail: string;
  /** The log with secrets masked; of one over `KEPT_LOG_BYTES` its beginning and its end. */
  readonly log?: string;
  readonly durationMs: number;
}

/** Takes steps of deployments. `run` answers with an outcome whatever happens: it rejects for nothing. */
export interface Driver {
  readonly name: string;
  /** @param signal gives the step up; the outcome is then `unknown`, unless the step had ended already. */
  run(step: StepRun, signal: AbortSignal): Promise<StepOutcome>;
}

export const SUMMARY_BYTES = 2_048;
export const OUTPUT_BYTES = 16_384;
export const LOG_TAIL_BYTES = 4_096;
/** As it is printed; masking may change it a little. */
export const KEPT_LOG_BYTES = 1024 * 1024;

/** What keeps a step from being taken at all, as a sentence; undefined where it is well-formed. */
export function malformed(step: StepRun): string | undefined {
  if (!/^[\x21-\x7e]{1,255}$/.test(step.idempotencyKey)) return 'The idempotency key is not 1 to 255 visible ASCII characters.';
  if (!Number.isSafeInteger(step.fencingToken) || step.fencingToken < 0) return 'The fencing token is not a safe integer of 0 or more.';
  // What goes into an environment or a header may hold no NUL and no line break.
  for (const [name, value] of Object.entries({ 'deployment id': step.deploymentId, 'step name': step.step })) {
    if (!/^[^\p{Cc}]{1,255}$/u.test(value)) return `The ${name} is not 1 to 255 characters without control characters.`;
  }
  return undefined;
}
