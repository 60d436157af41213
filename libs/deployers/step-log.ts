import { createHash } from 'node:crypto';
import { firstBytes, lastBytes, maskJson, maskSecrets } from './masking.ts';
import { LOG_TAIL_BYTES, OUTPUT_BYTES, SUMMARY_BYTES, type StepOutcome, type StepResult } from './driver.ts';

/** More than is shown: so that a secret that begins before the shown tail is seen whole and masked. */
const KEPT_BYTES = 4 * LOG_TAIL_BYTES;

/** What a step prints, while it prints: hashed whole, kept only at its end. Memory stays bounded whatever is printed. */
export class StepLog {
  private readonly hash = createHash('sha256');
  private kept = Buffer.alloc(0);
  private readonly startedAt = performance.now();

  add(chunk: Buffer | string): void {
    const bytes = Buffer.from(chunk);
    this.hash.update(bytes);
    const joined = Buffer.concat([this.kept, bytes.subarray(-KEPT_BYTES)]);
    this.kept = joined.subarray(-KEPT_BYTES);
  }

  /** Closes the log and makes the outcome of it. Call it once. */
  outcome(result: StepResult, summary: string, output?: unknown): StepOutcome {
    const masked = output === undefined ? undefined : maskJson(output);
    const tooLong = masked !== undefined && Buffer.byteLength(JSON.stringify(masked)) > OUTPUT_BYTES;
    const told = tooLong ? `${summary} (Its output was longer than ${OUTPUT_BYTES} bytes and is left out.)` : summary;
    return {
      outcome: result,
      summary: firstBytes(maskSecrets(told), SUMMARY_BYTES),
      ...(masked !== undefined && !tooLong ? { output: masked } : {}),
      logDigest: this.hash.digest('hex'),
      logTail: lastBytes(maskSecrets(this.kept.toString('utf8')), LOG_TAIL_BYTES),
      durationMs: Math.round(performance.now() - this.startedAt),
    };
  }
}

/** The outcome of a step that was not taken: failed, unless an earlier attempt at it may be what counts. */
export function notTaken(why: string, result: StepResult = 'failed'): StepOutcome {
  return new StepLog().outcome(result, why);
}
