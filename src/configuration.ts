import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { archiveLocation, type ArchiveLocation } from '#libs/archive';
import { ALGORITHMS, type Algorithm, type IssuerConfiguration } from '#libs/identity';
import { parseVerifier, readSignerFile, type Verifier } from '#libs/ledger';
import { readMasterKeyFile } from '#libs/privacy';
import { httpsOrLoopback } from '#libs/strict-http';

export const ROLES = ['api', 'projector', 'publisher', 'deployer', 'correlator'] as const;
export type Role = (typeof ROLES)[number];

export interface Configuration {
  readonly roles: readonly Role[];
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Where the embedded default keeps its data: Postgres, the issuer's key. */
  readonly dataDir: string;
  /** Absent: the embedded Postgres. */
  readonly databaseUrl?: string;
  /** Absent: the event log is kept in Postgres. */
  readonly eventStoreUrl?: string;
  /** Absent: messages go through Postgres. */
  readonly kafka?: {
    readonly brokers: readonly string[];
    readonly ssl: boolean;
    readonly sasl?: { readonly username: string; readonly password: string };
  };
  /** Absent: the embedded issuer. */
  readonly issuers?: readonly IssuerConfiguration[];
  /** The folder of programs that the exec driver may run; absent where it is switched off. */
  readonly execFolder?: string;
  /** Where the step programs keep their state. */
  readonly stepsState: string;
  /** Targets of the http driver, by name. */
  readonly httpTargets: Readonly<Record<string, { readonly url: string; readonly secret: string }>>;
  readonly incidentWebhook?: { readonly url: string; readonly secret: string };
  /** Where changes are delivered that an ITSM decides. */
  readonly itsmWebhook?: { readonly url: string; readonly secret: string };
  /** What the ITSM signs its decisions with; absent where none may decide. */
  readonly itsmDecisionSecret?: string;
  /** Host names and addresses that smoke suites may ask. */
  readonly smokeHosts: readonly string[];
  readonly stepLeaseSeconds: number;
  /** Whose word counts for who has which role: the token's, or what two persons granted. */
  readonly rolesFrom: 'token' | 'grants';
  readonly ledger: {
    /** Holds the key that signs checkpoints. Absent: one is made in the data folder. */
    readonly keyFile?: string;
    /** Holds the key that the one in `keyFile` succeeds; that one is made where it is not there. */
    readonly previousKeyFile?: string;
    /** A checkpoint is due after so many events, */
    readonly everyEvents: number;
    /** or when the oldest that is under none is so old. */
    readonly everySeconds: number;
    /** Who is asked to sign every checkpoint too. */
    readonly witnesses: readonly { readonly url: URL; readonly verifier: Verifier }[];
  };
  /** Where what is under a signed checkpoint is archived; absent where it is switched off. */
  readonly archive?: {
    readonly location: ArchiveLocation;
    /** A segment is due after so many events, */
    readonly everyEvents: number;
    /** or when the oldest that is in none is so old. */
    readonly everySeconds: number;
    readonly viewsEverySeconds: number;
    readonly verifyEverySeconds: number;
  };
  /** Holds the key that persons' keys are wrapped with. Absent: one is made in the data folder. */
  readonly subjectKeyFile?: string;
  readonly logLevel: string;
}

/** One thing wrong with the environment: which variable, what it is, and what it should be. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(readonly problems: readonly string[]) {
    super(`Plimsoll can't start with this configuration:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
  }
}

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * Reads the configuration from environment variables; every problem is named at once.
 *
 * @throws ConfigurationError
 */
export function readConfiguration(env: Readonly<Record<string, string | undefined>>): Configuration {
  const problems: string[] = [];
  const get = (name: string): string | undefined => (env[name]?.trim() ? env[name].trim() : undefined);
  const wrong = (name: string, should: string, secret = false): void => {
    problems.push(`${name} is ${secret ? 'set' : JSON.stringify(env[name] ?? '')}; it should be ${should}.`);
  };
  const whole = (name: string, fallback: number, min: number, max: number): number => {
    const text = get(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    wrong(name, `a whole number from ${min} to ${max}`);
    return fallback;
  };
  const url = (name: string, protocols: readonly string[], example: string): string | undefined => {
    const text = get(name);
    if (text === undefined) return undefined;
    if (protocols.some((p) => text.startsWith(p)) && (URL.canParse(text) || text.includes(','))) return text;
    // May hold a password: never echoed.
    wrong(name, `a URL such as ${example}`, true);
    return undefined;
  };

  const roleNames = (get('PLIMSOLL_ROLES') ?? ROLES.join(',')).split(',').map((r) => r.trim());
  const roles = ROLES.filter((r) => roleNames.includes(r));
  if (roleNames.some((r) => !(ROLES as readonly string[]).includes(r)))
    wrong('PLIMSOLL_ROLES', `a list of ${ROLES.join(', ')}, separated by commas`);

  const host = get('HOST') ?? '127.0.0.1';
  const dataDir = resolve(get('PLIMSOLL_DATA_DIR') ?? '.plimsoll');
  const databaseUrl = url('DATABASE_URL', ['postgres://', 'postgresql://'], 'postgres://user:password@host:5432/plimsoll');
  const eventStoreUrl = url(
    'EVENTSTORE_URL',
    ['esdb://', 'esdb+discover://', 'kurrentdb://', 'kurrentdb+discover://'],
    'esdb://host:2113?tls=true',
  );

  const brokers = get('KAFKA_BROKERS')
    ?.split(',')
    .map((b) => b.trim());
  if (brokers?.some((b) => !/^[^\s:]+:\d{1,5}$/.test(b)))
    wrong('KAFKA_BROKERS', 'host:port pairs separated by commas, such as kafka-1:9092,kafka-2:9092');
  const ssl = get('KAFKA_SSL') ?? 'false';
  if (!['true', 'false'].includes(ssl)) wrong('KAFKA_SSL', 'true or false');
  const username = get('KAFKA_USERNAME');
  const password = get('KAFKA_PASSWORD');
  if ((username === undefined) !== (password === undefined))
    problems.push('KAFKA_USERNAME and KAFKA_PASSWORD go together: set both or neither.');

  const issuers = readIssuer(get, wrong, problems);
  const openIssuer = get('PLIMSOLL_OPEN_ISSUER') ?? 'false';
  if (!['true', 'false'].includes(openIssuer)) wrong('PLIMSOLL_OPEN_ISSUER', 'true or false');
  if (!issuers && !LOOPBACK.includes(host) && openIssuer !== 'true') {
    problems.push(
      `HOST is ${JSON.stringify(host)} and no OIDC_ISSUER is set: the embedded issuer hands tokens to anyone who asks and serves loopback only. ` +
        'Set OIDC_ISSUER, OIDC_AUDIENCE and OIDC_JWKS_URI, or leave HOST at 127.0.0.1. ' +
        'Where only this machine can reach the address, such as a container whose port is published on 127.0.0.1, PLIMSOLL_OPEN_ISSUER=true allows it.',
    );
  }

  const rolesFrom = get('PLIMSOLL_ROLES_FROM') ?? 'token';
  if (!['token', 'grants'].includes(rolesFrom)) wrong('PLIMSOLL_ROLES_FROM', 'token or grants');

  const execFolder = get('PLIMSOLL_EXEC_FOLDER');
  const webhookUrl = url('INCIDENT_WEBHOOK_URL', ['http://', 'https://'], 'https://hooks.example.com/incidents');
  const webhookSecret = get('INCIDENT_WEBHOOK_SECRET');
  if (webhookUrl && !isWebhookSecret(webhookSecret)) {
    wrong('INCIDENT_WEBHOOK_SECRET', 'the secret that the receiver verifies with: whsec_ and at least 24 base64 characters', true);
  }
  const itsmUrl = url('ITSM_WEBHOOK_URL', ['http://', 'https://'], 'https://itsm.example.com/changes');
  const itsmSecret = get('ITSM_WEBHOOK_SECRET');
  if (itsmUrl && !isWebhookSecret(itsmSecret)) wrong('ITSM_WEBHOOK_SECRET', `${WEBHOOK_SECRET} that the ITSM verifies with`, true);
  const itsmDecisionSecret = get('PLIMSOLL_ITSM_WEBHOOK_SECRET');
  if (itsmDecisionSecret && !isWebhookSecret(itsmDecisionSecret))
    wrong('PLIMSOLL_ITSM_WEBHOOK_SECRET', `${WEBHOOK_SECRET} that the ITSM signs its decisions with`, true);
  // What we send would otherwise be signed as if the ITSM had sent it.
  if (itsmDecisionSecret && itsmDecisionSecret === itsmSecret)
    problems.push('PLIMSOLL_ITSM_WEBHOOK_SECRET and ITSM_WEBHOOK_SECRET must not be the same.');
  const logLevel = get('LOG_LEVEL') ?? 'info';
  if (!LOG_LEVELS.includes(logLevel)) wrong('LOG_LEVEL', `one of ${LOG_LEVELS.join(', ')}`);
  const port = whole('PORT', 3000, 0, 65_535);
  const stepLeaseSeconds = whole('PLIMSOLL_STEP_LEASE_SECONDS', 15, 2, 3600);
  const httpTargets = readHttpTargets(get('PLIMSOLL_HTTP_TARGETS'), problems);

  const ledger = {
    ...readLedgerKeys(get('PLIMSOLL_LEDGER_KEY_FILE'), get('PLIMSOLL_LEDGER_PREVIOUS_KEY_FILE'), problems),
    everyEvents: whole('PLIMSOLL_LEDGER_EVERY_EVENTS', 1000, 1, 1_000_000),
    everySeconds: whole('PLIMSOLL_LEDGER_EVERY_SECONDS', 10, 1, 86_400),
    witnesses: readWitnesses(get('PLIMSOLL_LEDGER_WITNESSES'), problems),
  };

  const archive = readArchive(get, whole, dataDir, problems);
  const subjectKeyFile = readSubjectKey(get('PLIMSOLL_SUBJECT_KEY_FILE'), problems);

  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    roles,
    host,
    port,
    dataDir,
    ...(databaseUrl ? { databaseUrl } : {}),
    ...(eventStoreUrl ? { eventStoreUrl } : {}),
    ...(brokers ? { kafka: { brokers, ssl: ssl === 'true', ...(username && password ? { sasl: { username, password } } : {}) } } : {}),
    ...(issuers ? { issuers } : {}),
    ...(execFolder === 'off' ? {} : { execFolder: resolve(execFolder ?? 'deploy/steps') }),
    stepsState: resolve(get('PLIMSOLL_STEPS_STATE') ?? `${dataDir}/steps`),
    httpTargets,
    ...(webhookUrl && webhookSecret ? { incidentWebhook: { url: webhookUrl, secret: webhookSecret } } : {}),
    ...(itsmUrl && itsmSecret ? { itsmWebhook: { url: itsmUrl, secret: itsmSecret } } : {}),
    ...(itsmDecisionSecret ? { itsmDecisionSecret } : {}),
    smokeHosts: (get('PLIMSOLL_SMOKE_HOSTS') ?? LOOPBACK.join(',')).split(',').map((h) => h.trim()),
    stepLeaseSeconds,
    rolesFrom: rolesFrom === 'grants' ? 'grants' : 'token',
    ledger,
    ...(archive ? { archive } : {}),
    ...(subjectKeyFile ? { subjectKeyFile } : {}),
    logLevel,
  };
}

const WEBHOOK_SECRET = 'a secret, whsec_ and at least 24 base64 characters,';

function isWebhookSecret(text: string | undefined): boolean {
  return /^whsec_[A-Za-z0-9+/=]{24,}$/.test(text ?? '');
}

function readIssuer(
  get: (name: string) => string | undefined,
  wrong: (name: string, should: string) => void,
  problems: string[],
): readonly IssuerConfiguration[] | undefined {
  const issuer = get('OIDC_ISSUER');
  const audience = get('OIDC_AUDIENCE');
  const jwksUri = get('OIDC_JWKS_URI');
  if (!issuer && !audience && !jwksUri) return undefined;
  if (!issuer || !audience || !jwksUri) {
    problems.push('OIDC_ISSUER, OIDC_AUDIENCE and OIDC_JWKS_URI go together: set all three or none.');
    return undefined;
  }
  if (!URL.canParse(jwksUri)) wrong('OIDC_JWKS_URI', "the URL of the issuer's keys, such as https://idp.example.com/.well-known/jwks.json");
  const names = (get('OIDC_ALGORITHMS') ?? 'RS256').split(',').map((a) => a.trim());
  if (names.some((a) => !(ALGORITHMS as readonly string[]).includes(a)))
    wrong('OIDC_ALGORITHMS', `a list of ${ALGORITHMS.join(', ')}, separated by commas`);
  return [{ issuer, audience, jwksUri, algorithms: names as Algorithm[] }];
}

function readLedgerKeys(
  path: string | undefined,
  previousPath: string | undefined,
  problems: string[],
): Pick<Configuration['ledger'], 'keyFile' | 'previousKeyFile'> {
  const nameIn = (variable: string, file: string): string | undefined => {
    try {
      return readSignerFile(file).verifier.name;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problems.push(
        `${variable} should name a file with a signing key, PRIVATE+KEY+name+hash+base64, that only its owner can read: ${why}`,
      );
      return undefined;
    }
  };
  if (!path) {
    if (previousPath)
      problems.push(
        'PLIMSOLL_LEDGER_PREVIOUS_KEY_FILE needs PLIMSOLL_LEDGER_KEY_FILE: where the key is, or is to be made, that succeeds it.',
      );
    return {};
  }
  const keyFile = resolve(path);
  if (!previousPath) {
    nameIn('PLIMSOLL_LEDGER_KEY_FILE', keyFile);
    return { keyFile };
  }
  const previousKeyFile = resolve(previousPath);
  const previous = nameIn('PLIMSOLL_LEDGER_PREVIOUS_KEY_FILE', previousKeyFile);
  const name = existsSync(keyFile) ? nameIn('PLIMSOLL_LEDGER_KEY_FILE', keyFile) : previous;
  if (previous !== undefined && name !== undefined && name !== previous)
    problems.push(
      `The key in PLIMSOLL_LEDGER_KEY_FILE is of ${name}, and the one that it should succeed of ${previous}: a log keeps its name.`,
    );
  return { keyFile, previousKeyFile };
}

function readWitnesses(path: string | undefined, problems: string[]): Configuration['ledger']['witnesses'] {
  if (!path) return [];
  const should =
    'PLIMSOLL_LEDGER_WITNESSES should name a JSON file [{"url": "https://…", "verifier": "name+hash+base64"}] with the keys of at most 32 witnesses';
  try {
    const listed = parsed(readFileSync(path, 'utf8'));
    if (!Array.isArray(listed) || listed.length > 32) throw new Error('it is no such list');
    return listed.map((one: { url?: unknown; verifier?: unknown } | null, n) => {
      const url = typeof one?.url === 'string' && URL.canParse(one.url) ? new URL(one.url) : undefined;
      if (!url || !httpsOrLoopback(url)) throw new Error(`the url of entry ${n + 1} is not https, nor http on 127.0.0.1`);
      const verifier = parseVerifier(String(one?.verifier));
      if (verifier.kind !== 'cosignature/v1') throw new Error(`the verifier of entry ${n + 1} is the key of a log, not of a witness`);
      return { url, verifier };
    });
  } catch (error) {
    problems.push(`${should}; ${path}: ${error instanceof Error ? error.message : String(error)}.`);
    return [];
  }
}

function readArchive(
  get: (name: string) => string | undefined,
  whole: (name: string, fallback: number, min: number, max: number) => number,
  dataDir: string,
  problems: string[],
): Configuration['archive'] {
  const numbers = {
    everyEvents: whole('PLIMSOLL_ARCHIVE_EVERY_EVENTS', 10_000, 1, 100_000),
    everySeconds: whole('PLIMSOLL_ARCHIVE_EVERY_SECONDS', 3600, 1, 604_800),
    viewsEverySeconds: whole('PLIMSOLL_ARCHIVE_VIEWS_EVERY_SECONDS', 86_400, 1, 2_678_400),
    verifyEverySeconds: whole('PLIMSOLL_ARCHIVE_VERIFY_EVERY_SECONDS', 604_800, 1, 31_622_400),
  };
  const where = get('PLIMSOLL_ARCHIVE') ?? `${dataDir}/archive`;
  if (where === 'off') return undefined;
  const read = archiveLocation(where, get);
  if ('location' in read) return { location: read.location, ...numbers };
  problems.push(...read.problems);
  return undefined;
}

function readSubjectKey(path: string | undefined, problems: string[]): string | undefined {
  if (!path) return undefined;
  const keyFile = resolve(path);
  try {
    readMasterKeyFile(keyFile);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push(`PLIMSOLL_SUBJECT_KEY_FILE should name a file with 32 random bytes in base64 that only its owner can read: ${why}`);
  }
  return keyFile;
}

function readHttpTargets(path: string | undefined, problems: string[]): Configuration['httpTargets'] {
  if (!path) return {};
  const should = 'PLIMSOLL_HTTP_TARGETS should name a JSON file {"name": {"url": "https://…", "secret": "whsec_…"}}';
  try {
    const text = readFileSync(path, 'utf8');
    const targets = parsed(text) as Record<string, { url?: unknown; secret?: unknown }> | undefined;
    if (targets === undefined) {
      problems.push(`${should}; ${path} is not JSON.`);
      return {};
    }
    const bad = Object.entries(targets).find(([, t]) => typeof t?.url !== 'string' || !URL.canParse(t.url) || typeof t.secret !== 'string');
    if (bad) problems.push(`${should}; ${bad[0]} in ${path} is not like that.`);
    return targets as Configuration['httpTargets'];
  } catch (error) {
    problems.push(`${should}; ${path} can't be read: ${error instanceof Error ? error.message : String(error)}.`);
    return {};
  }
}

/** Undefined where it is not JSON: the parser's own words would repeat a part of the text, secrets and all. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
