import { randomBytes, randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { MalformedMasterKey, type MasterKey } from './master-key.ts';
import type { SubjectKey, SubjectKeys } from './subject-keys.ts';

/** An erasure that is on record, and what became of the key. */
export interface KeyErasure {
  /** Id of the event that says so. */
  readonly eventId: string;
  /** Absent where there was no key, and until it is destroyed. */
  readonly keyId?: string;
  readonly destroyedAt?: string;
}

interface KeyRow {
  readonly subject: string;
  readonly key_id: string;
  readonly wrapped: Buffer;
}

/**
 * Keys of persons in Postgres, table `subject_key`, each wrapped with the master key. Nothing is remembered between two uses: a key that one
 * process has destroyed is gone for every other at its next look. Any number of processes share the table.
 */
export class PostgresSubjectKeys implements SubjectKeys {
  constructor(
    private readonly pool: Pool,
    private readonly master: MasterKey,
  ) {}

  /** @throws MalformedMasterKey the keys in the database were wrapped with another master key */
  async checkMaster(): Promise<void> {
    const check = this.master.derive('check');
    await this.pool.query('insert into subject_key_master (singleton, check_value) values (true, $1) on conflict do nothing', [check]);
    const { rows } = await this.pool.query<{ check_value: string }>('select check_value from subject_key_master');
    if (rows[0]?.check_value === check) return;
    throw new MalformedMasterKey(
      'The keys of persons in this database were wrapped with another master key. Every process of one Plimsoll has the same: give this one the ' +
        'file of the others by PLIMSOLL_SUBJECT_KEY_FILE (unless set, it is subject-master-key in the data folder).',
    );
  }

  async of(subjects: readonly string[]): Promise<readonly SubjectKey[]> {
    // A key may be destroyed between being made and being read; then it is made anew.
    for (let attempt = 0; attempt < 5; attempt++) {
      const found = new Map((await this.rows('subject = any($1)', subjects)).map((row) => [row.subject, this.keyOf(row)]));
      const missing = [...new Set(subjects.filter((subject) => !found.has(subject)))].sort();
      if (missing.length === 0) return subjects.map((subject) => found.get(subject)!);
      for (const subject of missing) await this.make(subject);
    }
    throw new Error('The keys of persons are being destroyed as fast as they are made.');
  }

  async byId(ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    const rows = ids.length === 0 ? [] : await this.rows('key_id = any($1::uuid[])', [...new Set(ids)]);
    return new Map(rows.map((row) => [row.key_id, this.keyOf(row).key]));
  }

  /** Notes that a key is to be destroyed. Repeating it changes nothing. */
  async noteErasure(eventId: string, subject: string): Promise<void> {
    await this.pool.query('insert into subject_key_erasure (event_id, subject) values ($1, $2) on conflict do nothing', [eventId, subject]);
  }

  /** Erasures that were noted and not done, oldest first. */
  async openErasures(): Promise<readonly { readonly eventId: string; readonly subject: string }[]> {
    const { rows } = await this.pool.query<{ event_id: string; subject: string }>(
      'select event_id, subject from subject_key_erasure where destroyed_at is null order by noted_at, event_id',
    );
    return rows.map(({ event_id, subject }) => ({ eventId: event_id, subject }));
  }

  /**
   * Destroys the key of a noted erasure, once: a key that the person got afterwards stays.
   *
   * @param mayGo asked while the key is locked, last thing before it goes
   * @returns false where it may not go
   */
  async destroy(eventId: string, mayGo: () => Promise<boolean>): Promise<boolean> {
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      const done = await destroyIn(client, eventId, mayGo);
      await client.query(done ? 'commit' : 'rollback');
      if (!done) return false;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
    // A deleted row stays in the table's file until it is written anew. The table is small: a row a person.
    await this.pool.query('vacuum full subject_key');
    return true;
  }

  /** Erasures of a person, oldest first, and the id of the key that the person has now. */
  async erasuresOf(subject: string): Promise<{ readonly keyId?: string; readonly erasures: readonly KeyErasure[] }> {
    const [keys, erased] = await Promise.all([
      this.pool.query<{ key_id: string }>('select key_id from subject_key where subject = $1', [subject]),
      this.pool.query<{ event_id: string; key_id: string | null; destroyed_at: Date | null }>(
        'select event_id, key_id, destroyed_at from subject_key_erasure where subject = $1 order by noted_at, event_id',
        [subject],
      ),
    ]);
    const keyId = keys.rows[0]?.key_id;
    return {
      ...(keyId ? { keyId } : {}),
      erasures: erased.rows.map(({ event_id, key_id, destroyed_at }) => ({
        eventId: event_id,
        ...(key_id ? { keyId: key_id } : {}),
        ...(destroyed_at ? { destroyedAt: destroyed_at.toISOString() } : {}),
      })),
    };
  }

  private async rows(where: string, values: readonly string[]): Promise<readonly KeyRow[]> {
    return (await this.pool.query<KeyRow>(`select subject, key_id, wrapped from subject_key where ${where}`, [values])).rows;
  }

  private async make(subject: string): Promise<void> {
    const id = randomUUID();
    const wrapped = this.master.wrap(randomBytes(32), aboutOf(id, subject));
    await this.pool.query('insert into subject_key (subject, key_id, wrapped) values ($1, $2, $3) on conflict do nothing', [
      subject,
      id,
      wrapped,
    ]);
  }

  private keyOf({ subject, key_id, wrapped }: KeyRow): SubjectKey {
    return { id: key_id, key: this.master.unwrap(wrapped, aboutOf(key_id, subject)) };
  }
}

async function destroyIn(client: PoolClient, eventId: string, mayGo: () => Promise<boolean>): Promise<boolean> {
  const { rows } = await client.query<{ subject: string; destroyed_at: Date | null }>(
    'select subject, destroyed_at from subject_key_erasure where event_id = $1 for update',
    [eventId],
  );
  const noted = rows[0];
  if (!noted) throw new Error(`No erasure ${eventId} was noted.`);
  if (noted.destroyed_at) return true;
  const gone = await client.query<{ key_id: string }>('delete from subject_key where subject = $1 returning key_id', [noted.subject]);
  await client.query('update subject_key_erasure set key_id = $2, destroyed_at = now() where event_id = $1', [
    eventId,
    gone.rows[0]?.key_id ?? null,
  ]);
  return await mayGo();
}

function aboutOf(id: string, subject: string): string {
  return `subject key ${id} of ${subject}`;
}
