import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { InvalidToken, TokenVerifier, type Algorithm, type IssuerConfiguration } from './token-verifier.ts';

const NOW = new Date('2026-03-02T10:00:00.000Z');
const seconds = (offset: number): number => NOW.getTime() / 1000 + offset;
const base64url = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

describe('The token verifier', () => {
  let key: CryptoKey;
  let publicPem: string;
  let trusted: IssuerConfiguration;
  let verifier: TokenVerifier;

  const claims = (overrides: JWTPayload = {}): JWTPayload => ({
    iss: 'https://id.example',
    aud: 'plimsoll',
    sub: 'dora',
    roles: ['approver'],
    iat: seconds(-10),
    exp: seconds(600),
    ...overrides,
  });
  const sign = (payload: JWTPayload = claims(), header: Record<string, unknown> = {}, by: CryptoKey = key): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', ...header }).sign(by);
  const refusal = async (token: string): Promise<string> => {
    const error: unknown = await verifier.verify(token).then(
      () => 'accepted',
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(InvalidToken);
    const { message } = error as InvalidToken;
    if (token.length > 40) expect(message).not.toContain(token.slice(0, 40));
    return message;
  };

  beforeAll(async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    key = pair.privateKey;
    publicPem = await exportSPKI(pair.publicKey);
    trusted = {
      issuer: 'https://id.example',
      audience: 'plimsoll',
      algorithms: ['ES256'],
      jwks: { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }] },
    };
    verifier = new TokenVerifier([trusted], { clock: () => NOW });
  });

  it('takes a token of a trusted issuer and says who it is', async () => {
    expect(await verifier.verify(await sign())).toEqual({
      issuer: 'https://id.example',
      subject: 'dora',
      principal: 'https://id.example|dora',
      roles: ['approver'],
      expiresAt: new Date(seconds(600) * 1000),
    });
    expect((await verifier.verify(await sign(claims(), { typ: 'JWT' }))).subject).toBe('dora');
  });

  it.each<Algorithm>(['EdDSA', 'RS256'])('takes %s where it is configured, and refuses it where it is not', async (alg) => {
    const pair = await generateKeyPair(alg, { extractable: true });
    const token = await sign(claims(), { alg }, pair.privateKey);
    const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'key-1', alg }] };
    const configured = new TokenVerifier([{ ...trusted, algorithms: [alg], jwks }], { clock: () => NOW });
    expect((await configured.verify(token)).subject).toBe('dora');
    expect(await refusal(token)).toBe('The issuer is not configured for the algorithm of the token (header alg).');
  });

  describe('refuses a forged signature', () => {
    it('that is absent (alg none)', async () => {
      expect(await refusal(`${base64url({ alg: 'none', typ: 'JWT', kid: 'key-1' })}.${base64url(claims())}.`)).toContain('base64url');
      expect(await refusal(`${base64url({ alg: 'none', typ: 'JWT', kid: 'key-1' })}.${base64url(claims())}.AA`)).toContain('(header alg)');
      expect(await refusal(`${base64url({ alg: 'nOnE', typ: 'JWT', kid: 'key-1' })}.${base64url(claims())}.AA`)).toContain('(header alg)');
    });

    it('that takes the public key for a shared secret (alg HS256)', async () => {
      const input = `${base64url({ alg: 'HS256', typ: 'JWT', kid: 'key-1' })}.${base64url(claims())}`;
      const signature = createHmac('sha256', publicPem).update(input).digest('base64url');
      expect(await refusal(`${input}.${signature}`)).toContain('must be signed with one of ES256, EdDSA, RS256');
    });

    it('of another key, or over other claims', async () => {
      const stranger = await generateKeyPair('ES256');
      expect(await refusal(await sign(claims(), {}, stranger.privateKey))).toBe("The token's signature does not match.");
      const [header, , signature] = (await sign()).split('.');
      expect(await refusal(`${header}.${base64url(claims({ sub: 'emil' }))}.${signature}`)).toBe("The token's signature does not match.");
    });
  });

  describe('refuses a token that chooses its own key', () => {
    it('by a key id that the issuer does not have', async () => {
      expect(await refusal(await sign(claims(), { kid: 'key-2' }))).toBe(
        'The issuer has no key of that name for that algorithm (header kid).',
      );
    });

    it.each(['../../dev/null', '/etc/passwd', '..', 'a b', "' or 1=1 --", 'x'.repeat(129), ''])(
      'by a key id that is a trick: %p',
      async (kid) => {
        expect(await refusal(await sign(claims(), { kid }))).toContain('(header kid)');
      },
    );

    it('by no key id', async () => {
      expect(await refusal(await sign(claims(), { kid: undefined }))).toContain('must name its key');
    });

    it.each(['jku', 'x5u', 'jwk', 'x5c', 'crit', 'b64'])('by the header %s', async (name) => {
      const [, payload, signature] = (await sign()).split('.');
      const header = base64url({ alg: 'ES256', typ: 'JWT', kid: 'key-1', [name]: 'https://attacker.example/keys' });
      expect(await refusal(`${header}.${payload}.${signature}`)).toContain(`must not have ${name}`);
    });
  });

  describe('refuses another spelling of a good token', () => {
    const spellings: Record<string, (token: string) => string> = {
      'with a space before': (token) => ` ${token}`,
      'with a line break after': (token) => `${token}\n`,
      'with a tab within': (token) => token.replace('.', '.\t'),
      'with a zero-width space': (token) => `${token}\u200b`,
      'with padding': (token) => `${token}==`,
      'with padding in the claims': (token) =>
        token
          .split('.')
          .map((part, i) => (i === 1 ? `${part}=` : part))
          .join('.'),
      'in plain base64': (token) => `${token.slice(0, -2)}+/`,
      'with a fourth part': (token) => `${token}.AA`,
      'without a signature': (token) => token.split('.').slice(0, 2).join('.'),
      'with leftover bits in the last character': (token) =>
        token.replace(/.$/, (last) => ({ A: 'B', Q: 'R', g: 'h', w: 'x' })[last] ?? '*'),
    };
    it.each(Object.keys(spellings))('%s', async (spelling) => {
      const token = await sign();
      expect((await verifier.verify(token)).subject).toBe('dora');
      await refusal(spellings[spelling]?.(token) ?? '');
    });

    it('that is oversize', async () => {
      expect(await refusal(await sign(claims({ padding: 'x'.repeat(8192) })))).toBe('The token is longer than 8192 bytes.');
    });

    it('that is no JSON', async () => {
      expect(await refusal(`${base64url('[1]')}.${base64url(claims())}.AA`)).toContain('must be JSON objects');
      expect(await refusal(`${base64url('{"alg"')}.${base64url(claims())}.AA`)).toContain('must be JSON objects');
      expect(await refusal('')).toContain('three parts');
    });
  });

  describe('refuses claims that do not fit', () => {
    it.each<[string, JWTPayload, string]>([
      ['another issuer', { iss: 'https://evil.example' }, 'an issuer that this server does not trust'],
      ['an issuer that is a prototype member', { iss: '__proto__' }, 'an issuer that this server does not trust'],
      ['no issuer', { iss: undefined }, 'an issuer that this server does not trust'],
      ['another audience', { aud: 'grafana' }, 'another audience (claim aud)'],
      ['no audience', { aud: undefined }, 'lacks the claim aud'],
      ['no subject', { sub: undefined }, 'lacks the claim sub'],
      ['an empty subject', { sub: '' }, 'claim sub'],
      ['a subject with a line break', { sub: 'dora\nadmin' }, 'claim sub'],
      ['no expiry', { exp: undefined }, 'lacks the claim exp'],
      ['an expiry that is past', { exp: seconds(-31) }, 'expired'],
      ['a beginning that is to come', { nbf: seconds(31) }, 'not valid yet'],
      ['roles that are a string', { roles: 'admin' }, 'list of at most 64 strings'],
      ['roles that are numbers', { roles: [1] }, 'list of at most 64 strings'],
    ])('%s', async (_title, overrides, sentence) => {
      expect(await refusal(await sign(claims(overrides)))).toContain(sentence);
    });

    it.each(['secevent+jwt', 'dpop+jwt', 'id+jwt', ''])('type %p', async (typ) => {
      expect(await refusal(await sign(claims(), { typ }))).toContain('(header typ)');
    });
  });

  it('bears with a clock that is off by up to the configured skew, and no more', async () => {
    expect((await verifier.verify(await sign(claims({ exp: seconds(-29), nbf: seconds(29) })))).subject).toBe('dora');
    const strict = new TokenVerifier([trusted], { clock: () => NOW, clockSkewSeconds: 0 });
    await expect(strict.verify(await sign(claims({ exp: seconds(-1) })))).rejects.toThrow('expired');
  });

  it("fetches the issuer's keys, and does not blame the token where it can't", async () => {
    let status = 200;
    const server = createServer((_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(trusted.jwks)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { jwks: _jwks, ...rest } = trusted;
    const fetching = () => new TokenVerifier([{ ...rest, jwksUri: `http://127.0.0.1:${port}/keys` }], { clock: () => NOW });
    expect((await fetching().verify(await sign())).subject).toBe('dora');
    await expect(fetching().verify(await sign(claims(), { kid: 'key-2' }))).rejects.toThrow(InvalidToken);
    status = 500;
    await expect(fetching().verify(await sign())).rejects.not.toBeInstanceOf(InvalidToken);
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });

  it('takes the roles from the claim that the configuration names', async () => {
    const other = new TokenVerifier([{ ...trusted, rolesClaim: 'groups' }], { clock: () => NOW });
    expect((await other.verify(await sign(claims({ groups: ['deployer'] })))).roles).toEqual(['deployer']);
  });

  it('does not start with a configuration that could not be safe', () => {
    const configured = (overrides: Partial<IssuerConfiguration>) => () => new TokenVerifier([{ ...trusted, ...overrides }]);
    expect(configured({ algorithms: ['HS256' as Algorithm] })).toThrow('HS256 was given');
    expect(configured({ algorithms: ['none' as Algorithm] })).toThrow('none was given');
    expect(configured({ algorithms: [] })).toThrow('needs algorithms');
    expect(configured({ audience: '' })).toThrow('needs an audience');
    expect(configured({ issuer: 'a|b' })).toThrow('must not be empty or contain "|"');
    expect(configured({ jwks: undefined, jwksUri: 'http://id.example/keys' })).toThrow('must come over https');
    expect(configured({ jwksUri: 'https://id.example/keys' })).toThrow('either jwks or jwksUri');
    expect(() => new TokenVerifier([trusted, trusted])).toThrow('configured twice');
    expect(() => new TokenVerifier([trusted], { clockSkewSeconds: 3600 })).toThrow('0 to 120 seconds');
  });
});
