import { createHmac, randomInt } from 'node:crypto';
import { Client, Pool, type ClientConfig } from 'pg';

/** An answer as it was given, to be given again. */
export interface StoredAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Begun =
  /** Carry it out, then `finish` or `release` with this attempt. */
  | { readonly state: 'begun'; readonly attempt: number }
  | { readonly state: 'done'; readonly answer: StoredAnswer }
  | { readonly state: 'in-flight' }
  /** The key belongs to another request. */
  | { readonly state: 'reused' };

/** Remembers which requests are in flight and how the finished ones were answered. */
export interface IdempotencyStore {
  /** @param key UUID @param requestHash SHA-256 */
  begin(key: string, requestHash: Buffer): Promise<Begun>;
  /** Keeps the answer, unless another attempt has taken over since. */
  finish(key: string, attempt: number, answer: StoredAnswer): Promise<void>;
  /** Forgets the attempt, so that the next one is carried out. */
  release(key: string, attempt: number): Promise<void>;
}

export interface PostgresIdempotencyOptions {
  readonly url: string;
  /** An attempt in flight for longer may be taken over, in seconds; 30 unless told. */
  readonly inFlightSeconds?: number;
  /** How long answers are kept, in seconds; a day unless told. */
  readonly keepSeconds?: number;
  /** Secret that hashes of requests are kept under, so that nobody who reads the table can try guesses of what was written; none unless told. */
  readonly secret?: string;
  /** Connections; 4 unless told. */
  readonly poolSize?: number;
}

/** Class of the advisory locks that living processes hold, one each. */
const LOCK_CLASS = 0x1de0;
const PURGE_EVERY_MS = 3_600_000;

/**
 * The store in Postgres, table `idempotency`. Its connections do not wait for the disk on commit (`synchronous_commit=off`): the truth is in the
 * event log, and a forgotten row only means that the log answers the repeat.
 *
 * Each process holds an advisory lock on its boot number for as long as it lives, so that a request that died with its process
 * is taken over at once, and not only after `inFlightSeconds`.
 */
export class PostgresIdempotencyStore implements IdempotencyStore {
  private readonly pool: Pool;
  private readonly boot = randomInt(1, 2 ** 31);
  private readonly inFlightSeconds: number;
  private readonly keepSeconds: number;
  private readonly purging: NodeJS.Timeout;
  private alive: Promise<Client> | undefined;
  private closed = false;

  constructor(private readonly options: PostgresIdempotencyOptions) {
    this.inFlightSeconds = options.inFlightSeconds ?? 30;
    this.keepSeconds = options.keepSeconds ?? 86_400;
    this.pool = new Pool({ ...this.connection(), max: options.poolSize ?? 4 });
    // An idle connection that breaks is replaced by the next query; unheard, the error would end the process.
    this.pool.on('error', () => undefined);
    this.purging = setInterval(() => void this.purge().catch(() => undefined), PURGE_EVERY_MS);
    this.purging.unref();
  }

  async begin(key: string, hash: Buffer): Promise<Begun> {
    const { secret } = this.options;
    const requestHash = secret === undefined ? hash : createHmac('sha256', secret).update(hash).digest();
    await this.sayAlive();
    for (;;) {
      const taken = await this.pool.query<{ attempt: number }>({
        name: 'idempotency-begin',
        text: BEGIN,
        values: [key, requestHash, this.boot, this.keepSeconds, this.inFlightSeconds],
      });
      if (taken.rows[0]) return { state: 'begun', attempt: taken.rows[0].attempt };
      const found = await this.pool.query<Row>({ name: 'idempotency-find', text: FIND, values: [key] });
      const row = found.rows[0];
      // Released or purged between the two statements: it is free again.
      if (!row) continue;
      if (!row.request_hash.equals(requestHash)) return { state: 'reused' };
      if (row.state === 'in-flight') return { state: 'in-flight' };
      return { state: 'done', answer: { status: row.status, headers: JSON.parse(row.headers) as StoredAnswer['headers'], body: row.body } };
    }
  }

  async finish(key: string, attempt: number, answer: StoredAnswer): Promise<void> {
    await this.pool.query({
      name: 'idempotency-finish',
      text: `update idempotency set state = 'done', status = $3, headers = $4, body = $5 where key = $1 and attempt = $2 and state = 'in-flight'`,
      values: [key, attempt, answer.status, JSON.stringify(answer.headers), answer.body],
    });
  }

  async release(key: string, attempt: number): Promise<void> {
    await this.pool.query(`delete from idempotency where key = $1 and attempt = $2 and state = 'in-flight'`, [key, attempt]);
  }

  /** Deletes what has expired; runs by itself once an hour. Gives back how many rows. */
  async purge(): Promise<number> {
    return (await this.pool.query('delete from idempotency where expires_at <= now()')).rowCount ?? 0;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.purging);
    const client = await this.alive?.catch(() => undefined);
    await client?.end();
    await this.pool.end();
  }

  /** Impatient: a command must not wait long for a table that it can do without. */
  private connection(): ClientConfig {
    return {
      connectionString: this.options.url,
      options: '-c synchronous_commit=off',
      connectionTimeoutMillis: 2000,
      query_timeout: 2000,
      keepAlive: true,
    };
  }

  /** Takes the lock that says "this boot lives", and takes it again after its connection broke. */
  private async sayAlive(): Promise<void> {
    this.alive ??= this.lockBoot();
    try {
      await this.alive;
    } catch (error) {
      this.alive = undefined;
      throw error;
    }
  }

  private async lockBoot(): Promise<Client> {
    const client = new Client(this.connection());
    client.on('error', () => undefined);
    client.on('end', () => {
      if (!this.closed) this.alive = undefined;
    });
    await client.connect();
    await client.query('select pg_advisory_lock($1, $2)', [LOCK_CLASS, this.boot]);
    return client;
  }
}

interface Row {
  readonly request_hash: Buffer;
  readonly state: 'in-flight' | 'done';
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

const FIND = 'select request_hash, state, status, headers, body from idempotency where key = $1';

/** One round trip where the key is new. An old row gives way when it has expired, or when its attempt is too old or its boot is dead. */
const BEGIN = `
insert into idempotency as i (key, request_hash, state, attempt, boot, created_at, expires_at)
values ($1, $2, 'in-flight', 1, $3, now(), now() + make_interval(secs => $4))
on conflict (key) do update
  set request_hash = excluded.request_hash, state = 'in-flight', attempt = i.attempt + 1, boot = excluded.boot,
      created_at = excluded.created_at, expires_at = excluded.expires_at, status = null, headers = null, body = null
  where i.expires_at <= now()
     or (i.state = 'in-flight' and i.request_hash = excluded.request_hash and (
          i.created_at < now() - make_interval(secs => $5)
          or not exists (
            select from pg_locks
            where locktype = 'advisory' and classid = ${LOCK_CLASS} and objid = i.boot::oid and objsubid = 2 and granted
              and database = (select oid from pg_database where datname = current_database())
          )))
returning attempt`;
