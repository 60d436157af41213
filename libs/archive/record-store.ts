import type { Pool } from 'pg';
import { sha256 } from './manifests.ts';

/** Most bytes of a record that are kept. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** Under this id something else is kept. */
export class RecordConflict extends Error {
  override readonly name = 'RecordConflict';
  constructor(id: string) {
    super(`Something else is kept as record ${id}.`);
  }
}

/** What is kept whole beside the log and is at hand. Ids are UUIDs, given by who keeps it. */
export interface RecordStore {
  /** The same bytes again are no change. @throws RecordConflict, RangeError over `MAX_RECORD_BYTES` */
  put(id: string, bytes: Uint8Array): Promise<{ readonly sha256: string; readonly bytes: number }>;
  get(id: string): Promise<Buffer | undefined>;
  has(id: string): Promise<boolean>;
  /** @returns whether it was there */
  remove(id: string): Promise<boolean>;
}

/** Injection token of a `RecordStore`. */
export const RECORD_STORE = Symbol('RECORD_STORE');

/** Records in the database, so that every process has them. */
export class PostgresRecordStore implements RecordStore {
  constructor(private readonly pool: Pick<Pool, 'query'>) {}

  async put(id: string, bytes: Uint8Array): Promise<{ readonly sha256: string; readonly bytes: number }> {
    if (bytes.length > MAX_RECORD_BYTES) throw new RangeError(`A record has at most ${MAX_RECORD_BYTES} bytes, not ${bytes.length}.`);
    const digest = sha256(bytes);
    const { rows } = await this.pool.query<{ sha256: string }>(
      `with put as (insert into record_body (id, sha256, body) values ($1, $2, $3) on conflict do nothing returning sha256)
       select sha256 from put union all select sha256 from record_body where id = $1 limit 1`,
      [id, digest, bytes],
    );
    if (rows[0]?.sha256 !== digest) throw new RecordConflict(id);
    return { sha256: digest, bytes: bytes.length };
  }

  async get(id: string): Promise<Buffer | undefined> {
    const { rows } = await this.pool.query<{ body: Buffer }>('select body from record_body where id = $1', [id]);
    return rows[0]?.body;
  }

  async has(id: string): Promise<boolean> {
    return ((await this.pool.query('select 1 from record_body where id = $1', [id])).rowCount ?? 0) > 0;
  }

  async remove(id: string): Promise<boolean> {
    return ((await this.pool.query('delete from record_body where id = $1', [id])).rowCount ?? 0) > 0;
  }
}
