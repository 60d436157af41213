import type { Pool } from 'pg';
import type { ExportSource } from '#libs/audit-export';
import { storedSource } from '#libs/audit-export/database';
import {
  ArchiveConflict,
  ArchiveDamaged,
  ArchiveTooLarge,
  SegmentNotProved,
  segmentsFrom,
  verifySegment,
  writeSegment,
  writeViews,
  type Archive,
} from '#libs/archive';
import { ageInSeconds, type EventLog } from '#libs/event-sourcing';
import type { View } from '#libs/read-models';

/** How often the archiver looks whether something is due, milliseconds. */
const TICK_MS = 1_000;
/** One archiver at a time, whatever number of processes there are. */
const LOCK = 4_711_090_552;
/** Segments that one tick writes at most, so that the rest is looked at, too. */
const SEGMENTS_A_TICK = 20;

export interface ArchiverOptions {
  readonly archive: Archive;
  readonly pool: Pool;
  readonly log: EventLog;
  readonly kind: 'postgres' | 'eventstoredb';
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of views has no common row
  readonly views: readonly View<any>[];
  /** A segment is due after so many events (and has at most so many) … */
  readonly everyEvents: number;
  /** … or when the oldest event that is in none is so old. */
  readonly everySeconds: number;
  /** How often the rows of the views are archived, and how often a segment is read again, seconds. */
  readonly viewsEverySeconds: number;
  readonly verifyEverySeconds: number;
  /** What is kept beside the log: archived, and let go from hand, in the same turn. */
  readonly records?: { tick(): Promise<void> };
  /** Until when what is archived now is to be kept, ISO 8601. */
  readonly retainUntil: (now: string) => Promise<string>;
  /** ISO 8601. */
  readonly now: () => string;
  /** Told when the archive can't go on, or is not what was put into it; once for each reason. */
  readonly onAlarm: (alarm: ArchiveAlarm) => void;
}

export interface ArchiveAlarm {
  readonly code:
    | 'log-differs-from-ledger' // the log is not what was signed: it is not archived as if it were
    | 'archive-conflict' // something else lies where a segment should go
    | 'archive-damaged'; // what was archived is not there any more, or other
  readonly detail: string;
}

interface Plan {
  readonly first: number;
  readonly end: number;
  readonly previous: string | null;
  readonly archivedAt: string;
  readonly retainUntil: string;
  /** Hex; the tree before `first`. */
  readonly frontier: readonly string[];
  /** Signed checkpoints of the range, with the signatures of witnesses, and the first one after it. */
  readonly notes: readonly string[];
}

/**
 * Archives what is under a signed checkpoint, in segments that follow one another, and reads each back before it counts as archived. A segment is
 * planned in the database before it is written, so that whoever goes on after a crash writes the same bytes. It only ever puts.
 *
 * That a segment was archived is a row with its proof (the manifest's digest) and no event: an event of its own would be the next thing to archive,
 * for ever. What expires is an event.
 */
export class Archiver {
  private alarm: string | undefined;

  constructor(private readonly options: ArchiverOptions) {}

  /** Runs until the signal ends it; an interruption of the world is waited for. */
  async run(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    while (!signal.aborted) {
      await this.tick().catch(onError);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, TICK_MS);
        function done(): void {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        }
        signal.addEventListener('abort', done);
        if (signal.aborted) done();
      });
    }
  }

  /** Archives and verifies what is due; with `now` a segment of what is signed, and the views, however little or young. */
  async tick(at: 'due' | 'now' = 'due'): Promise<void> {
    await this.alone(async () => {
      try {
        for (let n = 0; n < SEGMENTS_A_TICK && (await this.writeNext(at)); n++);
        await this.archiveViews(at);
        await this.verifyOldest();
        await this.options.records?.tick();
        await this.raise(await this.standing());
      } catch (error) {
        const code = alarmOf(error);
        if (!code) throw error;
        await this.raise({ code, detail: (error as Error).message });
      }
    });
  }

  /** Does nothing where another process is at it. */
  private async alone(work: () => Promise<void>): Promise<void> {
    const client = await this.options.pool.connect();
    let broken = true;
    try {
      const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [LOCK]);
      if (rows[0]?.locked) {
        try {
          await work();
        } finally {
          await client.query('select pg_advisory_unlock($1)', [LOCK]);
        }
      }
      broken = false;
    } finally {
      client.release(broken);
    }
  }

  /** @returns whether a segment was written */
  private async writeNext(at: 'due' | 'now'): Promise<boolean> {
    const { archive, pool, log, kind, now } = this.options;
    const begun = await this.begun();
    if (!begun && (await this.adopt())) return true;
    const plan = begun ?? (await this.plan(at));
    if (!plan) return false;
    const stored = await storedSource({ pool, log, kind });
    try {
      const { name, sha256, manifest } = await writeSegment(archive, sourceOf(stored, plan), plan);
      const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
      await pool.query(
        `update archive_segment set manifest = $2, manifest_sha256 = $3, position = $4, frontier = $5, bytes = $6, written_at = $7 where first = $1`,
        [plan.first, name, sha256, manifest.positions.last, manifest.frontier, bytes, now()],
      );
      await this.verify({ first: plan.first, manifest: name, manifest_sha256: sha256 });
      return true;
    } catch (error) {
      if (!(error instanceof ArchiveTooLarge) || plan.end - plan.first < 2) throw error;
      // Large events: half as many of them. Nothing was put yet.
      await pool.query('update archive_segment set "end" = $2 where first = $1', [plan.first, plan.first + ((plan.end - plan.first) >> 1)]);
      return true;
    }
  }

  /** What a crash has left planned and not written. */
  private async begun(): Promise<Plan | undefined> {
    const { rows } = await this.options.pool.query<{
      first: string;
      end: string;
      previous_sha256: string | null;
      planned_at: Date;
      retain_until: Date;
      frontier: string[] | null;
      notes: string[];
    }>(
      `select s.first, s."end", s.notes, s.previous_sha256, s.planned_at, s.retain_until, p.frontier
         from archive_segment s left join archive_segment p on p."end" = s.first where s.written_at is null`,
    );
    return rows.map((row) => ({
      first: Number(row.first),
      end: Number(row.end),
      previous: row.previous_sha256,
      archivedAt: row.planned_at.toISOString(),
      retainUntil: row.retain_until.toISOString(),
      frontier: row.frontier ?? [],
      notes: row.notes,
    }))[0];
  }

  /**
   * Takes over a segment that the archive has and the database does not know, because it was put back to an earlier state or is a new one.
   *
   * @returns whether there was one
   */
  private async adopt(): Promise<boolean> {
    const { archive, pool, now } = this.options;
    const { rows } = await pool.query<{ end: string; manifest_sha256: string }>(
      'select "end", manifest_sha256 from archive_segment order by first desc limit 1',
    );
    const first = Number(rows[0]?.end ?? 0);
    const [segment] = await segmentsFrom(archive, first);
    if (!segment) return false;
    const { manifest, name, sha256 } = segment;
    const signer = await pool.query<{ verifier: string }>('select verifier from ledger_signer');
    // Of a log that has had several keys the segment may be under an older one: origins are unique.
    const nameIn = (key: string): string => key.slice(0, key.indexOf('+'));
    if (nameIn(manifest.verifierKey) !== nameIn(signer.rows[0]?.verifier ?? ''))
      throw new ArchiveDamaged(
        `${archive.location} is the archive of another log, ${manifest.origin}: give every Plimsoll an archive of its own.`,
      );
    if (manifest.previous !== (rows[0]?.manifest_sha256 ?? null))
      throw new ArchiveDamaged(`${name} does not go on from the segment before it.`);
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    await pool.query(
      `insert into archive_segment (first, "end", planned_at, retain_until, previous_sha256, manifest, manifest_sha256, position, frontier, bytes, written_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        first, manifest.end, manifest.archivedAt, manifest.retainUntil, manifest.previous, name, sha256, manifest.positions.last,
        manifest.frontier, bytes, now(),
      ], // prettier-ignore
    );
    await this.verify({ first, manifest: name, manifest_sha256: sha256 });
    return true;
  }

  /** The next segment, where one is due: up to the last signed size that it can reach, or as far as it may go where none is near. */
  private async plan(at: 'due' | 'now'): Promise<Plan | undefined> {
    const { pool, log, everyEvents, everySeconds, now, retainUntil } = this.options;
    const { rows } = await pool.query<{ end: string; manifest_sha256: string; frontier: string[] }>(
      'select "end", manifest_sha256, frontier from archive_segment order by first desc limit 1',
    );
    const first = Number(rows[0]?.end ?? 0);
    const signed = await pool.query<{ largest: string | null; near: string | null; signed_at: Date | null; position: string | null }>(
      `select (select max(size) from ledger_checkpoint) as largest,
              (select max(size) from ledger_checkpoint where size > $1 and size <= $2) as near,
              (select min(signed_at) from ledger_checkpoint where size > $1) as signed_at,
              (select position from ledger_leaf where sequence = $1) as position`,
      [first, first + everyEvents],
    );
    const { largest, near, signed_at, position } = signed.rows[0]!;
    if (largest === null || position === null || Number(largest) <= first) return undefined;
    if (at === 'due' && Number(largest) - first < everyEvents) {
      const [oldest] = await log.readAll({ after: BigInt(position) - 1n, maxCount: 1 });
      // It was there when it was signed, whatever time it claims.
      const sinceSigned = (Date.parse(now()) - signed_at!.getTime()) / 1000;
      if (!oldest || Math.max(ageInSeconds(oldest, now()), sinceSigned) < everySeconds) return undefined;
    }
    const end = near === null ? Math.min(first + everyEvents, Number(largest)) : Number(near);
    const plan: Plan = {
      first,
      end,
      notes: await this.notes(first, end),
      previous: rows[0]?.manifest_sha256 ?? null,
      archivedAt: now(),
      retainUntil: await retainUntil(now()),
      frontier: rows[0]?.frontier ?? [],
    };
    await pool.query(
      'insert into archive_segment (first, "end", previous_sha256, planned_at, retain_until, notes) values ($1, $2, $3, $4, $5, $6)',
      [plan.first, plan.end, plan.previous, plan.archivedAt, plan.retainUntil, plan.notes],
    );
    return plan;
  }

  private async notes(first: number, end: number): Promise<readonly string[]> {
    const { rows } = await this.options.pool.query<{ note: string }>(
      `select c.note || coalesce((select string_agg(s.line || E'\\n', '' order by s.verifier) from ledger_cosignature s
                                   where s.size = c.size and s.root = c.root), '') as note
         from ledger_checkpoint c
        where c.size >= $1 and c.size <= coalesce((select min(size) from ledger_checkpoint where size > $2), $2) order by c.size`,
      [first, end],
    );
    return rows.map(({ note }) => note);
  }

  private async archiveViews(at: 'due' | 'now'): Promise<void> {
    const { archive, pool, log, kind, views, viewsEverySeconds, retainUntil, now } = this.options;
    const { rows } = await pool.query<{ due: boolean; archived: boolean }>(
      `select coalesce(max(written_at) + $1 * interval '1 second' <= $2, true) as due, exists (select from archive_segment where verified_at is not null) as archived
         from archive_views`,
      [viewsEverySeconds, now()],
    );
    // Of a Plimsoll of which nothing is archived, the views are of no use.
    if (!rows[0]?.archived || (at === 'due' && !rows[0].due)) return;
    const source = await storedSource({ pool, log, kind, views });
    const lines: Buffer[] = [];
    let position = -1n;
    for await (const batch of source.views!()) {
      for (const row of batch) {
        if (BigInt(row.position) > position) position = BigInt(row.position);
        lines.push(Buffer.from(`${JSON.stringify(row)}\n`));
      }
    }
    if (position < 0n) return;
    const { name, sha256 } = await writeViews(
      archive,
      { origin: source.origin, position, rows: Buffer.concat(lines) },
      await retainUntil(now()),
    );
    await pool.query(
      `insert into archive_views (manifest, manifest_sha256, position, written_at) values ($1, $2, $3, $4)
       on conflict (manifest) do update set written_at = excluded.written_at`,
      [name, sha256, String(position), now()],
    );
  }

  /** The segment that nobody has read for longest, where that is too long. */
  private async verifyOldest(): Promise<void> {
    const { pool, verifyEverySeconds, now } = this.options;
    const { rows } = await pool.query<{ first: string; manifest: string; manifest_sha256: string }>(
      `select first, manifest, manifest_sha256 from archive_segment
        where written_at is not null and (looked_at is null or looked_at <= $1::timestamptz - $2 * interval '1 second')
        order by looked_at nulls first, first limit 1`,
      [now(), verifyEverySeconds],
    );
    if (rows[0]) await this.verify(rows[0]);
  }

  private async verify(segment: {
    readonly first: number | string;
    readonly manifest: string;
    readonly manifest_sha256: string;
  }): Promise<void> {
    const { archive, pool, now } = this.options;
    const findings = await verifySegment(archive, segment.manifest, segment.manifest_sha256);
    await pool.query(
      `update archive_segment set looked_at = $2, verified_at = case when $3::jsonb is null then $2 else verified_at end, findings = $3
        where first = $1`,
      [segment.first, now(), findings.length > 0 ? JSON.stringify(findings) : null],
    );
  }

  /** What is known to be wrong with what was archived. */
  private async standing(): Promise<ArchiveAlarm | undefined> {
    const { rows } = await this.options.pool.query<{ manifest: string; findings: { where: string; detail: string }[] }>(
      'select manifest, findings from archive_segment where findings is not null order by first limit 1',
    );
    const records = await this.options.pool.query<{ record_id: string; problem: string }>(
      'select record_id, problem from archive_record where problem is not null and archived_at is not null order by kept_at limit 1',
    );
    const beside = records.rows.map(({ record_id, problem }) => ({ where: `records/${record_id}`, detail: problem }));
    const finding = rows[0]?.findings[0] ?? beside[0];
    return finding && { code: 'archive-damaged', detail: `${finding.where}: ${finding.detail}` };
  }

  private async raise(alarm: ArchiveAlarm | undefined): Promise<void> {
    const { pool, archive, now, onAlarm } = this.options;
    const reason = alarm ? `${alarm.code} ${alarm.detail}` : '';
    if (reason === this.alarm) return;
    this.alarm = reason;
    if (alarm) onAlarm(alarm);
    await pool.query(
      `insert into archive_state (location, alarm, updated_at) values ($1, $2, $3)
       on conflict (singleton) do update set location = excluded.location, alarm = excluded.alarm, updated_at = excluded.updated_at`,
      [archive.location, alarm ? { ...alarm, at: now() } : null, now()],
    );
  }
}

function alarmOf(error: unknown): ArchiveAlarm['code'] | undefined {
  if (error instanceof SegmentNotProved) return 'log-differs-from-ledger';
  if (error instanceof ArchiveConflict) return 'archive-conflict';
  return error instanceof ArchiveDamaged ? 'archive-damaged' : undefined;
}

/** The same source, which need not read the ledger from its beginning for every segment. */
function sourceOf(stored: ExportSource, { frontier, notes }: Plan): ExportSource {
  return {
    ...stored,
    frontier: async () => frontier.map((hash) => Buffer.from(hash, 'hex')),
    checkpoints: async function* () {
      yield notes;
    },
  };
}
