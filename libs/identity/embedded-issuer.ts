import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JSONWebKeySet, type JWK } from 'jose';
import type { IssuerConfiguration } from './token-verifier.ts';

export const EMBEDDED_ISSUER_NAME = 'plimsoll-embedded';
/** The longest life of a token of the embedded issuer, in seconds: a day. */
export const MAX_TTL_SECONDS = 86_400;

export interface IssueOptions {
  readonly subject: string;
  readonly roles: readonly string[];
  readonly name?: string;
  /** 1 to `MAX_TTL_SECONDS`; an hour unless told. */
  readonly ttlSeconds?: number;
}

export interface IssuedToken {
  readonly token: string;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
}

const KEY_FILE = 'embedded-issuer.jwk.json';

/**
 * An issuer inside the server, for a machine without an identity provider. Its key (ES256) is made on first use in a file that only its
 * owner can read, and kept, so that tokens survive a restart. Several processes that open one folder share one key.
 */
export class EmbeddedIssuer {
  private constructor(
    private readonly key: CryptoKey,
    private readonly publicKey: JWK,
    private readonly audience: string,
    private readonly clock: () => Date,
  ) {}

  /** @throws Error where others than the owner can read the key file, or it holds no ES256 key */
  static async open(options: { folder: string; audience?: string; clock?: () => Date }): Promise<EmbeddedIssuer> {
    const jwk = await keptKey(options.folder);
    const { kty, crv, x, y } = jwk;
    const kid = await calculateJwkThumbprint(jwk);
    const key = (await importJWK(jwk, 'ES256')) as CryptoKey;
    const publicKey: JWK = { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' };
    return new EmbeddedIssuer(key, publicKey, options.audience ?? 'plimsoll', options.clock ?? (() => new Date()));
  }

  /** @throws RangeError where a field is out of range */
  async issue(options: IssueOptions): Promise<IssuedToken> {
    const ttl = options.ttlSeconds ?? 3600;
    if (!Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TTL_SECONDS)
      throw new RangeError(`ttlSeconds must be a whole number, 1 to ${MAX_TTL_SECONDS}.`);
    if (options.subject.length < 1 || options.subject.length > 255) throw new RangeError('subject must be 1 to 255 characters long.');
    const issuedAt = Math.floor(this.clock().getTime() / 1000);
    const token = await new SignJWT({ roles: [...options.roles], ...(options.name === undefined ? {} : { name: options.name }) })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: this.publicKey.kid ?? '' })
      .setIssuer(EMBEDDED_ISSUER_NAME)
      .setAudience(this.audience)
      .setSubject(options.subject)
      .setJti(randomUUID())
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + ttl)
      .sign(this.key);
    return { token, expiresAt: new Date((issuedAt + ttl) * 1000).toISOString() };
  }

  /** The public key only. */
  jwks(): JSONWebKeySet {
    return { keys: [{ ...this.publicKey }] };
  }

  /** How a `TokenVerifier` is told to trust this issuer. */
  configuration(): IssuerConfiguration {
    return { issuer: EMBEDDED_ISSUER_NAME, audience: this.audience, jwks: this.jwks(), algorithms: ['ES256'] };
  }
}

async function keptKey(folder: string): Promise<JWK> {
  const path = join(folder, KEY_FILE);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await exists(path))) await createKey(folder, path);
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new Error(`Others can read the signing key ${path}. Delete it, or chmod it to 0600 if nobody has read it.`);
  const jwk = JSON.parse(await readFile(path, 'utf8')) as JWK;
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || typeof jwk.d !== 'string')
    throw new Error(`${path} holds no ES256 key. Delete it to get a new one.`);
  return jwk;
}

/** Written whole under another name and then linked: of several processes one wins, and nobody reads half a key. */
async function createKey(folder: string, path: string): Promise<void> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const draft = join(folder, `${KEY_FILE}.${randomUUID()}`);
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(await exportJWK(privateKey)));
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
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
