import { createHash } from 'node:crypto';
import { firstBytes, lastBytes, maskJson, maskSecrets } from './masking.ts';
import { KEPT_LOG_BYTES, LOG_TAIL_BYTES, OUTPUT_BYTES, SUMMARY_BYTES, type StepOutcome, type StepResult } from './driver.ts';

/** More than is shown: so that a secret that begins before the shown tail is seen whole and masked. */
const SHOWN_FROM_BYTES = 4 * LOG_TAIL_BYTES;
const HALF = KEPT_LOG_BYTES / 2;
const LF = 0x0a;

/** What a step prints, while it prints: hashed whole, kept at its beginning and its end. Memory stays bounded whatever is printed. */
export class StepLog {
  private readonly hash = createHash('sha256');
  private head = Buffer.alloc(0);
  /** What came after the head, as it came; together a little more than half of what is kept at most. */
  private tail: Buffer[] = [];
  private tailBytes = 0;
  private bytes = 0;
  private readonly startedAt = performance.now();

  add(chunk: Buffer | string): void {
    const bytes = Buffer.from(chunk);
    this.hash.update(bytes);
    this.bytes += bytes.length;
    const first = bytes.subarray(0, HALF - this.head.length);
    if (first.length > 0) this.head = Buffer.concat([this.head, first]);
    if (bytes.length === first.length) return;
    this.tail.push(bytes.subarray(first.length).subarray(-HALF));
    this.tailBytes += this.tail.at(-1)!.length;
    while (this.tailBytes - this.tail[0]!.length >= HALF) this.tailBytes -= this.tail.shift()!.length;
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
      logTail: lastBytes(maskSecrets(this.end().toString('utf8')), LOG_TAIL_BYTES),
      log: this.whole(),
      durationMs: Math.round(performance.now() - this.startedAt),
    };
  }

  private end(): Buffer {
    const tail = Buffer.concat(this.tail);
    const end = tail.length < SHOWN_FROM_BYTES ? Buffer.concat([this.head.subarray(-SHOWN_FROM_BYTES), tail]) : tail;
    return end.subarray(-SHOWN_FROM_BYTES);
  }

  /** Where something is left out, both parts end at a line's end: a secret that is cut in two would not be seen for what it is. */
  private whole(): string {
    const tail = Buffer.concat(this.tail).subarray(-HALF);
    const between = this.bytes - this.head.length - tail.length;
    if (between === 0) return maskSecrets(Buffer.concat([this.head, tail]).toString('utf8'));
    const head = this.head.subarray(0, this.head.lastIndexOf(LF) + 1);
    const from = tail.indexOf(LF) + 1;
    const end = from === 0 ? Buffer.alloc(0) : tail.subarray(from);
    const out = this.bytes - head.length - end.length;
    return `${maskSecrets(head.toString('utf8'))}[… ${out} bytes are left out …]\n${maskSecrets(end.toString('utf8'))}`;
  }
}

/** The outcome of a step that was not taken: failed, unless an earlier attempt at it may be what counts. */
export function notTaken(why: string, result: StepResult = 'failed'): StepOutcome {
  return new StepLog().outcome(result, why);
}
