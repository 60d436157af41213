import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { openKeyFile, readKeyFile } from '#libs/key-files';

export const MASTER_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MOST_FILE_BYTES = 256;

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

/** Reads a master key (32 bytes in base64) from a file that only its owner can read. @throws UnusableKeyFile, MalformedMasterKey, or what the file system says */
export function readMasterKeyFile(path: string): MasterKey {
  const text = readKeyFile(path, MOST_FILE_BYTES);
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text))
    throw new MalformedMasterKey(`${path} does not hold ${MASTER_KEY_BYTES} bytes in base64, such as "openssl rand -base64 32" makes.`);
  return new MasterKey(Buffer.from(text, 'base64'));
}

/** Reads the key in a file, or makes one where there is none. @throws as `readMasterKeyFile` */
export async function openMasterKeyFile(path: string): Promise<MasterKey> {
  return openKeyFile(path, readMasterKeyFile, () => randomBytes(MASTER_KEY_BYTES).toString('base64'));
}
