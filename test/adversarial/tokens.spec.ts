import { createSecretKey, generateKeyPairSync, randomUUID, sign as signBytes, type KeyObject as Key } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, type JWTPayload } from 'jose';
import { startApp, type Answer, type RunningApp } from '../support/running-app.ts';
import { ok } from './stage.ts';

const ISSUER = 'https://idp.bank.example';
const AUDIENCE = 'plimsoll';
const KID = 'key-1';

/** A folder of keys on loopback that counts who asks for it. */
async function keyServer(
  keys: readonly object[],
): Promise<{ readonly server: Server; readonly uri: string; readonly asked: () => number }> {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`, asked: () => asked };
}

/** Tokens over HTTP, of an issuer whose key the attacker does not have. Each forgery stands beside the token that it imitates. */
describe('tokens that are not what they say', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const attacker = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KID, alg: 'RS256', use: 'sig' };
  const own = { ...attacker.publicKey.export({ format: 'jwk' }), kid: KID, alg: 'RS256', use: 'sig' };
  let issuer: Awaited<ReturnType<typeof keyServer>>;
  let foreign: Awaited<ReturnType<typeof keyServer>>;
  let app: RunningApp;

  const now = (): number => Math.floor(Date.now() / 1000);
  const claims = (changes: JWTPayload = {}): JWTPayload =>
    Object.fromEntries(
      Object.entries({ iss: ISSUER, aud: AUDIENCE, sub: 'ada', roles: ['developer'], iat: now(), exp: now() + 600, ...changes }).filter(
        ([, value]) => value !== undefined,
      ),
    );
  const header = (changes: object = {}): object => ({ alg: 'RS256', typ: 'at+jwt', kid: KID, ...changes });
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  /** Signed by hand, so that nothing is refused on the attacker's side. */
  const signed = (head: object, payload: object, key: Key = privateKey): string => {
    const input = `${part(head)}.${part(payload)}`;
    return `${input}.${signBytes('sha256', Buffer.from(input), key).toString('base64url')}`;
  };
  const good = (changes: JWTPayload = {}): string => signed(header(), claims(changes));
  const artifact = () => ({
    name: `token-${randomUUID()}`,
    version: '1.0.0',
    purl: 'pkg:npm/token@1.0.0',
    digest: { algorithm: 'sha256', value: 'a'.repeat(64) },
    authors: [],
  });
  const as = (token: string): Promise<Answer> => app.bearer(token).post('/v1/artifacts/artifacts', artifact());
  /** The header to the letter, which fetch would tidy up. */
  const withHeader = async (authorization: string | readonly string[], path = '/v1/governance/denials'): Promise<number> =>
    await new Promise((resolve, reject) => {
      const headers = authorization.length > 0 ? { authorization: authorization as string } : {};
      httpRequest(`${app.url}${path}`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  const refused = async (token: string): Promise<void> => {
    const before = await app.plimsoll.infrastructure.log.head();
    const answer = await as(token);
    expect({ status: answer.status, type: answer.body.type }).toEqual({
      status: 401,
      type: 'https://plimsoll.dev/problems/unauthenticated',
    });
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    // Neither the token nor what it claims comes back.
    expect(answer.text).not.toContain(token.split('.')[1] || 'nothing');
    expect(await app.plimsoll.infrastructure.log.head()).toBe(before);
    ok(await as(good()));
  };

  beforeAll(async () => {
    issuer = await keyServer([jwk]);
    foreign = await keyServer([own]);
    app = await startApp({ PLIMSOLL_ROLES: 'api', OIDC_ISSUER: ISSUER, OIDC_AUDIENCE: AUDIENCE, OIDC_JWKS_URI: issuer.uri });
  });
  afterAll(async () => {
    await app.stop();
    for (const { server } of [issuer, foreign]) await new Promise((resolve) => server.close(resolve));
  });

  it.each(['none', 'None', 'NONE', 'nOnE', ''])('alg none: a token that is signed by nobody (%j)', async (alg) => {
    const unsigned = `${part(header({ alg }))}.${part(claims())}`;
    await refused(`${unsigned}.`);
    await refused(`${unsigned}.AAAA`);
    await refused(`${unsigned}.${good().split('.')[2]}`);
  });

  it.each([
    ['as PEM', () => Buffer.from(publicKey.export({ format: 'pem', type: 'spki' }) as string)],
    ['as PKCS#1 PEM', () => Buffer.from(publicKey.export({ format: 'pem', type: 'pkcs1' }) as string)],
    ['as DER', () => publicKey.export({ format: 'der', type: 'spki' })],
    ['as JWK', () => Buffer.from(JSON.stringify(jwk))],
  ])('HS/RS confusion: the public key %s for a secret', async (_how, secret) => {
    for (const alg of ['HS256', 'HS384', 'HS512'])
      await refused(await new SignJWT(claims()).setProtectedHeader({ alg, typ: 'at+jwt', kid: KID }).sign(createSecretKey(secret())));
  });

  it('another algorithm than the issuer is configured for, with the right key', async () => {
    await refused(signed(header({ alg: 'PS256' }), claims()));
    await refused(signed(header({ alg: 'RS512' }), claims()));
  });

  it.each([
    ['a path', '../../../../dev/null'],
    ['a query', "key-1' or '1'='1"],
    ['a command', '| cat /etc/passwd'],
    ['a URL', 'http://127.0.0.1/key'],
    ['another key', 'key-2'],
    ['nothing', ''],
    ['a number', 7],
    ['what every object has', 'constructor'],
    ['the prototype', '__proto__'],
  ])('kid injection: the name of its key is %s', async (_what, kid) => {
    await refused(signed(header({ kid }), claims(), attacker.privateKey));
    await refused(signed(header({ kid }), claims()));
  });

  it.each(['jku', 'x5u'])('%s: a token that says where to fetch its key is refused, and nobody fetches it', async (name) => {
    await refused(signed(header({ [name]: foreign.uri }), claims(), attacker.privateKey));
    expect(foreign.asked()).toBe(0);
  });

  it('jwk, x5c: a token that brings its key along', async () => {
    await refused(signed(header({ jwk: own }), claims(), attacker.privateKey));
    await refused(signed(header({ x5c: ['MIIB'] }), claims(), attacker.privateKey));
    await refused(signed(header({ crit: ['exp'] }), claims()));
    await refused(signed(header({ b64: false, crit: ['b64'] }), claims()));
  });

  it('another key under the right name, and a signature of another token', async () => {
    await refused(signed(header(), claims(), attacker.privateKey));
    const [head, , signature] = good().split('.');
    await refused(`${head}.${part(claims({ sub: 'root', roles: ['identity-admin'] }))}.${signature}`);
  });

  it('whitespace and padding: a token has one spelling', async () => {
    const token = good();
    const [head = '', payload = '', signature = ''] = token.split('.');
    const last = signature.at(-1) ?? 'A';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // 256 bytes leave bits of the last character unused: another character decodes to the same bytes.
    const twin = alphabet[(alphabet.indexOf(last) & ~0b1111) | ((alphabet.indexOf(last) + 1) & 0b1111)]!;
    for (const spelt of [
      `${head}.${payload}.${signature}=`,
      `${head}.${payload}.${signature}==`,
      `${head}=.${payload}=.${signature}=`,
      `${head}.${payload}.${signature.slice(0, -1)}${twin}`,
      `${head}. ${payload}.${signature}`,
      `${head}.${payload}.${signature}.`,
      `.${token}`,
      `${token}.${signature}`,
      `${head}..${signature}`,
      token.replaceAll('-', '+').replaceAll('_', '/') === token ? `${token}+` : token.replaceAll('-', '+').replaceAll('_', '/'),
    ])
      await refused(spelt);
    expect(await withHeader(`Bearer ${token}`)).toBe(200);
    for (const authorization of [
      `Bearer  ${token}`,
      `Bearer\t${token}`,
      `Bearer ${token} x`,
      `Bearer "${token}"`,
      `Basic ${token}`,
      token,
      'Bearer',
      'Bearer ',
    ])
      expect([authorization.slice(0, 12), await withHeader(authorization)]).toEqual([authorization.slice(0, 12), 401]);
  });

  it('a token anywhere else than in its header, or two of them', async () => {
    const token = good();
    expect(await withHeader([], `/v1/governance/denials?access_token=${token}`)).toBe(401);
    const cookie = await fetch(`${app.url}/v1/governance/denials`, { headers: { cookie: `access_token=${token}` } });
    expect(cookie.status).toBe(401);
    expect(await withHeader(`Bearer ${token}, Bearer ${good({ sub: 'root' })}`)).toBe(401);
    expect(await withHeader(`Bearer ${token}`)).toBe(200);
  });

  it.each([
    ['another issuer', { iss: 'https://idp.evil.example' }],
    ['the issuer with a slash', { iss: `${ISSUER}/` }],
    ['the issuer in another case', { iss: ISSUER.toUpperCase() }],
    ['the embedded issuer, which is not configured here', { iss: 'plimsoll-embedded' }],
    ['a list of issuers', { iss: [ISSUER] as unknown as string }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'another-service' }],
    ['no audience', { aud: undefined }],
    ['no subject', { sub: undefined }],
    ['a blank subject', { sub: '' }],
    ['a subject with a line break', { sub: 'ada\nroot' }],
    ['a subject that is no text', { sub: { name: 'ada' } as unknown as string }],
    ['an end in the past', { exp: 1 }],
    ['no end', { exp: undefined }],
    ['an end that is no number', { exp: '2099-01-01' as unknown as number }],
    ['a beginning in the future', { nbf: 4_000_000_000 }],
    ['roles that are one text', { roles: 'developer' }],
    ['roles that are no texts', { roles: [{ name: 'developer' }] }],
  ])('wrong claims, rightly signed: %s', async (_what, changes) => {
    await refused(good(changes as JWTPayload));
  });

  it.each([['id+jwt'], ['logout+jwt'], ['dpop+jwt'], ['JOSE'], [''], [undefined]])('a token of another type: %j', async (typ) => {
    await refused(signed(header({ typ }), claims()));
    ok(await as(signed(header({ typ: 'JWT' }), claims())));
  });

  it('claims and headers that are no objects', async () => {
    await refused(signed([] as unknown as object, claims()));
    await refused(signed(header(), ['developer'] as unknown as object));
  });

  it('a token as long as a book', async () => {
    const long = await as(good({ padding: 'x'.repeat(20_000) }));
    expect([401, 431]).toContain(long.status);
    ok(await as(good({ padding: 'x'.repeat(3000) })));
  });
});
