import { createHash, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import { PostgresIdempotencyStore, type StoredAnswer } from './idempotency-store.ts';

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
const answer: StoredAnswer = { status: 201, headers: { etag: '"0"' }, body: '{"id":"1"}' };

describe('The idempotency table', () => {
  let database: FreshDatabase;
  let store: PostgresIdempotencyStore;
  let admin: Client;
  let key: string;

  beforeAll(async () => {
    database = await freshDatabase();
    store = new PostgresIdempotencyStore({ url: database.url });
    admin = new Client({ connectionString: database.url });
    await admin.connect();
  });
  afterAll(async () => {
    await admin.end();
    await store.close();
    await database.drop();
  });
  beforeEach(() => {
    key = randomUUID();
  });

  it('begins a key once, and keeps the answer', async () => {
    expect(await store.begin(key, hash('a'))).toEqual({ state: 'begun', attempt: 1 });
    expect(await store.begin(key, hash('a'))).toEqual({ state: 'in-flight' });
    await store.finish(key, 1, answer);
    expect(await store.begin(key, hash('a'))).toEqual({ state: 'done', answer });
    expect(await store.begin(key, hash('b'))).toEqual({ state: 'reused' });
  });

  it('keeps hashes of requests under a secret, so that the table answers no guesses', async () => {
    const secret = new PostgresIdempotencyStore({ url: database.url, secret: 'a'.repeat(64) });
    try {
      await secret.begin(key, hash('a'));
      const { rows } = await admin.query<{ request_hash: Buffer }>('select request_hash from idempotency where key = $1', [key]);
      expect(rows[0]?.request_hash.equals(hash('a'))).toBe(false);
      expect(await secret.begin(key, hash('a'))).toEqual({ state: 'in-flight' });
      expect(await secret.begin(key, hash('b'))).toEqual({ state: 'reused' });
    } finally {
      await secret.close();
    }
  });

  it('forgets an attempt that is released', async () => {
    await store.begin(key, hash('a'));
    await store.release(key, 1);
    expect(await store.begin(key, hash('b'))).toEqual({ state: 'begun', attempt: 1 });
  });

  it('lets a retry through as soon as the process of the first attempt is dead', async () => {
    const other = new PostgresIdempotencyStore({ url: database.url });
    await other.begin(key, hash('a'));
    expect(await store.begin(key, hash('a'))).toEqual({ state: 'in-flight' });
    await other.close();
    expect(await store.begin(key, hash('a'))).toEqual({ state: 'begun', attempt: 2 });
  });

  it('lets a retry through when the first attempt is too old, whose answer then comes too late', async () => {
    await store.begin(key, hash('a'));
    await admin.query(`update idempotency set created_at = now() - interval '31 seconds' where key = $1`, [key]);
    expect(await store.begin(key, hash('b'))).toEqual({ state: 'reused' });
    expect(await store.begin(key, hash('a'))).toEqual({ state: 'begun', attempt: 2 });
    await store.finish(key, 1, { ...answer, body: 'late' });
    await store.release(key, 1);
    expect(await store.begin(key, hash('a'))).toEqual({ state: 'in-flight' });
    await store.finish(key, 2, answer);
    expect(await store.begin(key, hash('a'))).toEqual({ state: 'done', answer });
  });

  it('forgets answers after their time', async () => {
    await store.begin(key, hash('a'));
    await store.finish(key, 1, answer);
    await admin.query(`update idempotency set expires_at = now() where key = $1`, [key]);
    expect(await store.begin(key, hash('b'))).toEqual({ state: 'begun', attempt: 2 });
    await admin.query(`update idempotency set expires_at = now() where key = $1`, [key]);
    expect(await store.purge()).toBe(1);
    expect(await store.purge()).toBe(0);
  });

  it('lives on after its connections are cut', async () => {
    await store.begin(key, hash('a'));
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    // Back means: it begins keys again, and the lock that says that this process lives keeps others from taking them over.
    const isBack = async (): Promise<boolean> => {
      const another = randomUUID();
      const states = [(await store.begin(another, hash('a'))).state, (await store.begin(another, hash('a'))).state];
      return states.join() === 'begun,in-flight';
    };
    const deadline = Date.now() + 5000;
    while (!(await isBack().catch(() => false))) {
      if (Date.now() > deadline) throw new Error('The store did not come back within 5 s.');
    }
  });

  it('does not wait for the disk', async () => {
    const pool = (store as unknown as { pool: Client }).pool;
    expect((await pool.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: 'off' }]);
  });
});
