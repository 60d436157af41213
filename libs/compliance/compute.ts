import { createHash } from 'node:crypto';
import type { EventCodec, StoredEvent } from '#libs/event-sourcing';
import { canonicalPieces } from './canonical.ts';
import { ComplianceFold } from './fold.ts';
import { proveSample, type Prove } from './proofs.ts';
import type { ComplianceQuery, ComplianceReport, LogRange } from './report.ts';

/** The events are not those that the checkpoint was signed over. */
export class LogShorterThanCheckpoint extends Error {
  override readonly name = 'LogShorterThanCheckpoint';
}

export interface ComputeOptions {
  readonly codec: EventCodec;
  /** Events are read as far as it reaches; absent where nothing was signed, and then all are. */
  readonly checkpoint?: LogRange['checkpoint'];
  /** Finds the proofs of sampled changes in the ledger; without it there are none in the report. */
  readonly prove?: Prove;
  /** Called often while it works: a server lets others have their turn, and throws where nobody waits for the answer any more. */
  readonly pause?: () => Promise<void>;
  /** Told how many events were read. */
  readonly onProgress?: (events: number) => void;
}

const HERE = async (): Promise<void> => undefined;

/**
 * The report of a log. The same on a server and on an auditor's machine: it is this function that both call.
 *
 * @param batches every event from the log's first, in the order of the ledger, as stored
 * @throws LogShorterThanCheckpoint there are fewer events than the checkpoint says
 * @throws ProofDoesNotHold a sampled change is not in the tree that was signed
 */
export async function computeReport(
  batches: AsyncIterable<readonly StoredEvent[]>,
  query: ComplianceQuery,
  { codec, checkpoint, prove, pause = HERE, onProgress }: ComputeOptions,
): Promise<ComplianceReport> {
  const fold = new ComplianceFold(query);
  const size = checkpoint?.size ?? Infinity;
  let events = 0;
  if (size > 0) {
    for await (const batch of batches) {
      for (const event of batch) {
        fold.add(codec.upcast(event));
        if (++events >= size) break;
      }
      onProgress?.(events);
      if (events >= size) break;
      await pause();
    }
  }
  if (checkpoint && events < size)
    throw new LogShorterThanCheckpoint(`There are ${events} events, and the checkpoint was signed over ${size}.`);
  const steps = fold.reportInSteps(checkpoint);
  for (;;) {
    const step = steps.next();
    if (step.done) {
      const { value } = step;
      return prove && checkpoint && value.sample ? { ...value, proofs: await proveSample(value, checkpoint, prove) } : value;
    }
    await pause();
  }
}

/** A report's bytes in pieces, with their length and SHA-256 (hex). */
export interface WrittenReport {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  readonly digest: string;
}

export async function writeReport(report: ComplianceReport, pause: () => Promise<void> = HERE): Promise<WrittenReport> {
  const pieces: Buffer[] = [];
  const hash = createHash('sha256');
  let bytes = 0;
  for (const piece of canonicalPieces(report)) {
    pieces.push(piece);
    hash.update(piece);
    bytes += piece.length;
    await pause();
  }
  return { pieces, bytes, digest: hash.digest('hex') };
}
