import type { Pool } from 'pg';
import {
  formatSignature,
  formatWitnessRequest,
  MalformedNote,
  parseNote,
  parseSignature,
  SUCCESSION_LIKE,
  UnverifiedNote,
  verifyNote,
  type Verifier,
  type WitnessRequest,
} from '#libs/ledger';
import { consistencyProofOf } from '#libs/ledger/postgres';
import { httpsOrLoopback, strictRequest, StrictRequestError, type StrictResponse } from '#libs/strict-http';
import { pause } from '#libs/subscriptions';

/** A witness of this log: where it answers, and the key that it signs with. */
export interface WitnessTarget {
  /** `/add-checkpoint` is asked for below it. */
  readonly url: URL;
  readonly verifier: Verifier;
}

/** Why a witness has not signed the last checkpoint. Those after the first two say that somebody has two histories, or speaks for another. */
export type WitnessProblem = 'away' | 'refused' | 'rollback' | 'fork' | 'bad-proof' | 'bad-cosignature';

export interface WitnessSenderOptions {
  readonly pool: Pool;
  readonly witnesses: readonly WitnessTarget[];
  /** ISO 8601. */
  readonly now: () => string;
  /** Told once when a witness does not sign, and again when the reason is another. */
  readonly onProblem: (witness: string, problem: WitnessProblem, detail: string) => void;
  /** Milliseconds between two looks. */
  readonly tickMs?: number;
  /** Milliseconds for one exchange. */
  readonly timeoutMs?: number;
}

/** A cosignature is some 150 bytes, and a sentence of refusal not many more. */
const MAX_ANSWER = 4 * 1024;
/** Other senders of this log may be quicker: then it is proved from where they came to. */
const ATTEMPTS = 4;

/** The witness does not sign. */
export class NotSigned extends Error {
  constructor(
    readonly problem: WitnessProblem,
    detail: string,
  ) {
    super(detail);
  }
}

interface Stored {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}

/**
 * Has the last published checkpoint signed by witnesses (c2sp.org/tlog-witness), so that a log that shows different people different
 * histories would need a witness that does too. Several senders of one log do no harm: a witness signs the same checkpoint as often as it is asked.
 */
export class WitnessSender {
  private readonly problems = new Map<string, WitnessProblem>();

  constructor(private readonly options: WitnessSenderOptions) {}

  /** Runs until the signal ends it. */
  async run(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    while (!signal.aborted) {
      await this.tick(signal).catch(onError);
      await pause(this.options.tickMs ?? 1000, signal);
    }
  }

  /** Asks every witness that has not signed the last published checkpoint; one that does not answer keeps no other waiting. */
  async tick(signal?: AbortSignal): Promise<void> {
    const last = await this.lastPublished();
    if (last) await Promise.all(this.options.witnesses.map((witness) => this.witnessed(witness, last, signal)));
  }

  private async witnessed(witness: WitnessTarget, last: Stored, signal: AbortSignal | undefined): Promise<void> {
    const { name, text: key } = witness.verifier;
    const from = await this.lastSigned(witness);
    if (from >= last.size) return;
    try {
      // A witness knows no key before it has seen who named it.
      for (const succession of await this.successionsAfter(from, last.size)) {
        await this.ask(witness, succession, from, signal).catch((error: unknown) => {
          // It may have seen more already: what it says of the last one counts.
          if (!(error instanceof NotSigned) || error.problem !== 'refused') throw error;
        });
      }
      const cosignature = await this.ask(witness, last, from, signal);
      await this.options.pool.query(
        `insert into ledger_cosignature (verifier, size, root, line, witnessed_at) values ($1, $2, $3, $4, $5)
           on conflict (verifier, size) do update set root = excluded.root, line = excluded.line, witnessed_at = excluded.witnessed_at`,
        [key, last.size, last.root, cosignature, this.options.now()],
      );
      this.problems.delete(key);
      await this.note(witness, undefined);
    } catch (error) {
      if (signal?.aborted) return;
      if (!(error instanceof NotSigned)) throw error;
      if (this.problems.get(key) === error.problem) return;
      this.problems.set(key, error.problem);
      await this.note(witness, { code: error.problem, detail: error.message, at: this.options.now() });
      this.options.onProblem(name, error.problem, error.message);
    }
  }

  /** @returns the line of its signature @throws NotSigned */
  private async ask(witness: WitnessTarget, checkpoint: Stored, from: number, signal: AbortSignal | undefined): Promise<string> {
    let oldSize = from;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const answer = await this.send(witness, checkpoint, oldSize, signal);
      if (answer.status === 200) return cosignatureIn(answer, checkpoint.note, witness.verifier);
      const seen = seenSize(answer);
      if (seen === undefined) {
        const detail = `It answered ${answer.status}: ${printable(answer)}`;
        throw new NotSigned(answer.status === 422 ? 'bad-proof' : 'refused', detail);
      }
      if (seen > checkpoint.size) {
        // Another sender may have been there with a later checkpoint; what was never signed here is another matter.
        if (((await this.lastPublished())?.size ?? 0) >= seen) throw new NotSigned('refused', `It has signed ${seen} leaves already.`);
        throw new NotSigned('rollback', `It has signed ${seen} leaves of this log, and here only ${checkpoint.size} were ever signed.`);
      }
      if (seen === oldSize) throw new NotSigned('fork', `It has signed another history of the first ${seen} leaves.`);
      oldSize = seen;
    }
    throw new NotSigned('refused', 'Others had checkpoints of this log signed meanwhile.');
  }

  private async send(
    { url }: WitnessTarget,
    { size, note }: Stored,
    oldSize: number,
    signal: AbortSignal | undefined,
  ): Promise<StrictResponse> {
    const proof = oldSize > 0 && oldSize < size ? await consistencyProofOf(this.options.pool, oldSize, size) : [];
    return await addCheckpoint(url, { oldSize, proof, checkpoint: note }, this.options.timeoutMs, signal);
  }

  private async lastPublished(): Promise<Stored | undefined> {
    const { rows } = await this.options.pool.query<{ size: string; root: Buffer; note: string }>(
      'select size, root, note from ledger_checkpoint where published_at is not null order by size desc limit 1',
    );
    return rows.map((row) => ({ ...row, size: Number(row.size) }))[0];
  }

  private async successionsAfter(from: number, before: number): Promise<readonly Stored[]> {
    const { rows } = await this.options.pool.query<{ size: string; root: Buffer; note: string }>(
      'select size, root, note from ledger_checkpoint where published_at is not null and size > $1 and size < $2 and note like $3 order by size',
      [from, before, SUCCESSION_LIKE],
    );
    return rows.map((row) => ({ ...row, size: Number(row.size) }));
  }

  private async lastSigned({ verifier }: WitnessTarget): Promise<number> {
    const { rows } = await this.options.pool.query<{ size: string | null }>(
      'select max(size) as size from ledger_cosignature join ledger_checkpoint using (size, root) where verifier = $1',
      [verifier.text],
    );
    return Number(rows[0]?.size ?? 0);
  }

  private async note({ verifier }: WitnessTarget, problem: object | undefined): Promise<void> {
    await this.options.pool.query(
      `insert into ledger_witness (verifier, problem) values ($1, $2) on conflict (verifier) do update set problem = excluded.problem`,
      [verifier.text, problem ?? null],
    );
  }
}

/** @throws NotSigned the witness is away */
async function addCheckpoint(url: URL, request: WitnessRequest, timeoutMs = 10_000, signal?: AbortSignal): Promise<StrictResponse> {
  const at = new URL(`${url.pathname.replace(/\/$/, '')}/add-checkpoint`, url);
  try {
    return await strictRequest(at, {
      method: 'POST',
      body: formatWitnessRequest(request),
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      timeoutMs,
      maxBytes: MAX_ANSWER,
      allow: httpsOrLoopback,
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (error instanceof StrictRequestError) throw new NotSigned('away', error.message);
    throw error;
  }
}

/**
 * How many leaves of a log a witness has signed. The protocol has no question for it, so a checkpoint is offered that was signed already: the witness
 * takes it, or names the size that it saw.
 *
 * @throws NotSigned it did not say
 */
export async function sizeSeenBy(
  { url }: WitnessTarget,
  { size, note }: { readonly size: number; readonly note: string },
  timeoutMs?: number,
): Promise<number> {
  const answer = await addCheckpoint(url, { oldSize: size, proof: [], checkpoint: note }, timeoutMs);
  const seen = answer.status === 200 ? size : seenSize(answer);
  if (seen === undefined) throw new NotSigned('refused', `It answered ${answer.status}: ${printable(answer)}`);
  return seen;
}

/** @throws NotSigned what came is no signature of that witness under that checkpoint */
function cosignatureIn({ body }: StrictResponse, note: string, verifier: Verifier): string {
  try {
    const { text } = parseNote(note);
    // A witness may have several keys and sign with each: the one that is known here counts.
    const signatures = String(body)
      .split('\n')
      .filter((line) => line !== '')
      .map(parseSignature);
    const ours = signatures.filter(({ name, keyHash }) => name === verifier.name && keyHash === verifier.keyHash);
    verifyNote({ text, signatures: ours }, [verifier]);
    return formatSignature(ours[0]!);
  } catch (error) {
    if (error instanceof MalformedNote || error instanceof UnverifiedNote) throw new NotSigned('bad-cosignature', error.message);
    throw error;
  }
}

/** The size that a witness saw last, where it says so: 409 and `text/x.tlog.size`. */
function seenSize({ status, headers, body }: StrictResponse): number | undefined {
  if (status !== 409 || !headers['content-type']?.startsWith('text/x.tlog.size')) return undefined;
  const text = /^(0|[1-9]\d{0,15})\n?$/.exec(String(body))?.[1];
  return text === undefined ? undefined : Number(text);
}

/** What a stranger wrote, fit for a log. */
function printable({ body }: StrictResponse): string {
  return String(body)
    .slice(0, 300)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, ' ')
    .trim();
}
