import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { Pool } from 'pg';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import {
  ERASED,
  MalformedMasterKey,
  MasterKey,
  MOST_SUBJECTS,
  openMasterKeyFile,
  openText,
  PostgresSubjectKeys,
  readMasterKeyFile,
  sealedParts,
  sealText,
  TextKeeper,
  type SubjectKey,
} from './index.ts';

const someKey = (): SubjectKey => ({ id: randomUUID(), key: randomBytes(32) });
const ring = (...keys: readonly SubjectKey[]): Map<string, Buffer> => new Map(keys.map(({ id, key }) => [id, key]));
const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.lorem());

describe('sealed text', () => {
  it('is the text again with the keys of all whom it belongs to, and with any of them gone it is erased', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: MOST_SUBJECTS }), (said, count) => {
        const keys = Array.from({ length: count }, someKey);
        const sealed = sealText(said, keys);
        expect(openText(sealed, ring(...keys))).toBe(said);
        expect(openText(sealed, ring(someKey(), ...keys))).toBe(said);
        for (const gone of keys) expect(openText(sealed, ring(...keys.filter((key) => key !== gone)))).toBe(ERASED);
        if (said.length > 8) expect(sealed).not.toContain(said);
      }),
    );
  });

  it('is the same bytes for the same text and keys, in whatever order these come, and other bytes for any other', () => {
    const [a, b] = [someKey(), someKey()] as const;
    expect(sealText('Fine.', [a, b])).toBe(sealText('Fine.', [b, a, b]));
    const all = ['Fine.', 'Fine', ''].flatMap((said) => [[a], [b], [a, b]].map((keys) => sealText(said, keys)));
    expect(new Set(all).size).toBe(all.length);
  });

  it('stands in a sentence, in JSON, CSV and HTML as it is, and is found there', () => {
    const key = someKey();
    const sealed = sealText('Dora: "no", <b>\n=1', [key]);
    expect(JSON.stringify(sealed)).toBe(`"${sealed}"`);
    expect(sealed).toMatch(/^[A-Za-z0-9{}:_+-]+$/);
    const sentence = `person-1 said ${sealed}, then ${sealed}.`;
    expect(sealedParts(sentence)).toEqual([
      { sealed, keyIds: [key.id] },
      { sealed, keyIds: [key.id] },
    ]);
    expect(openText(sentence, ring(key))).toBe('person-1 said Dora: "no", <b>\n=1, then Dora: "no", <b>\n=1.');
    expect(openText(`{"a":"${sealed}"}`, ring(key), (said) => JSON.stringify(said).slice(1, -1))).toBe('{"a":"Dora: \\"no\\", <b>\\n=1"}');
  });

  it('is opened once: what somebody wrote is never taken for a seal', () => {
    const [a, b] = [someKey(), someKey()] as const;
    const others = sealText('of somebody else', [b]);
    expect(openText(sealText(`I quote ${others}`, [a]), ring(a, b))).toBe(`I quote ${others}`);
  });

  it('that was changed, cut or given other names is erased, and nothing breaks', () => {
    const [a, b] = [someKey(), someKey()] as const;
    const sealed = sealText('The words.', [a]);
    const at = sealed.lastIndexOf(':') + 1;
    for (let n = at; n < sealed.length - 2; n++) {
      const other = sealed[n] === 'A' ? 'B' : 'A';
      expect(openText(sealed.slice(0, n) + other + sealed.slice(n + 1), ring(a, b))).toBe(ERASED);
    }
    expect(openText(sealed.replace(a.id, b.id), ring(a, b))).toBe(ERASED);
    expect(openText(sealed.replace(a.id, `${a.id}+${b.id}`), ring(a, b))).toBe(ERASED);
    expect(openText(`${sealed.slice(0, -5)}}`, ring(a))).toBe(ERASED);
    expect(openText(sealed.slice(0, -1), ring(a))).toBe(sealed.slice(0, -1));
  });

  it('belongs to somebody, and not to everybody', () => {
    expect(() => sealText('x', [])).toThrow(RangeError);
    expect(() => sealText('x', Array.from({ length: MOST_SUBJECTS + 1 }, someKey))).toThrow(RangeError);
  });

  it('is looked for in a time that grows with the text', () => {
    const began = process.cpuUsage();
    for (const part of ['{plimsoll-sealed:', `{plimsoll-sealed:1:${randomUUID()}:AAAA`, `{plimsoll-sealed:1:${randomUUID()}+`])
      expect(sealedParts(part.repeat(50_000))).toEqual([]);
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(10_000);
  });
});

describe('the master key', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-master-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is made once, whoever makes it, for its owner alone', async () => {
    const path = join(folder, 'made', 'key');
    const made = await Promise.all(Array.from({ length: 8 }, () => openMasterKeyFile(path)));
    expect(new Set(made.map((key) => key.derive('x'))).size).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is refused where others can read it, and where it is none', () => {
    const path = join(folder, 'open');
    writeFileSync(path, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
    expect(readMasterKeyFile(path)).toBeInstanceOf(MasterKey);
    chmodSync(path, 0o640);
    expect(() => readMasterKeyFile(path)).toThrow(/chmod it to 0600/);
    const short = join(folder, 'short');
    writeFileSync(short, randomBytes(16).toString('base64'), { mode: 0o600 });
    expect(() => readMasterKeyFile(short)).toThrow(MalformedMasterKey);
    expect(() => new MasterKey(randomBytes(31))).toThrow(MalformedMasterKey);
  });

  it('unwraps what it wrapped, for what it was wrapped for', () => {
    const [master, other] = [new MasterKey(randomBytes(32)), new MasterKey(randomBytes(32))] as const;
    const key = randomBytes(32);
    const wrapped = master.wrap(key, 'dora');
    expect(master.unwrap(wrapped, 'dora')).toEqual(key);
    expect(master.wrap(key, 'dora')).not.toEqual(wrapped);
    expect(() => master.unwrap(wrapped, 'eve')).toThrow(MalformedMasterKey);
    expect(() => other.unwrap(wrapped, 'dora')).toThrow(MalformedMasterKey);
  });
});

describe('keys of persons in Postgres', () => {
  const master = new MasterKey(randomBytes(32));
  let database: FreshDatabase;
  let pool: Pool;
  let keys: PostgresSubjectKeys;
  beforeAll(async () => {
    database = await freshDatabase();
    pool = new Pool({ connectionString: database.url, max: 8 });
    keys = new PostgresSubjectKeys(pool, master);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  const yes = async (): Promise<boolean> => true;

  it('are made once for each, whoever asks first, and are the same for every process', async () => {
    const another = new PostgresSubjectKeys(pool, master);
    const many = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? keys : another).of(['dora', 'eve', 'dora'])));
    expect(new Set(many.map((found) => JSON.stringify(found))).size).toBe(1);
    const [dora, eve, again] = many[0]!;
    expect(again).toEqual(dora);
    expect(dora!.id).not.toBe(eve!.id);
    expect(await keys.byId([dora!.id, randomUUID()])).toEqual(new Map([[dora!.id, dora!.key]]));
  });

  it('are nowhere in the table but wrapped', async () => {
    const [key] = await keys.of(['wanda']);
    const { rows } = await pool.query<{ wrapped: Buffer }>(`select wrapped from subject_key where subject = 'wanda'`);
    expect(rows[0]!.wrapped.includes(key!.key)).toBe(false);
  });

  it('are destroyed once, at once for everybody, and a key made afterwards is another, which a repeat leaves alone', async () => {
    const text = new TextKeeper(keys);
    const elsewhere = new TextKeeper(new PostgresSubjectKeys(pool, master));
    const sealed = await text.seal('Otto is ill.', ['otto']);
    expect(await elsewhere.reveal([sealed])).toEqual(['Otto is ill.']);
    const event = randomUUID();
    await keys.noteErasure(event, 'otto');
    await keys.noteErasure(event, 'otto');
    expect(await keys.openErasures()).toEqual([{ eventId: event, subject: 'otto' }]);
    expect(await keys.destroy(event, yes)).toBe(true);
    expect(await elsewhere.reveal([sealed])).toEqual([ERASED]);
    expect(await keys.openErasures()).toEqual([]);

    const later = await text.seal('Otto is back.', ['otto']);
    await keys.noteErasure(event, 'otto');
    expect(await keys.destroy(event, yes)).toBe(true);
    expect(await text.reveal([later, sealed])).toEqual(['Otto is back.', ERASED]);
    expect(await keys.erasuresOf('otto')).toMatchObject({
      keyId: sealedParts(later)[0]!.keyIds[0],
      erasures: [{ eventId: event, keyId: sealedParts(sealed)[0]!.keyIds[0], destroyedAt: expect.any(String) }],
    });
  });

  it('stay where they may not go, and go when they may', async () => {
    const text = new TextKeeper(keys);
    const sealed = await text.seal('Held.', ['hilda']);
    const event = randomUUID();
    await keys.noteErasure(event, 'hilda');
    expect(await keys.destroy(event, async () => false)).toBe(false);
    await expect(keys.destroy(event, () => Promise.reject(new Error('The log is away.')))).rejects.toThrow('The log is away.');
    expect(await text.reveal([sealed])).toEqual(['Held.']);
    expect(await keys.openErasures()).toEqual([{ eventId: event, subject: 'hilda' }]);
    expect(await keys.destroy(event, yes)).toBe(true);
    expect(await text.reveal([sealed])).toEqual([ERASED]);
  });

  it('leave no byte in the table’s file', async () => {
    await keys.of(['frida']);
    const { rows } = await pool.query<{ wrapped: Buffer }>(`select wrapped from subject_key where subject = 'frida'`);
    const file = async (): Promise<Buffer> => {
      await pool.query('checkpoint');
      const { rows: read } = await pool.query<{ bytes: Buffer }>(
        `select pg_read_binary_file(pg_relation_filepath('subject_key')) as bytes`,
      );
      return read[0]!.bytes;
    };
    expect((await file()).includes(rows[0]!.wrapped)).toBe(true);
    const event = randomUUID();
    await keys.noteErasure(event, 'frida');
    await keys.destroy(event, yes);
    expect((await file()).includes(rows[0]!.wrapped)).toBe(false);
  });

  it('of another master key are not started with', async () => {
    await keys.checkMaster();
    await keys.checkMaster();
    await expect(new PostgresSubjectKeys(pool, new MasterKey(randomBytes(32))).checkMaster()).rejects.toThrow(/PLIMSOLL_SUBJECT_KEY_FILE/);
  });
});
