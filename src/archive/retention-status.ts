import type { Pool } from 'pg';
import { HOLD_REGISTER, ORGANISATION, type RetentionRule } from '#libs/contracts';
import type { ReadAggregate } from '#libs/event-sourcing';
import {
  combined,
  daysAfter,
  FLOORS,
  heldBy,
  legalHolds,
  readRecordFacts,
  retentionPolicy,
  rulesInForce,
  type CombinedRule,
  type RetentionVersion,
} from '#libs/retention';

export interface RecordStanding {
  readonly recordId: string;
  readonly kind: string;
  readonly event: string;
  readonly keptAt: string;
  readonly rule: CombinedRule;
  /** When it may go from hand, and by when it must be gone altogether, where there is a ceiling. */
  readonly atHandUntil: string;
  readonly goneBy?: string;
  /** Where it still is. */
  readonly where: readonly ('at-hand' | 'archive')[];
  /** Legal holds that keep it. */
  readonly heldBy: readonly string[];
}

export interface RetentionStatus {
  readonly inForce: RetentionVersion;
  /** Published, and not in force yet. */
  readonly upcoming: readonly RetentionVersion[];
  /** The least that a regulation asks for, and what says so. */
  readonly floors: typeof FLOORS;
  readonly records: {
    readonly atHand: number;
    readonly atHandBytes: number;
    readonly archived: number;
    readonly expired: number;
    /** Kept, and neither archived nor to be archived: something is wrong with them. */
    readonly problems: readonly { readonly recordId: string; readonly event: string; readonly problem: string }[];
  };
  /** The next to go from hand, soonest first. */
  readonly nextExpiries: readonly RecordStanding[];
  /** What is past its ceiling and still somewhere, and that no hold keeps: from the archive its owner removes it. */
  readonly overdue: readonly RecordStanding[];
  /** What would have gone from hand, and a legal hold keeps. */
  readonly held: readonly RecordStanding[];
  /** `stream@revision` of the rules and of the holds. */
  readonly refs: readonly string[];
}

interface Row {
  readonly record_id: string;
  readonly kind: string;
  readonly stream: string;
  readonly revision: number;
  readonly kept_at: Date;
  readonly archived_at: Date | null;
  readonly removed_at: Date | null;
}

/** How many of each list are looked at: the oldest. */
const MOST = 100;
const DAY_MS = 86_400_000;

/** How retention stands as of `now` (ISO 8601): which records there are, rows say; what becomes of them, the streams. */
export async function retentionStatus(pool: Pick<Pool, 'query'>, read: ReadAggregate, now: string): Promise<RetentionStatus> {
  const [policy, register] = await Promise.all([read(retentionPolicy, ORGANISATION), read(legalHolds, HOLD_REGISTER)]);
  const inForce = rulesInForce(policy.state, now);
  const ceilings = inForce.rules.flatMap((rule: RetentionRule) => rule.ceilingDays ?? []);
  const oldest = ceilings.length > 0 ? new Date(Date.parse(now) - Math.min(...ceilings) * DAY_MS).toISOString() : undefined;
  const [counts, problems, atHand, past] = await Promise.all([
    pool.query<{ at_hand: string; at_hand_bytes: string; archived: string; expired: string }>(
      `select count(*) filter (where removed_at is null) as at_hand, coalesce(sum(bytes) filter (where removed_at is null), 0) as at_hand_bytes,
              count(*) filter (where verified_at is not null) as archived, count(*) filter (where removed_at is not null) as expired
         from archive_record`,
    ),
    pool.query<{ record_id: string; stream: string; revision: number; problem: string }>(
      `select record_id, stream, revision, problem from archive_record where problem is not null order by kept_at limit ${MOST}`,
    ),
    pool.query<Row>(`select * from archive_record where removed_at is null order by kept_at, record_id limit ${MOST}`),
    oldest === undefined
      ? { rows: [] }
      : pool.query<Row>(`select * from archive_record where kept_at <= $1 order by kept_at, record_id limit ${MOST}`, [oldest]),
  ]);
  const standing = async (row: Row): Promise<RecordStanding | undefined> => {
    const { record_id: recordId, stream, revision, kind, kept_at, archived_at, removed_at } = row;
    const facts = await readRecordFacts(read, { recordId, stream, revision, now });
    if (!facts) return undefined;
    const keptAt = kept_at.toISOString();
    return {
      recordId,
      kind,
      event: `${stream}@${revision}`,
      keptAt,
      rule: facts.rule,
      atHandUntil: daysAfter(keptAt, facts.rule.atHandDays),
      ...(facts.rule.ceilingDays === undefined ? {} : { goneBy: daysAfter(keptAt, facts.rule.ceilingDays) }),
      where: [...(removed_at ? [] : (['at-hand'] as const)), ...(archived_at ? (['archive'] as const) : [])],
      heldBy: heldBy(register.state, facts.subject).map(({ holdId }) => holdId),
    };
  };
  const standings = async (rows: readonly Row[]): Promise<RecordStanding[]> =>
    (await Promise.all(rows.map(standing))).flatMap((s) => s ?? []);
  const [here, old] = await Promise.all([standings(atHand.rows), standings(past.rows)]);
  const { at_hand, at_hand_bytes, archived, expired } = counts.rows[0]!;
  return {
    inForce,
    upcoming: policy.state.versions.filter(({ effectiveFrom }) => effectiveFrom > now),
    floors: FLOORS,
    records: {
      atHand: Number(at_hand),
      atHandBytes: Number(at_hand_bytes),
      archived: Number(archived),
      expired: Number(expired),
      problems: problems.rows.map((r) => ({ recordId: r.record_id, event: `${r.stream}@${r.revision}`, problem: r.problem })),
    },
    nextExpiries: here
      .filter((s) => s.heldBy.length === 0)
      .sort((a, b) => (a.atHandUntil < b.atHandUntil ? -1 : 1))
      .slice(0, 20),
    overdue: old.filter((s) => s.goneBy !== undefined && s.goneBy <= now && s.heldBy.length === 0),
    held: here.filter((s) => s.heldBy.length > 0 && s.atHandUntil <= now),
    refs: [policy.ref, register.ref],
  };
}

/** Until when what is archived now must be kept, as far as it is known: what has to be kept longest says how long. */
export async function retainUntil(read: ReadAggregate, now: string): Promise<string> {
  const { state } = await read(retentionPolicy, ORGANISATION);
  return daysAfter(now, combined(rulesInForce(state, now).rules).keepDays);
}
