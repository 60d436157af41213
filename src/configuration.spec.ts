import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { formatSigner, parseSigner } from '#libs/ledger';
import { ConfigurationError, readConfiguration } from './configuration.ts';

type Environment = Readonly<Record<string, string>>;

/** What is said of a wrong environment; fails where nothing is. */
function problemsOf(env: Environment): readonly string[] {
  try {
    readConfiguration(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  throw new Error(`${JSON.stringify(env)} was taken.`);
}

const OIDC: Environment = {
  OIDC_ISSUER: 'https://idp.example.com',
  OIDC_AUDIENCE: 'plimsoll',
  OIDC_JWKS_URI: 'https://idp.example.com/jwks.json',
};
const WEBHOOK_SECRET = `whsec_${'c2VjcmV0'.repeat(4)}`;

describe('a configuration in which nothing is set', () => {
  it('runs everything in one process, on loopback, on what npm brought', () => {
    expect(readConfiguration({})).toEqual({
      roles: ['api', 'projector', 'publisher', 'deployer', 'correlator'],
      host: '127.0.0.1',
      port: 3000,
      dataDir: resolve('.plimsoll'),
      execFolder: resolve('deploy/steps'),
      stepsState: resolve('.plimsoll/steps'),
      httpTargets: {},
      smokeHosts: ['127.0.0.1', 'localhost', '::1'],
      stepLeaseSeconds: 15,
      rolesFrom: 'token',
      ledger: { everyEvents: 1000, everySeconds: 10, witnesses: [] },
      archive: {
        location: { kind: 'folder', folder: resolve('.plimsoll/archive') },
        everyEvents: 10_000,
        everySeconds: 3600,
        viewsEverySeconds: 86_400,
        verifyEverySeconds: 604_800,
      },
      logLevel: 'info',
    });
  });

  it('is the same as one in which everything is blank', () => {
    expect(readConfiguration({ PORT: '', HOST: '  ', DATABASE_URL: '', KAFKA_BROKERS: '', PLIMSOLL_ROLES: '' })).toEqual(
      readConfiguration({}),
    );
  });
});

describe('a configuration in which everything is set', () => {
  it('is taken as it is', () => {
    expect(
      readConfiguration({
        ...OIDC,
        OIDC_ALGORITHMS: 'RS256,ES256',
        PLIMSOLL_ROLES: 'deployer, api',
        HOST: '0.0.0.0',
        PORT: '0',
        PLIMSOLL_DATA_DIR: 'data',
        DATABASE_URL: 'postgresql://p:secret@db:5432/plimsoll',
        EVENTSTORE_URL: 'esdb+discover://one:2113,two:2113?tls=true',
        KAFKA_BROKERS: 'kafka-1:9092, kafka-2:9092',
        KAFKA_SSL: 'true',
        KAFKA_USERNAME: 'plimsoll',
        KAFKA_PASSWORD: 'secret',
        PLIMSOLL_EXEC_FOLDER: 'off',
        PLIMSOLL_STEPS_STATE: 'state',
        PLIMSOLL_SMOKE_HOSTS: 'shop.example.com, 127.0.0.1',
        PLIMSOLL_STEP_LEASE_SECONDS: '60',
        INCIDENT_WEBHOOK_URL: 'https://hooks.example.com/1',
        INCIDENT_WEBHOOK_SECRET: WEBHOOK_SECRET,
        LOG_LEVEL: 'debug',
      }),
    ).toEqual({
      roles: ['api', 'deployer'],
      host: '0.0.0.0',
      port: 0,
      dataDir: resolve('data'),
      databaseUrl: 'postgresql://p:secret@db:5432/plimsoll',
      eventStoreUrl: 'esdb+discover://one:2113,two:2113?tls=true',
      kafka: { brokers: ['kafka-1:9092', 'kafka-2:9092'], ssl: true, sasl: { username: 'plimsoll', password: 'secret' } },
      issuers: [{ issuer: OIDC.OIDC_ISSUER, audience: OIDC.OIDC_AUDIENCE, jwksUri: OIDC.OIDC_JWKS_URI, algorithms: ['RS256', 'ES256'] }],
      stepsState: resolve('state'),
      httpTargets: {},
      smokeHosts: ['shop.example.com', '127.0.0.1'],
      stepLeaseSeconds: 60,
      rolesFrom: 'token',
      incidentWebhook: { url: 'https://hooks.example.com/1', secret: WEBHOOK_SECRET },
      ledger: { everyEvents: 1000, everySeconds: 10, witnesses: [] },
      archive: {
        location: { kind: 'folder', folder: resolve('data/archive') },
        everyEvents: 10_000,
        everySeconds: 3600,
        viewsEverySeconds: 86_400,
        verifyEverySeconds: 604_800,
      },
      logLevel: 'debug',
    });
  });
});

describe('a wrong variable', () => {
  const wrong: readonly [variable: string, value: string, should: RegExp][] = [
    ['PLIMSOLL_ROLES', 'api,admin', /a list of api, projector, publisher, deployer, correlator/],
    ['PORT', '65536', /a whole number from 0 to 65535/],
    ['PORT', '-1', /a whole number/],
    ['PORT', '3e3', /a whole number/],
    ['PORT', '3000.5', /a whole number/],
    ['DATABASE_URL', 'mysql://db/plimsoll', /a URL such as postgres:\/\//],
    ['DATABASE_URL', 'plimsoll', /a URL such as postgres:\/\//],
    ['EVENTSTORE_URL', 'http://host:2113', /a URL such as esdb:\/\//],
    ['KAFKA_BROKERS', 'kafka', /host:port pairs separated by commas/],
    ['KAFKA_BROKERS', 'kafka:9092,', /host:port pairs/],
    ['KAFKA_SSL', 'yes', /true or false/],
    ['PLIMSOLL_STEP_LEASE_SECONDS', '1', /a whole number from 2 to 3600/],
    ['PLIMSOLL_STEP_LEASE_SECONDS', 'ten', /a whole number from 2 to 3600/],
    ['INCIDENT_WEBHOOK_URL', 'hooks.example.com', /a URL such as https:\/\//],
    ['LOG_LEVEL', 'loud', /one of trace, debug, info/],
  ];

  it.each(wrong)('%s=%s is named with what it should be', (variable, value, should) => {
    const problems = problemsOf({ [variable]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${variable} is `));
    expect(problems[0]).toMatch(should);
  });

  it('is named together with every other', () => {
    const problems = problemsOf({ PORT: 'x', LOG_LEVEL: 'loud', KAFKA_SSL: 'yes' });
    expect(problems.map((p) => p.split(' ')[0]).sort()).toEqual(['KAFKA_SSL', 'LOG_LEVEL', 'PORT']);
    expect(() => readConfiguration({ PORT: 'x' })).toThrow('Plimsoll can\'t start with this configuration:\n  - PORT is "x"');
  });

  it('is named where it only makes sense with another', () => {
    expect(problemsOf({ KAFKA_USERNAME: 'plimsoll' })).toEqual(['KAFKA_USERNAME and KAFKA_PASSWORD go together: set both or neither.']);
    expect(problemsOf({ KAFKA_PASSWORD: 'secret' })).toEqual(['KAFKA_USERNAME and KAFKA_PASSWORD go together: set both or neither.']);
    expect(problemsOf({ INCIDENT_WEBHOOK_URL: 'https://hooks.example.com' })[0]).toMatch(/^INCIDENT_WEBHOOK_SECRET is .* whsec_/);
    for (const missing of Object.keys(OIDC)) {
      const some = Object.fromEntries(Object.entries(OIDC).filter(([name]) => name !== missing));
      expect(problemsOf(some)).toEqual(['OIDC_ISSUER, OIDC_AUDIENCE and OIDC_JWKS_URI go together: set all three or none.']);
    }
  });

  it('of the issuer is named as well', () => {
    expect(problemsOf({ ...OIDC, OIDC_JWKS_URI: 'keys' })[0]).toMatch(
      /^OIDC_JWKS_URI is "keys"; it should be the URL of the issuer's keys/,
    );
    expect(problemsOf({ ...OIDC, OIDC_ALGORITHMS: 'none' })[0]).toMatch(/^OIDC_ALGORITHMS is "none"; it should be a list of /);
    // A symmetric algorithm would make everyone who can verify a token able to make one.
    expect(problemsOf({ ...OIDC, OIDC_ALGORITHMS: 'RS256,HS256' })[0]).toMatch(/^OIDC_ALGORITHMS/);
  });
});

describe('the embedded issuer, which hands tokens to anyone who asks', () => {
  it.each(['127.0.0.1', 'localhost', '::1'])('serves %s', (host) => {
    expect(readConfiguration({ HOST: host }).host).toBe(host);
  });

  it.each(['0.0.0.0', '::', '10.0.0.7', 'plimsoll.example.com', '127.0.0.1.example.com'])('does not serve %s', (host) => {
    expect(problemsOf({ HOST: host })).toEqual([expect.stringMatching(/^HOST is .*OIDC_ISSUER/)]);
    expect(readConfiguration({ ...OIDC, HOST: host }).host).toBe(host);
  });
});

describe('PLIMSOLL_OPEN_ISSUER', () => {
  it('lets the embedded issuer serve any address, where somebody says that only this machine reaches it', () => {
    expect(readConfiguration({ HOST: '0.0.0.0', PLIMSOLL_OPEN_ISSUER: 'true' }).host).toBe('0.0.0.0');
    expect(problemsOf({ HOST: '0.0.0.0', PLIMSOLL_OPEN_ISSUER: 'false' })[0]).toContain('PLIMSOLL_OPEN_ISSUER=true allows it');
  });

  it('takes no other word for it', () => {
    expect(problemsOf({ HOST: '0.0.0.0', PLIMSOLL_OPEN_ISSUER: 'yes' })[0]).toBe(
      'PLIMSOLL_OPEN_ISSUER is "yes"; it should be true or false.',
    );
  });
});

describe('a secret', () => {
  const secrets: readonly Environment[] = [
    { DATABASE_URL: 'mysql://plimsoll:hush-hush@db/plimsoll' },
    { DATABASE_URL: 'postgres://plimsoll:hush-hush@db:port/plimsoll' },
    { EVENTSTORE_URL: 'https://admin:hush-hush@host:2113' },
    { INCIDENT_WEBHOOK_URL: 'hooks.example.com/hush-hush' },
    { INCIDENT_WEBHOOK_URL: 'https://hooks.example.com', INCIDENT_WEBHOOK_SECRET: 'hush-hush' },
    { KAFKA_PASSWORD: 'hush-hush' },
    { KAFKA_PASSWORD: 'hush-hush', KAFKA_USERNAME: 'plimsoll', KAFKA_BROKERS: 'x' },
  ];

  it.each(secrets)('is not repeated in what is said about it: %j', (env) => {
    expect(problemsOf(env).join()).not.toContain('hush-hush');
  });
});

describe('the targets of the http driver', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-configuration-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (text: string): string => {
    const path = join(folder, 'targets.json');
    writeFileSync(path, text);
    return path;
  };

  it('come from a file, with their secrets', () => {
    const targets = { shop: { url: 'https://deploy.example.com/shop', secret: WEBHOOK_SECRET } };
    expect(readConfiguration({ PLIMSOLL_HTTP_TARGETS: file(JSON.stringify(targets)) }).httpTargets).toEqual(targets);
  });

  it.each([
    ['is not JSON', '{', /is not JSON/],
    ['holds nothing but a secret', 'hush-hush', /is not JSON/],
    ['has a target without a secret', '{"shop": {"url": "https://deploy.example.com"}}', /shop in .* is not like that/],
    ['has a target without a URL', '{"shop": {"url": "deploy", "secret": "hush-hush"}}', /shop in .* is not like that/],
    ['has a target that is nothing', '{"shop": null}', /shop in .* is not like that/],
    ['is not an object', 'null', /should name a JSON file/],
  ])('are refused where the file %s', (_what, text, said) => {
    const problems = problemsOf({ PLIMSOLL_HTTP_TARGETS: file(text) });
    expect(problems).toEqual([expect.stringMatching(/^PLIMSOLL_HTTP_TARGETS should name a JSON file/)]);
    expect(problems[0]).toMatch(said);
    expect(problems[0]).not.toContain('hush-hush');
  });

  it('are refused where there is no such file', () => {
    expect(problemsOf({ PLIMSOLL_HTTP_TARGETS: join(folder, 'nothing.json') })[0]).toMatch(/can't be read: .*ENOENT/);
  });
});

describe("the key that signs the ledger's checkpoints", () => {
  const key = formatSigner('ledger.example.com/plimsoll', 'ed25519', Buffer.alloc(32, 1));
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-key-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  function file(text: string, mode = 0o600): string {
    const path = join(folder, 'key');
    rmSync(path, { force: true });
    writeFileSync(path, text, { mode });
    return path;
  }

  it('is looked at before anything starts', () => {
    const path = file(`${key}\n`);
    expect(readConfiguration({ PLIMSOLL_LEDGER_KEY_FILE: path }).ledger.keyFile).toBe(path);
  });

  it('succeeds another of the same log, and may be made for it', () => {
    const [old, other] = [key, formatSigner('other.example.com', 'ed25519', Buffer.alloc(32, 2))].map((text, n) => {
      const path = join(folder, `key-${n}`);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    }) as [string, string];
    const next = join(folder, 'not-there-yet');
    const given = { PLIMSOLL_LEDGER_KEY_FILE: next, PLIMSOLL_LEDGER_PREVIOUS_KEY_FILE: old };
    expect(readConfiguration(given).ledger).toMatchObject({ keyFile: next, previousKeyFile: old });
    expect(problemsOf({ ...given, PLIMSOLL_LEDGER_KEY_FILE: other })).toEqual([expect.stringContaining('a log keeps its name')]);
    expect(problemsOf({ ...given, PLIMSOLL_LEDGER_PREVIOUS_KEY_FILE: join(folder, 'none') })).toEqual([
      expect.stringMatching(/^PLIMSOLL_LEDGER_PREVIOUS_KEY_FILE should name a file/),
    ]);
    expect(problemsOf({ PLIMSOLL_LEDGER_PREVIOUS_KEY_FILE: old })).toEqual([expect.stringContaining('needs PLIMSOLL_LEDGER_KEY_FILE')]);
  });

  it.each([
    ['others can read it', key, 0o644, /Others can read the key in/],
    ['it is cut', key.slice(0, -2), 0o600, /written name\+hash\+base64/],
    ['it is of another name', key.replace('ledger.', 'other.'), 0o600, /not that of its name/],
    ['it is empty', '', 0o600, /begins with PRIVATE\+KEY\+/],
  ])('is refused, and never repeated, when %s', (_what, text, mode, why) => {
    const problems = problemsOf({ PLIMSOLL_LEDGER_KEY_FILE: file(text, mode) });
    expect(problems).toEqual([expect.stringMatching(/^PLIMSOLL_LEDGER_KEY_FILE should name a file with a signing key/)]);
    expect(problems[0]).toMatch(why);
    expect(problems[0]).not.toContain(key.slice(-40, -4));
  });

  it('is refused when it is not there', () => {
    expect(problemsOf({ PLIMSOLL_LEDGER_KEY_FILE: join(folder, 'nothing') })[0]).toMatch(/ENOENT/);
  });
});

describe('the witnesses of the ledger', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-witnesses-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (contents: unknown): string => {
    const path = join(folder, 'witnesses.json');
    writeFileSync(path, typeof contents === 'string' ? contents : JSON.stringify(contents));
    return path;
  };
  const verifier = (kind: 'ed25519' | 'cosignature/v1'): string =>
    parseSigner(formatSigner('witness.example', kind, Buffer.alloc(32, 1))).verifier.text;
  const url = 'https://witness.example/plimsoll';

  it('are read with their keys', () => {
    const path = file([{ url, verifier: verifier('cosignature/v1') }]);
    expect(readConfiguration({ PLIMSOLL_LEDGER_WITNESSES: path }).ledger.witnesses).toMatchObject([
      { url: new URL(url), verifier: { name: 'witness.example', kind: 'cosignature/v1' } },
    ]);
  });

  it.each([
    ['the file is not JSON', '[', /no such list/],
    ['it is no list', {}, /no such list/],
    [
      'a url is plain http to another machine',
      [{ url: 'http://witness.example', verifier: verifier('cosignature/v1') }],
      /entry 1 is not https/,
    ],
    ['a key is none', [{ url, verifier: 'nonsense' }], /name\+hash\+base64/],
    ['a key is that of a log', [{ url, verifier: verifier('ed25519') }], /key of a log/],
    ['an entry is nothing', [null], /entry 1 is not https/],
  ])('are refused when %s', (_what, contents, why) => {
    const problems = problemsOf({ PLIMSOLL_LEDGER_WITNESSES: file(contents) });
    expect(problems).toEqual([expect.stringMatching(/^PLIMSOLL_LEDGER_WITNESSES should name a JSON file/)]);
    expect(problems[0]).toMatch(why);
  });
});

describe('the archive', () => {
  const bucket: Environment = {
    PLIMSOLL_ARCHIVE: 's3://bank-archive/plimsoll/production/',
    PLIMSOLL_ARCHIVE_S3_REGION: 'eu-central-2',
    PLIMSOLL_ARCHIVE_S3_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    PLIMSOLL_ARCHIVE_S3_SECRET_ACCESS_KEY: 'not-to-be-shown',
  };

  it('is a folder, a bucket, or switched off', () => {
    expect(readConfiguration({ PLIMSOLL_ARCHIVE: 'there' }).archive?.location).toEqual({ kind: 'folder', folder: resolve('there') });
    expect(readConfiguration({ PLIMSOLL_ARCHIVE: 'off' }).archive).toBeUndefined();
    expect(readConfiguration(bucket).archive?.location).toMatchObject({
      kind: 's3',
      bucket: 'bank-archive',
      prefix: 'plimsoll/production/',
      lock: 'COMPLIANCE',
    });
  });

  it.each([
    ['the bucket has no such name', { PLIMSOLL_ARCHIVE: 's3://Bank' }, /^PLIMSOLL_ARCHIVE should be a folder/],
    ['the prefix leads elsewhere', { PLIMSOLL_ARCHIVE: 's3://bank-archive/../other' }, /^PLIMSOLL_ARCHIVE should be a folder/],
    ['it is of another kind', { PLIMSOLL_ARCHIVE: 'ftp://bank-archive' }, /^PLIMSOLL_ARCHIVE should be a folder/],
    ['there is no region', { PLIMSOLL_ARCHIVE_S3_REGION: '' }, /^PLIMSOLL_ARCHIVE_S3_REGION should be/],
    ['there is no key', { PLIMSOLL_ARCHIVE_S3_SECRET_ACCESS_KEY: '' }, /^PLIMSOLL_ARCHIVE_S3_SECRET_ACCESS_KEY should be/],
    ['the endpoint is no URL', { PLIMSOLL_ARCHIVE_S3_ENDPOINT: 'minio' }, /^PLIMSOLL_ARCHIVE_S3_ENDPOINT should be/],
    ['the lock is none', { PLIMSOLL_ARCHIVE_S3_LOCK: 'none' }, /^PLIMSOLL_ARCHIVE_S3_LOCK should be/],
  ])('is refused when %s, and the secret is not repeated', (_what, change, why) => {
    const problems = problemsOf({ ...bucket, ...change } as Environment);
    expect(problems).toEqual([expect.stringMatching(why)]);
    expect(problems.join()).not.toContain('not-to-be-shown');
  });
});
