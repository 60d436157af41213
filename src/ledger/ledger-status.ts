import type { Pool } from 'pg';
import { ageInSeconds, type EventLog } from '#libs/event-sourcing';
import { eventOf } from './record-leaves.ts';
import { leafBy } from '#libs/ledger/postgres';

export interface LedgerStatus {
  /** Leaves. */
  readonly size: number;
  /** Base64; absent before the first leaf. */
  readonly root?: string;
  /** Of the last event that is a leaf; -1 before the first. */
  readonly position: string;
  /** Who signs, as C2SP notes write it; absent before anybody did. */
  readonly verifier?: string;
  /** Leaves under the last signature; 0 before the first. */
  readonly signedSize: number;
  readonly signedAt?: string;
  /** Leaves that are under no signature, */
  readonly unanchoredEvents: number;
  /** and the age of the oldest event that is under none, whether it is a leaf yet or not, in seconds. */
  readonly unanchoredSeconds: number;
  /** The largest that these two ever were when something was signed, or are now. */
  readonly largestUnanchoredEvents: number;
  readonly largestUnanchoredSeconds: number;
  /** Witnesses that are or were asked to sign too, by name. */
  readonly witnesses: readonly WitnessStatus[];
  /** Events that somebody appended around Plimsoll: leaves like all, and nothing else was made of them. */
  readonly strays: number;
  readonly lastStray?: StrayLeaf;
  /** Why nothing is signed now. */
  readonly alarm?: { readonly code: string; readonly detail: string; readonly at: string };
}

export interface StrayLeaf {
  readonly sequence: number;
  /** `stream@revision` */
  readonly event: string;
  readonly eventId: string;
  /** As far as it is printable and short. */
  readonly type: string;
  readonly why: string;
  readonly foundAt: string;
}

export interface WitnessStatus {
  readonly verifier: string;
  /** Leaves under the last checkpoint that it signed; 0 before the first. */
  readonly size: number;
  readonly witnessedAt?: string;
  /** Why it has not signed the last checkpoint. */
  readonly problem?: { readonly code: string; readonly detail: string; readonly at: string };
}

/** How the ledger stands as of `now` (ISO 8601). */
export async function ledgerStatus(pool: Pick<Pool, 'query'>, log: EventLog, now: string): Promise<LedgerStatus> {
  const { rows } = await pool.query<{
    size: string | null;
    root: Buffer | null;
    position: string | null;
    verifier: string | null;
    alarm: { code: string; detail: string; at: string } | null;
    signed_size: string | null;
    signed_at: Date | null;
    largest_events: string | null;
    largest_seconds: number | null;
    strays: string;
    last_stray: {
      sequence: number;
      stream: string;
      revision: number;
      event_id: string;
      type: string;
      why: string;
      found_at: string;
    } | null;
  }>(`
    select t.size, t.root, t.position, s.verifier, s.alarm, c.size as signed_size, c.signed_at,
           (select max(window_events) from ledger_checkpoint) as largest_events,
           (select max(window_seconds) filter (where window_seconds < 'infinity') from ledger_checkpoint) as largest_seconds,
           (select count(*) from ledger_stray) as strays,
           (select row_to_json(l) from (select * from ledger_stray order by sequence desc limit 1) l) as last_stray
      from (select 1) o
      left join ledger_tree t on true
      left join ledger_signer s on true
      left join lateral (select size, signed_at from ledger_checkpoint order by size desc limit 1) c on true`);
  const row = rows[0]!;
  const size = Number(row.size ?? 0);
  const position = BigInt(row.position ?? -1);
  const signedSize = Number(row.signed_size ?? 0);
  const unanchoredEvents = Math.max(0, size - signedSize);
  const leaf = signedSize < size ? await leafBy(pool, { sequence: signedSize }) : undefined;
  const oldest = leaf ? await eventOf(log, leaf) : (await log.readAll({ after: position, maxCount: 1 }))[0];
  const unanchoredSeconds = oldest ? ageInSeconds(oldest, now) : 0;
  return {
    size,
    ...(row.root ? { root: row.root.toString('base64') } : {}),
    position: String(position),
    ...(row.verifier ? { verifier: row.verifier } : {}),
    signedSize,
    ...(row.signed_at ? { signedAt: row.signed_at.toISOString() } : {}),
    unanchoredEvents,
    unanchoredSeconds,
    largestUnanchoredEvents: Math.max(unanchoredEvents, Number(row.largest_events ?? 0)),
    largestUnanchoredSeconds: Math.max(unanchoredSeconds, row.largest_seconds ?? 0),
    witnesses: await witnessStatuses(pool),
    strays: Number(row.strays),
    ...(row.last_stray ? { lastStray: strayOf(row.last_stray) } : {}),
    ...(row.alarm ? { alarm: row.alarm } : {}),
  };
}

async function witnessStatuses(pool: Pick<Pool, 'query'>): Promise<readonly WitnessStatus[]> {
  const { rows } = await pool.query<{
    verifier: string;
    size: string | null;
    witnessed_at: Date | null;
    problem: NonNullable<WitnessStatus['problem']> | null;
  }>(`
    select w.verifier, w.problem, c.size, c.witnessed_at
      from ledger_witness w
      left join lateral (select size, witnessed_at from ledger_cosignature c where c.verifier = w.verifier order by size desc limit 1) c on true
     order by w.verifier`);
  return rows.map(({ verifier, size, witnessed_at, problem }) => ({
    verifier,
    size: Number(size ?? 0),
    ...(witnessed_at ? { witnessedAt: witnessed_at.toISOString() } : {}),
    ...(problem ? { problem } : {}),
  }));
}

function strayOf(row: {
  sequence: number;
  stream: string;
  revision: number;
  event_id: string;
  type: string;
  why: string;
  found_at: string;
}): StrayLeaf {
  const { sequence, stream, revision, event_id, type, why, found_at } = row;
  return { sequence, event: `${stream}@${revision}`, eventId: event_id, type, why, foundAt: new Date(found_at).toISOString() };
}
