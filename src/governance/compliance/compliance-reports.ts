import { setImmediate as turn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import {
  computeReport,
  LogShorterThanCheckpoint,
  ProofDoesNotHold,
  writeReport,
  type ComplianceQuery,
  type ComplianceReport,
  type LogRange,
  type WrittenReport,
} from '#libs/compliance';
import { BEFORE_ALL, type StoredEvent } from '#libs/event-sourcing';
import { ProblemError } from '#libs/http';
import { eventLeafHash, parseVerifier, type LeafProof } from '#libs/ledger';
import { inclusionProofsOf, LedgerDamaged } from '#libs/ledger/postgres';
import type { Infrastructure } from '../../infrastructure.ts';
import { INFRASTRUCTURE } from '../../tokens.ts';

/** Events that are read at once. */
const BATCH = 1000;
/** Leaves that are proved at once: some ten thousand hashes are read for them. */
const PROVED_AT_ONCE = 64;
/** Reports that are computed at the same time: each holds its changes in memory. */
const MOST_AT_ONCE = 1;
const RETRY_SECONDS = 10;

/** The signed checkpoint that a report rests on, and the position of its last event. */
interface SignedRange {
  readonly checkpoint?: NonNullable<LogRange['checkpoint']>;
  readonly upTo: bigint;
}

export interface ComputedReport {
  readonly report: ComplianceReport;
  readonly written: WrittenReport;
}

/** Makes compliance reports from the event log itself, up to a signed checkpoint; never from a view. */
@Injectable()
export class ComplianceReports {
  private running = 0;

  constructor(@Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure) {}

  /**
   * @param treeSize of the signed checkpoint that it shall rest on; the last one unless told
   * @param signal ends the work where nobody waits for it any more
   * @throws ProblemError 503 `report-busy`, 503 `report-given-up`, 404 `checkpoint-unknown`, 503 `log-differs-from-ledger`
   */
  async compute(query: ComplianceQuery, treeSize: number | undefined, signal: AbortSignal): Promise<ComputedReport> {
    if (this.running >= MOST_AT_ONCE) {
      throw new ProblemError(503, 'report-busy', `Another compliance report is being computed. Ask again in ${RETRY_SECONDS} seconds.`, {
        headers: { 'retry-after': String(RETRY_SECONDS) },
      });
    }
    this.running++;
    try {
      const { codec } = this.infrastructure;
      const { checkpoint, upTo } = await this.signedRange(treeSize);
      const pause = async (): Promise<void> => {
        await turn();
        signal.throwIfAborted();
      };
      const report = await computeReport(this.events(upTo), query, {
        codec,
        pause,
        prove: (leaves, size) => this.prove(leaves, size, pause),
        ...(checkpoint ? { checkpoint } : {}),
      });
      return { report, written: await writeReport(report, pause) };
    } catch (error) {
      // The answer reaches nobody; what is logged should not look like a fault of the server.
      if (signal.aborted) throw new ProblemError(503, 'report-given-up', 'Whoever asked for the report did not wait for it.');
      if (error instanceof LogShorterThanCheckpoint || error instanceof ProofDoesNotHold || error instanceof LedgerDamaged)
        throw new ProblemError(503, 'log-differs-from-ledger', error.message);
      throw error;
    } finally {
      this.running--;
    }
  }

  /** The leaf is hashed of the event as the log has it now, and the way to the root is the ledger's: where one of them was changed the proof does not hold. */
  private async prove(
    leaves: readonly { readonly ref: string; readonly sequence: number }[],
    size: number,
    pause: () => Promise<void>,
  ): Promise<readonly LeafProof[]> {
    const { log, pool } = this.infrastructure;
    const proofs: LeafProof[] = [];
    for (let from = 0; from < leaves.length; from += PROVED_AT_ONCE) {
      const some = leaves.slice(from, from + PROVED_AT_ONCE);
      const [paths, hashes] = await Promise.all([
        inclusionProofsOf(
          pool,
          some.map(({ sequence }) => sequence),
          size,
        ),
        Promise.all(
          some.map(async ({ ref }) => {
            const at = ref.lastIndexOf('@');
            const { events } = await log.readStream(ref.slice(0, at), { fromRevision: Number(ref.slice(at + 1)), maxCount: 1 });
            const [event] = events;
            if (!event) throw new ProofDoesNotHold(`${ref} is no longer in the log.`);
            return eventLeafHash(event);
          }),
        ),
      ]);
      some.forEach((_leaf, i) => proofs.push({ hash: hashes[i]!, path: paths[i]! }));
      await pause();
    }
    return proofs;
  }

  private async *events(upTo: bigint): AsyncIterable<readonly StoredEvent[]> {
    const { log } = this.infrastructure;
    // The next batch is on its way while this one is being looked at.
    let next = log.readAll({ after: BEFORE_ALL, maxCount: BATCH });
    for (;;) {
      const batch = await next;
      const last = batch.at(-1);
      if (!last) return;
      const more = last.position < upTo;
      if (more) {
        next = log.readAll({ after: last.position, maxCount: BATCH });
        // It is awaited above, unless nobody asks for it any more.
        next.catch(() => undefined);
      }
      yield more ? batch : batch.filter(({ position }) => position <= upTo);
      if (!more) return;
    }
  }

  private async signedRange(treeSize: number | undefined): Promise<SignedRange> {
    const { pool, log } = this.infrastructure;
    const { rows } = await pool.query<{ size: string; root: Buffer; position: string; verifier: string }>(
      `select c.size, c.root, l.position, s.verifier
         from ledger_checkpoint c join ledger_leaf l on l.sequence = c.size - 1 cross join ledger_signer s
        where $1::bigint is null or c.size = $1
        order by c.size desc limit 1`,
      [treeSize ?? null],
    );
    const [row] = rows;
    if (row) {
      const { name: origin } = parseVerifier(row.verifier);
      return { checkpoint: { origin, size: Number(row.size), root: row.root.toString('base64') }, upTo: BigInt(row.position) };
    }
    if (treeSize !== undefined) throw new ProblemError(404, 'checkpoint-unknown', `No checkpoint of size ${treeSize} was signed.`);
    return { upTo: await log.head() };
  }
}
