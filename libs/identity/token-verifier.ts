import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { principalOf } from './person.ts';

/** Algorithms that may be configured: asymmetric ones only, so that a public key can never be taken for a secret. */
export const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** The longest token that is looked at, in bytes. */
export const MAX_TOKEN_BYTES = 8 * 1024;

export interface IssuerConfiguration {
  /** Exactly as in `iss`. */
  readonly issuer: string;
  /** Exactly as in `aud`; a token for another audience is refused. */
  readonly audience: string;
  /** Where the issuer's keys are; fetched when needed, at most every 30 seconds. Either this or `jwks`. */
  readonly jwksUri?: string;
  readonly jwks?: JSONWebKeySet;
  readonly algorithms: readonly Algorithm[];
  /** Claim with the list of roles; `roles` unless told. */
  readonly rolesClaim?: string;
}

export interface TokenVerifierOptions {
  /** Server time; the system clock unless told. */
  readonly clock?: () => Date;
  /** How far the issuer's clock may be off, in seconds: 0–120, 30 unless told. */
  readonly clockSkewSeconds?: number;
}

/** An authenticated account, as its token says. Who the person is, is another question: see `personOf`. */
export interface VerifiedToken {
  readonly issuer: string;
  readonly subject: string;
  /** `issuer|subject`. */
  readonly principal: string;
  readonly roles: readonly string[];
  readonly name?: string;
  readonly expiresAt: Date;
}

/** The token is not acceptable. The message says why in a sentence and never repeats the token or its claims' values. */
export class InvalidToken extends Error {
  override readonly name = 'InvalidToken';
}

interface Issuer {
  readonly configuration: IssuerConfiguration;
  readonly keys: JWTVerifyGetKey;
}

/** Base64url without padding (RFC 7515, section 2): nothing else, so that a token has one spelling. */
const PART = /^[A-Za-z0-9_-]+$/;
const KEY_ID = /^[A-Za-z0-9_=+:@-][A-Za-z0-9._=+:@-]{0,127}$/;
const TYPES = ['at+jwt', 'application/at+jwt', 'jwt', 'application/jwt'];
/** Headers by which a token would choose its own key (RFC 7515), or ask for semantics that we don't have. */
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];
const MAX_ROLES = 64;
const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'];

/**
 * Verifies bearer tokens (JWT, RFC 7519; access tokens, RFC 9068; practices of RFC 8725) of the configured issuers.
 *
 * @throws Error at construction, where the configuration could not be safe
 */
export class TokenVerifier {
  private readonly issuers = new Map<string, Issuer>();
  private readonly clock: () => Date;
  private readonly clockSkewSeconds: number;

  constructor(issuers: readonly IssuerConfiguration[], options: TokenVerifierOptions = {}) {
    this.clock = options.clock ?? (() => new Date());
    this.clockSkewSeconds = options.clockSkewSeconds ?? 30;
    if (!(this.clockSkewSeconds >= 0 && this.clockSkewSeconds <= 120)) throw new Error('The clock skew must be 0 to 120 seconds.');
    for (const configuration of issuers) {
      if (this.issuers.has(configuration.issuer)) throw new Error(`The issuer ${configuration.issuer} is configured twice.`);
      this.issuers.set(configuration.issuer, { configuration, keys: keysOf(configuration) });
    }
  }

  /** @throws InvalidToken, and whatever fetching the issuer's keys throws where they can't be had */
  async verify(token: string): Promise<VerifiedToken> {
    const claims = readBeforeTrust(token);
    const issuer = typeof claims['iss'] === 'string' ? this.issuers.get(claims['iss']) : undefined;
    if (!issuer) throw new InvalidToken('The token is of an issuer that this server does not trust (claim iss).');
    const { configuration, keys } = issuer;
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [...configuration.algorithms],
      issuer: configuration.issuer,
      audience: configuration.audience,
      requiredClaims: ['iss', 'aud', 'sub', 'exp'],
      clockTolerance: this.clockSkewSeconds,
      currentDate: this.clock(),
    }).catch((error: unknown) => {
      throw explained(error);
    });
    const subject = payload.sub;
    if (!isText(subject, 255)) throw new InvalidToken('The subject (claim sub) must be 1 to 255 characters without control characters.');
    const name = payload['name'];
    return {
      issuer: configuration.issuer,
      subject,
      principal: principalOf(configuration.issuer, subject),
      roles: rolesOf(payload[configuration.rolesClaim ?? 'roles']),
      ...(isText(name, 255) ? { name } : {}),
      expiresAt: new Date((payload.exp ?? 0) * 1000),
    };
  }
}

function keysOf(configuration: IssuerConfiguration): JWTVerifyGetKey {
  const { issuer, audience, algorithms, jwks, jwksUri } = configuration;
  if (!issuer || issuer.includes('|')) throw new Error(`An issuer's name must not be empty or contain "|": ${issuer}.`);
  if (!audience) throw new Error(`The issuer ${issuer} needs an audience.`);
  const unsafe = algorithms.find((algorithm) => !ALGORITHMS.includes(algorithm));
  if (unsafe !== undefined || algorithms.length === 0) {
    throw new Error(`The issuer ${issuer} needs algorithms out of ${ALGORITHMS.join(', ')}; ${unsafe ?? 'none'} was given.`);
  }
  if ((jwks === undefined) === (jwksUri === undefined)) throw new Error(`The issuer ${issuer} needs either jwks or jwksUri.`);
  if (jwks) return createLocalJWKSet(jwks);
  const url = new URL(jwksUri ?? '');
  // Whoever can change the keys on their way can sign for anybody.
  if (url.protocol !== 'https:' && !LOOPBACK.includes(url.hostname)) throw new Error(`The keys of ${issuer} must come over https.`);
  return createRemoteJWKSet(url, { timeoutDuration: 5000, cooldownDuration: 30_000 });
}

/** Everything that can be refused without a key, before a cryptographic library sees the token. Gives back the claims, not yet trusted. */
function readBeforeTrust(token: string): Record<string, unknown> {
  if (token.length > MAX_TOKEN_BYTES) throw new InvalidToken(`The token is longer than ${MAX_TOKEN_BYTES} bytes.`);
  const parts = token.split('.');
  if (parts.length !== 3) throw new InvalidToken('The token must have three parts, separated by dots: a signed JWT in compact form.');
  if (!parts.every(isCanonicalBase64Url)) {
    throw new InvalidToken('Each part of the token must be base64url without padding, whitespace or other characters.');
  }
  const [header, claims] = parts.slice(0, 2).map(readObject);
  if (!header || !claims) throw new InvalidToken("The token's header and claims must be JSON objects.");
  checkHeader(header);
  return claims;
}

function checkHeader(header: Record<string, unknown>): void {
  const forbidden = FORBIDDEN_HEADERS.find((name) => Object.hasOwn(header, name));
  if (forbidden) throw new InvalidToken(`The token's header must not have ${forbidden}: keys come from this server's configuration only.`);
  const { alg, typ, kid } = header;
  if (typeof alg !== 'string' || !(ALGORITHMS as readonly string[]).includes(alg)) {
    throw new InvalidToken(`The token must be signed with one of ${ALGORITHMS.join(', ')} (header alg).`);
  }
  if (typeof typ !== 'string' || !TYPES.includes(typ.toLowerCase()))
    throw new InvalidToken('The token must be of type at+jwt or JWT (header typ).');
  if (typeof kid !== 'string' || !KEY_ID.test(kid)) {
    throw new InvalidToken(
      'The token must name its key (header kid): at most 128 letters, digits and . _ = + : @ -, not beginning with a dot.',
    );
  }
}

/** The decoded bytes must give the same text again: leftover bits would let one token be spelt in several ways. */
function isCanonicalBase64Url(part: string): boolean {
  return PART.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part;
}

function readObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url')));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function rolesOf(claim: unknown): readonly string[] {
  if (claim === undefined) return [];
  if (!Array.isArray(claim) || claim.length > MAX_ROLES || !claim.every((role): role is string => isText(role, 128))) {
    throw new InvalidToken(`The claim with the roles must be a list of at most ${MAX_ROLES} strings of 1 to 128 characters.`);
  }
  return claim;
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength && !/\p{Cc}/u.test(value);
}

/** jose's errors in our words; a failure to fetch keys is not the token's fault and passes through. */
function explained(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new InvalidToken('The token has expired (claim exp). Get a new one.', { cause: error });
  if (error instanceof errors.JWTClaimValidationFailed) return new InvalidToken(claimSentence(error), { cause: error });
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new InvalidToken('The issuer has no key of that name for that algorithm (header kid).', { cause: error });
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new InvalidToken("The token's signature does not match.", { cause: error });
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return new InvalidToken('The issuer is not configured for the algorithm of the token (header alg).', { cause: error });
  }
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid || error instanceof errors.JWKSMultipleMatchingKeys) {
    return new InvalidToken('The token is malformed.', { cause: error });
  }
  return error;
}

function claimSentence({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `The token lacks the claim ${claim}.`;
  if (claim === 'nbf' && reason === 'check_failed') return 'The token is not valid yet (claim nbf).';
  if (claim === 'aud') return 'The token is for another audience (claim aud).';
  return `The claim ${claim} is not acceptable.`;
}
