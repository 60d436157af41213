import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as fc from 'fast-check';
import { replaceSecrets, secretsIn, secretSpans, withoutSecrets } from './index.ts';

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const letters = (length: number): string => 'aB3dE5gH7j'.repeat(30).slice(0, length);
// Put together from parts, so that this file is not what is looked for.
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** One secret of every kind, beside what looks like it and is none. */
const secrets: readonly [kind: string, secret: string, harmless: string][] = [
  ['private-key', pem, pem.replaceAll('PRIVATE', 'PUBLIC')],
  ['private-key', `-----BEGIN PGP ${'PRIVATE KEY'} BLOCK-----\n\nlQOY\n`, 'the private key is in the safe, BEGIN there'],
  ['private-key', ['PRIVATE', 'KEY', 'log.example', '0a1b2c3d', letters(44)].join('+'), `log.example+0a1b2c3d+${letters(44)}`],
  ['aws-access-key', `AKIA${'ABCDEFGH234567ZZ'}`, 'AKIAsomething'],
  ['aws-access-key', `aws_secret_access_key = ${letters(38)}/+`, `aws secret rotated in ${createHash('sha1').update('x').digest('hex')}`],
  ['github-token', `ghp_${letters(36)}`, 'ghp_is_a_prefix'],
  ['github-token', `github_pat_${letters(60)}`, 'github_pat_rotation'],
  ['gitlab-token', `glpat-${letters(20)}`, 'glpat-short'],
  ['slack-token', `xoxb-${'123456789012'}-${letters(24)}`, 'xoxb-tokens'],
  ['npm-token', `npm_${letters(36)}`, 'npm_package_dependencies_typescript_eslint_parser'],
  ['pypi-token', `pypi-AgE${letters(60)}`, 'pypi-AgE'],
  ['stripe-key', `sk_live_${letters(24)}`, 'sk_live_'],
  ['google-api-key', `AIza${letters(35)}`, 'AIzawa'],
  ['webhook-secret', `whsec_${letters(32)}`, 'whsec_…'],
  [
    'json-web-token',
    `${base64url({ alg: 'ES256', kid: '1' })}.${base64url({ sub: 'me' })}.${letters(86)}`,
    `${base64url({ payloadType: 'x' })}.${base64url({ sub: 'me' })}.x`,
  ],
  ['json-web-token', `${base64url({ alg: 'none' })}.${base64url({ sub: 'me' })}.`, base64url({ alg: 'none' })],
  ['url-with-password', 'postgres://app:hunter2@db:5432/shop', 'postgres://app:${DB_PASSWORD}@db:5432/shop'],
  ['url-with-password', 'redis://:hunter2@cache', 'https://git@example.org:8443/a/b'],
  ['url-with-password', 'https://dora:s3cr3t@example.org/x', 'https://example.org/?mail=dora:x@example.org'],
  ['url-with-password', 'https://dora:s3c,r3t@example.org/x', 'https://example.org,sha256:0123456789abcdef,dora@example.org'],
];

describe('secrets', () => {
  it.each(secrets)('of the kind %s are found, and what only looks like one is not', (kind, secret, harmless) => {
    const text = `before ${secret} after`;
    expect(secretSpans(text).map((span) => span.kind)).toEqual([kind]);
    expect(secretsIn({ steps: [{ input: { note: text } }] })).toEqual([{ path: 'steps[0].input.note', kind }]);
    expect(secretSpans(`before ${harmless} after`)).toEqual([]);
  });

  it.each(secrets)('of the kind %s are replaced, and nothing is found in what is left', (kind, secret) => {
    const left = replaceSecrets(`before ${secret} after`);
    expect(left).toContain(`[secret removed: ${kind}]`);
    expect(left.startsWith('before ')).toBe(true);
    expect(secretSpans(left)).toEqual([]);
  });

  it('are found in names, which are told by their place and never by what they say', () => {
    const token = `ghp_${letters(36)}`;
    const found = secretsIn({ labels: { [token]: 'x', fine: token } });
    expect(found).toEqual([
      { path: 'labels (name 1)', kind: 'github-token' },
      { path: 'labels.fine', kind: 'github-token' },
    ]);
    expect(JSON.stringify(withoutSecrets({ labels: { [token]: 'x', fine: token } }))).not.toContain(token);
  });

  it('leave a value without any as it is, and the same', () => {
    const value = { a: ['x', 1, null, { b: true }], c: undefined };
    expect(withoutSecrets(value)).toBe(value);
  });

  it('are not found in digests, ids, package URLs, times and ordinary words, however they are put together', () => {
    const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => Buffer.from(b).toString('hex'));
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
    const token = fc.oneof(
      hex(20),
      hex(32).map((d) => `sha256:${d}`),
      hex(64),
      fc.uuid(),
      bytes.map((b) => Buffer.from(b).toString('base64')),
      bytes.map((b) => Buffer.from(b).toString('base64url')),
      bytes.map((b) => `sha512-${Buffer.from(b).toString('base64')}`),
      fc.lorem(),
      fc.emailAddress(),
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc.date({ noInvalidDate: true }).map((d) => d.toISOString()),
      fc
        .tuple(fc.lorem({ maxCount: 1 }), fc.nat(99))
        .map(([name, n]) => `pkg:npm/%40${name}/x@1.${n}.0?vcs_url=git%2Bssh://git@example.org/x#sub`),
    );
    fc.assert(
      fc.property(fc.array(token, { minLength: 1, maxLength: 8 }), (tokens) => {
        expect(secretsIn({ note: tokens.join(' '), list: tokens, line: tokens.join(',') })).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are not found in anything of this repository but the files that are about them', () => {
    const root = resolve(__dirname, '../..');
    const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
    const found = files.flatMap((file) => {
      const spans = secretSpans(readFileSync(join(root, file), 'latin1'));
      return spans.length > 0 ? [file] : [];
    });
    expect(files.length).toBeGreaterThan(400);
    expect(found.filter((file) => !/(?:\.spec\.ts|^test\/|docker-compose\.yml)/.test(file))).toEqual([]);
  });

  it('are found in a time that grows with the text and not faster', () => {
    const hostile = [
      '-----BEGIN PRIVATE KEY-----',
      'awssecret',
      'aws secret ',
      'eyJ',
      'eyJa.eyJa.',
      '://',
      'a://b:',
      'ghp_',
      'PRIVATE+KEY+',
      'xoxb-1',
      'A',
      ' ',
    ];
    for (const part of hostile) {
      const time = (length: number): number => {
        const text = part.repeat(Math.ceil(length / part.length));
        const began = process.cpuUsage();
        secretSpans(text);
        const { user } = process.cpuUsage(began);
        return user / 1000;
      };
      time(10_000);
      // A quadratic search of a megabyte would take minutes.
      expect({ part, slow: time(1_000_000) > 5_000 }).toEqual({ part, slow: false });
    }
  });

  it('have names that say nothing of them', () => {
    const value = `${randomUUID()} ghp_${letters(36)}`;
    expect(JSON.stringify(secretsIn({ comment: value }))).not.toContain(letters(8));
  });
});
