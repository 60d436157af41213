import { createCipheriv, createDecipheriv, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

export const MASTER_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A master key can't be used as it is. */
export class MalformedMasterKey extends Error {
  override readonly name = 'MalformedMasterKey';
}

/** The key that persons' keys are wrapped with where they are stored, so that the table alone gives nothing away. */
export class MasterKey {
  readonly #key: Buffer;

  /** @throws MalformedMasterKey not 32 bytes */
  constructor(key: Uint8Array) {
    if (key.byteLength !== MASTER_KEY_BYTES)
      throw new MalformedMasterKey(`A master key has ${MASTER_KEY_BYTES} bytes, not ${key.byteLength}.`);
    this.#key = Buffer.from(key);
  }

  /** AES-256-GCM under a random nonce; `about` must be the same when it is unwrapped. */
  wrap(key: Uint8Array, about: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(about));
    return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  }

  /** @throws MalformedMasterKey it was wrapped with another master key, or is about something else */
  unwrap(wrapped: Buffer, about: string): Buffer {
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, wrapped.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(about))
        .setAuthTag(wrapped.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch {
      throw new MalformedMasterKey('A key in the database was wrapped with another master key, or was tampered with.');
    }
  }

  /** A key for something else, that says nothing of this one. HMAC-SHA256 (hex) of what it is for. */
  derive(purpose: string): string {
    return createHmac('sha256', this.#key).update(`plimsoll ${purpose}`).digest('hex');
  }
}

/** Reads a master key (32 bytes in base64) from a file that only its owner can read. @throws MalformedMasterKey, or what the file system says */
export function readMasterKeyFile(path: string): MasterKey {
  const { mode, size } = statSync(path);
  if ((mode & 0o077) !== 0) throw new MalformedMasterKey(`Others can read the master key ${path}: chmod it to 0600 if nobody has read it.`);
  const text = size > 256 ? '' : readFileSync(path, 'utf8').trim();
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text))
    throw new MalformedMasterKey(`${path} does not hold ${MASTER_KEY_BYTES} bytes in base64, such as "openssl rand -base64 32" makes.`);
  return new MasterKey(Buffer.from(text, 'base64'));
}

/** Reads the key in a file, or makes one where there is none: of several processes one wins, and nobody reads half a key. */
export async function openMasterKeyFile(path: string): Promise<MasterKey> {
  try {
    return readMasterKeyFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(MASTER_KEY_BYTES).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  return readMasterKeyFile(path);
}
