import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedIssuer } from './embedded-issuer.ts';
import { TokenVerifier } from './token-verifier.ts';

describe('The embedded issuer', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plimsoll-issuer-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('issues tokens that the verifier takes, with subject, roles and name', async () => {
    const issuer = await EmbeddedIssuer.open({ folder });
    const { token } = await issuer.issue({ subject: 'dora', roles: ['approver'], name: 'Dora' });
    expect(await new TokenVerifier([issuer.configuration()]).verify(token)).toMatchObject({
      issuer: 'plimsoll-embedded',
      subject: 'dora',
      principal: 'plimsoll-embedded|dora',
      roles: ['approver'],
      name: 'Dora',
    });
  });

  it('keeps its key, so that tokens survive a restart', async () => {
    const { token } = await (await EmbeddedIssuer.open({ folder })).issue({ subject: 'dora', roles: [] });
    const restarted = await EmbeddedIssuer.open({ folder });
    expect((await new TokenVerifier([restarted.configuration()]).verify(token)).subject).toBe('dora');
  });

  it('makes one key where several processes open the folder at once, readable by its owner only', async () => {
    const issuers = await Promise.all(Array.from({ length: 5 }, () => EmbeddedIssuer.open({ folder })));
    expect(new Set(issuers.map((issuer) => issuer.jwks().keys[0]?.kid)).size).toBe(1);
    expect(await readdir(folder)).toEqual(['embedded-issuer.jwk.json']);
    expect((await stat(join(folder, 'embedded-issuer.jwk.json'))).mode & 0o777).toBe(0o600);
  });

  it('refuses a key that others can read', async () => {
    await EmbeddedIssuer.open({ folder });
    await chmod(join(folder, 'embedded-issuer.jwk.json'), 0o644);
    await expect(EmbeddedIssuer.open({ folder })).rejects.toThrow('Others can read the key in');
  });

  it.each(['', 'null', '{}', '{"kty":"EC","crv":"P-256"}'])('refuses a file that holds no key: %j', async (text) => {
    await writeFile(join(folder, 'embedded-issuer.jwk.json'), text, { mode: 0o600 });
    await expect(EmbeddedIssuer.open({ folder })).rejects.toThrow('holds no ES256 key. Delete it to get a new one.');
  });

  it('publishes the public half of its key only', async () => {
    const [key] = (await EmbeddedIssuer.open({ folder })).jwks().keys;
    expect(Object.keys(key ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });

  it.each([0, -1, 1.5, 86_401, Number.NaN])('refuses a life of %p seconds', async (ttlSeconds) => {
    const issuer = await EmbeddedIssuer.open({ folder });
    await expect(issuer.issue({ subject: 'dora', roles: [], ttlSeconds })).rejects.toThrow(
      'ttlSeconds must be a whole number, 1 to 86400.',
    );
  });
});
