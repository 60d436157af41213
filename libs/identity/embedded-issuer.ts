import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JSONWebKeySet, type JWK } from 'jose';
import { openKeyFile, readKeyFile, UnusableKeyFile } from '#libs/key-files';
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
const MOST_KEY_BYTES = 4096;

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

  /** @throws UnusableKeyFile others than the owner can read the key file, or it holds no ES256 key */
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
  return openKeyFile(join(folder, KEY_FILE), readJwk, async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    return JSON.stringify(await exportJWK(privateKey));
  });
}

function readJwk(path: string): JWK {
  const jwk = parsed(readKeyFile(path, MOST_KEY_BYTES));
  if (jwk?.kty !== 'EC' || jwk.crv !== 'P-256' || typeof jwk.d !== 'string')
    throw new UnusableKeyFile(`${path} holds no ES256 key. Delete it to get a new one.`);
  return jwk;
}

function parsed(text: string): JWK | undefined {
  try {
    return JSON.parse(text) as JWK;
  } catch {
    return undefined;
  }
}
