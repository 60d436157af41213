import type { Pool } from 'pg';
import { ageInSeconds, type EventLog } from '#libs/event-sourcing';

export interface ArchiveStatus {
  /** Absent before the archiver first ran, or where it is switched off. */
  readonly location?: string;
  /** Events that are archived and were read back: sequences of the ledger below this. */
  readonly verifiedTo: number;
  /** Events that are archived. */
  readonly archivedTo: number;
  /** Events under a signed checkpoint: only these are archived. */
  readonly signedTo: number;
  readonly segments: number;
  readonly bytes: number;
  /** When the last segment was written, and the segment that nobody has read back for longest was. */
  readonly lastWrittenAt?: string;
  readonly leastRecentlyVerifiedAt?: string;
  /** The newest rows of the views that are archived. */
  readonly views?: { readonly manifest: string; readonly position: string; readonly writtenAt: string };
  /** What is not archived though it is signed, or is not what was put there: nothing here means that nothing is missing. */
  readonly gaps: readonly ArchiveGap[];
  /** Why the archiver can't go on. */
  readonly alarm?: { readonly code: string; readonly detail: string; readonly at: string };
}

export interface ArchiveGap {
  readonly kind: 'not-archived-yet' | 'not-verified' | 'archive-missing' | 'archive-damaged' | 'archive-overwritten';
  /** Sequences, the first included and the end excluded. */
  readonly first: number;
  readonly end: number;
  readonly detail: string;
}

/** How the archive stands as of `now` (ISO 8601). */
export async function archiveStatus(pool: Pick<Pool, 'query'>, log: EventLog, now: string): Promise<ArchiveStatus> {
  const { rows } = await pool.query<{
    location: string | null;
    alarm: ArchiveStatus['alarm'] | null;
    archived_to: string | null;
    verified_to: string | null;
    signed_to: string | null;
    segments: string;
    bytes: string | null;
    written_at: Date | null;
    verified_at: Date | null;
    views: string | null;
    views_position: string | null;
    views_at: Date | null;
    oldest: string | null;
  }>(`
    select a.location, a.alarm, s.*, v.manifest as views, v.position as views_position, v.written_at as views_at,
           (select max(size) from ledger_checkpoint) as signed_to,
           (select position from ledger_leaf where sequence = coalesce(s.archived_to, 0)) as oldest
      from (select max("end") as archived_to, count(*) as segments, sum(bytes) as bytes, max(written_at) as written_at,
                   min(verified_at) as verified_at,
                   coalesce(min(first) filter (where verified_at is null or findings is not null), max("end")) as verified_to
              from archive_segment where written_at is not null) s
      left join archive_state a on true
      left join lateral (select * from archive_views order by written_at desc limit 1) v on true`);
  const row = rows[0]!;
  const archivedTo = Number(row.archived_to ?? 0);
  const signedTo = Number(row.signed_to ?? 0);
  const gaps = await damaged(pool);
  if (signedTo > archivedTo) {
    const [oldest] = row.oldest === null ? [] : await log.readAll({ after: BigInt(row.oldest) - 1n, maxCount: 1 });
    const seconds = oldest ? Math.round(ageInSeconds(oldest, now)) : 0;
    gaps.push({
      kind: 'not-archived-yet',
      first: archivedTo,
      end: signedTo,
      detail: `${signedTo - archivedTo} events are signed and in no segment yet, the oldest for ${seconds} seconds.`,
    });
  }
  return {
    ...(row.location === null ? {} : { location: row.location }),
    verifiedTo: Number(row.verified_to ?? 0),
    archivedTo,
    signedTo,
    segments: Number(row.segments),
    bytes: Number(row.bytes ?? 0),
    ...(row.written_at ? { lastWrittenAt: row.written_at.toISOString() } : {}),
    ...(row.verified_at ? { leastRecentlyVerifiedAt: row.verified_at.toISOString() } : {}),
    ...(row.views !== null && row.views_at
      ? { views: { manifest: row.views, position: String(row.views_position), writtenAt: row.views_at.toISOString() } }
      : {}),
    gaps,
    ...(row.alarm ? { alarm: row.alarm } : {}),
  };
}

async function damaged(pool: Pick<Pool, 'query'>): Promise<ArchiveGap[]> {
  const { rows } = await pool.query<{
    first: string;
    end: string;
    findings: { readonly name: ArchiveGap['kind']; readonly where: string; readonly detail: string }[] | null;
  }>(
    `select first, "end", findings from archive_segment
      where written_at is not null and (verified_at is null or findings is not null) order by first limit 100`,
  );
  return rows.flatMap(({ first, end, findings }) => {
    const range = { first: Number(first), end: Number(end) };
    if (!findings) return [{ kind: 'not-verified' as const, ...range, detail: 'The segment was written and not read back yet.' }];
    return findings.map(({ name, where, detail }) => ({ kind: name, ...range, detail: `${where}: ${detail}` }));
  });
}
