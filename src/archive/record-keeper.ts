import type { Pool } from 'pg';
import {
  ArchiveDamaged,
  manifestBytes,
  parseRecordsManifest,
  recordName,
  recordsManifestName,
  RECORDS_SCHEMA,
  sha256,
  type Archive,
  type ArchivedRecord,
  type RecordStore,
} from '#libs/archive';
import { load, readerOf, type EventCodec, type EventLog } from '#libs/event-sourcing';
import { daysAfter, readRecordFacts, recordOf } from '#libs/retention';
import type { TransactionalHandler } from '#libs/subscriptions';
import { expire } from './expire.ts';
import { record } from './record/record.ts';

/** The subscription that lists what is kept beside the log. */
export const RECORDS_SUBSCRIPTION = 'archive:records';
/** Records of one manifest, and records that are looked at in one go. */
const BATCH = 100;
/** Records that one tick reads again. */
const AT_A_TIME = 10;
/** What `problemOf` says of what is not there, and not of what is another. */
const GONE = /(?:does not hold it|is gone)\.$/;
/** After so long a record that was refused, and at the latest one whose time has not come, is looked at again; milliseconds. */
const LOOK_AGAIN_MS = 3_600_000;
const AT_THE_LATEST_MS = 7 * 24 * 3_600_000;
/** What may make a record's time come sooner. */
const LETS_GO = new Set(['LegalHoldReleased', 'RetentionPolicyPublished', 'EnvironmentDefined']);

/** Every event that tells of a kept record makes a row: what is to be archived, and may expire one day. */
export const listRecords: TransactionalHandler = {
  concerns: (event) => LETS_GO.has(event.type) || recordOf(event) !== undefined,
  transactional: async (events, client) => {
    if (events.some(({ type }) => LETS_GO.has(type)))
      await client.query('update archive_record set look_at = null where removed_at is null and look_at is not null');
    for (const event of events) {
      const told = recordOf(event);
      if (!told) continue;
      const { recordId, kind, keptAt, sha256: digest, bytes, releaseId, environment = null } = told;
      await client.query(
        `insert into archive_record (record_id, kind, stream, revision, kept_at, sha256, bytes, release_id, environment)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
        [recordId, kind, event.stream, event.revision, keptAt, digest, bytes, releaseId, environment],
      );
    }
  },
};

export interface RecordKeeperOptions {
  readonly archive: Archive;
  readonly store: RecordStore;
  readonly pool: Pool;
  readonly log: EventLog;
  readonly codec: EventCodec;
  /** How often a record in the archive is read again, seconds. */
  readonly verifyEverySeconds: number;
  /** ISO 8601. */
  readonly now: () => string;
}

interface Row {
  readonly record_id: string;
  readonly kind: string;
  readonly stream: string;
  readonly revision: number;
  readonly kept_at: Date;
  readonly sha256: string;
  readonly bytes: number;
  readonly manifest: string | null;
  readonly manifest_sha256: string | null;
}

/** Archives what is kept beside the log, reads it back, and lets go from hand what may go. The rows are its list of work; what decides are streams and the archive itself. */
export class RecordKeeper {
  constructor(private readonly options: RecordKeeperOptions) {}

  async tick(): Promise<void> {
    await this.archiveNew();
    await this.verifyNew();
    await this.verifyAgain();
    await this.letGo();
  }

  private async archiveNew(): Promise<void> {
    const { archive, store, pool, now } = this.options;
    const { rows } = await pool.query<Row>(
      `select * from archive_record where archived_at is null and problem is null order by kept_at, record_id limit ${BATCH}`,
    );
    const archived: (ArchivedRecord & { readonly keepUntil: string })[] = [];
    for (const row of rows) {
      const body = (await store.get(row.record_id)) ?? (await this.recovered(row));
      if (body === 'expired') continue;
      const problem =
        body === undefined ? 'It is not at hand.' : sha256(body) === row.sha256 ? undefined : `It is sha256:${sha256(body)} now.`;
      if (problem !== undefined || body === undefined) {
        // Archived as something else than what was kept would be worse than missing; it stays on the list of gaps.
        await pool.query('update archive_record set problem = $2 where record_id = $1', [row.record_id, problem]);
        continue;
      }
      const keepUntil = await this.keepUntil(row);
      await archive.put(recordName(row.record_id), body, { retainUntil: keepUntil });
      archived.push({
        recordId: row.record_id,
        kind: row.kind,
        event: `${row.stream}@${row.revision}`,
        keptAt: row.kept_at.toISOString(),
        name: row.record_id,
        bytes: body.length,
        sha256: row.sha256,
        keepUntil,
      });
    }
    if (archived.length === 0) return;
    const retainUntil = archived
      .map((r) => r.keepUntil)
      .sort()
      .at(-1)!;
    const records = archived.map(({ keepUntil: _until, ...rest }) => rest);
    const bytes = manifestBytes({ schema: RECORDS_SCHEMA, records, archivedAt: now(), retainUntil });
    const name = recordsManifestName(bytes);
    await archive.put(name, bytes, { retainUntil });
    await pool.query('update archive_record set manifest = $2, manifest_sha256 = $3, archived_at = $4 where record_id = any($1::uuid[])', [
      records.map((r) => r.recordId),
      name,
      sha256(bytes),
      now(),
    ]);
  }

  /**
   * What is not at hand in a database that was restored: it has expired, and the archive holds it where its event says; or the archive gives it back.
   */
  private async recovered(row: Row): Promise<Buffer | 'expired' | undefined> {
    const { archive, store, pool, log, codec, now } = this.options;
    const { state } = await load(log, codec, record, row.record_id);
    if (state.status === 'expired' && state.manifest) {
      await pool.query(
        `update archive_record set manifest = $2, manifest_sha256 = $3, archived_at = $4, verified_at = $4, removed_at = $4 where record_id = $1`,
        [row.record_id, state.manifest.object, state.manifest.sha256, now()],
      );
      return 'expired';
    }
    const archived = await archive.get(recordName(row.record_id));
    if (!archived || sha256(archived) !== row.sha256) return undefined;
    await store.put(row.record_id, archived);
    return archived;
  }

  private async verifyNew(): Promise<void> {
    const { archive, pool, now } = this.options;
    const { rows } = await pool.query<Row>(
      `select * from archive_record where archived_at is not null and verified_at is null and problem is null order by kept_at limit ${BATCH}`,
    );
    for (const row of rows) {
      const problem = await problemOf(archive, row);
      await pool.query(
        'update archive_record set verified_at = case when $2::text is null then $3::timestamptz end, problem = $2 where record_id = $1',
        [row.record_id, problem ?? null, now()],
      );
    }
  }

  /** Those that nobody has read for longest, some at a time; what the archive need not keep any more may be gone from it. */
  private async verifyAgain(): Promise<void> {
    const { archive, pool, verifyEverySeconds, now } = this.options;
    const { rows } = await pool.query<Row>(
      `select * from archive_record
        where problem is null and verified_at <= $1::timestamptz - $2 * interval '1 second' order by verified_at limit ${AT_A_TIME}`,
      [now(), verifyEverySeconds],
    );
    for (const row of rows) {
      const problem = await problemOf(archive, row);
      const facts = problem !== undefined && GONE.test(problem) ? await this.factsOf(row) : undefined;
      const over = facts !== undefined && daysAfter(facts.record.keptAt, facts.rule.keepDays) <= now();
      await pool.query('update archive_record set verified_at = $3, problem = $2 where record_id = $1', [
        row.record_id,
        over ? null : (problem ?? null),
        now(),
      ]);
    }
  }

  private async letGo(): Promise<void> {
    const { pool, now } = this.options;
    const { rows } = await pool.query<Row>(
      `select * from archive_record
        where removed_at is null and verified_at is not null and problem is null and coalesce(look_at, kept_at) <= $1 order by coalesce(look_at, kept_at) limit ${BATCH}`,
      [now()],
    );
    for (const row of rows) {
      const due = await this.dueAt(row);
      // The archive is asked only when the time has come.
      if (due !== undefined && due > now()) {
        const latest = this.later(AT_THE_LATEST_MS);
        await this.lookAgain(row, due < latest ? due : latest, `retention-floor: It is kept at hand until ${due}.`);
        continue;
      }
      const at = {
        recordId: row.record_id,
        stream: row.stream,
        revision: row.revision,
        manifest: row.manifest!,
        manifestSha256: row.manifest_sha256!,
      };
      const result = await expire(this.options, at, now());
      if (result.removed)
        await pool.query('update archive_record set removed_at = $2, refusal = null where record_id = $1', [row.record_id, now()]);
      else await this.lookAgain(row, this.later(LOOK_AGAIN_MS), `${result.refusal}: ${result.detail}`);
    }
  }

  private async lookAgain({ record_id }: Row, at: string, refusal: string): Promise<void> {
    const { pool } = this.options;
    await pool.query('update archive_record set look_at = $2, refusal = $3 where record_id = $1', [record_id, at, refusal.slice(0, 1000)]);
  }

  private later(ms: number): string {
    return new Date(Date.parse(this.options.now()) + ms).toISOString();
  }

  private async dueAt(row: Row): Promise<string | undefined> {
    const facts = await this.factsOf(row);
    return facts && daysAfter(facts.record.keptAt, facts.rule.atHandDays);
  }

  private async keepUntil(row: Row): Promise<string> {
    const facts = await this.factsOf(row);
    if (!facts) throw new Error(`No event tells of record ${row.record_id}, which ${row.stream}@${row.revision} did.`);
    const until = daysAfter(facts.record.keptAt, facts.rule.keepDays);
    // A lock must end in the future, also where there is nothing to keep.
    const least = daysAfter(this.options.now(), 1);
    return until > least ? until : least;
  }

  private async factsOf({ record_id: recordId, stream, revision }: Row): Promise<Awaited<ReturnType<typeof readRecordFacts>>> {
    const { log, codec, now } = this.options;
    const read = readerOf(log, codec);
    return await readRecordFacts(read, { recordId, stream, revision, now: now() });
  }
}

/** What is wrong with a record in the archive; undefined where it is there as it was kept, and its manifest says so. */
async function problemOf(archive: Archive, row: Row): Promise<string | undefined> {
  const [body, manifest] = await Promise.all([archive.get(recordName(row.record_id)), archive.get(row.manifest!)]);
  if (!body || sha256(body) !== row.sha256) return `The archive ${body ? 'gives back other bytes' : 'does not hold it'}.`;
  if (!manifest || sha256(manifest) !== row.manifest_sha256) return `Its manifest in the archive is ${manifest ? 'another' : 'gone'}.`;
  try {
    const listed = parseRecordsManifest(row.manifest!, manifest).records.find((r) => r.recordId === row.record_id);
    return listed?.sha256 === row.sha256 ? undefined : 'Its manifest in the archive does not list it.';
  } catch (error) {
    if (error instanceof ArchiveDamaged) return error.message;
    throw error;
  }
}
