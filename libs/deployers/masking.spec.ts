import { firstBytes, lastBytes, maskJson, maskSecrets } from './masking.ts';

describe('masking', () => {
  it.each([
    ['a bearer token', 'Authorization: Bearer abcdef0123456789', 'abcdef0123456789'],
    ['basic credentials', 'authorization: Basic dXNlcjpwYXNz', 'dXNlcjpwYXNz'],
    ['a JSON Web Token', `got ${['eyJhbGciOiJFUzI1NiJ9', 'eyJzdWIiOiJtZSJ9', 'c2lnbmF0dXJl'].join('.')} back`, 'eyJzdWIi'],
    ['a password in the environment', 'DB_PASSWORD=hunter2-and-more', 'hunter2'],
    ['a password in JSON', '{"password": "with blanks in it"}', 'blanks in it'],
    ['a password in a URL', 'postgres://app:hunter2@db/plimsoll', 'hunter2'],
    ['an access key', `id ${'AKIA' + 'ABCDEFGHIJKLMNOP'}`, 'ABCDEFGHIJKLMNOP'],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----', 'MIIE'],
    ['a private key that breaks off', '-----BEGIN EC PRIVATE KEY-----\nMIIE', 'MIIE'],
    ['a private key whose beginning was cut off', 'MIIE\nabc\n-----END PRIVATE KEY-----\nok', 'MIIE'],
    ['a secret of webhooks', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'MfKQ9r8'],
  ])('hides %s', (_, text, secret) => {
    expect(maskSecrets(text)).toContain('[masked]');
    expect(maskSecrets(text)).not.toContain(secret);
    expect(maskSecrets(maskSecrets(text))).toBe(maskSecrets(text));
  });

  it('leaves what is no secret as it is', () => {
    const text = 'slot=blue digest=sha512:0a1b pid=17 fencingToken=3 http://127.0.0.1:8080/?page=2';
    expect(maskSecrets(text)).toBe(text);
  });

  it('masks JSON by name and by value, and keeps its shape', () => {
    expect(maskJson({ slot: 'blue', apiKey: 'k', fencingToken: 'f', list: ['password=x', 1, null], deep: { secret: ['a'] } })).toEqual({
      slot: 'blue',
      apiKey: '[masked]',
      fencingToken: 'f',
      list: ['password=[masked]', 1, null],
      deep: { secret: ['[masked]'] },
    });
  });

  it('gets through long lines of hostile text', () => {
    for (const text of ['-'.repeat(16_384), 'a'.repeat(16_384), '://'.repeat(5_000)]) expect(maskSecrets(text)).toBe(text);
    for (const text of ['password='.repeat(2_000), '-----BEGIN PRIVATE KEY-----'.repeat(600)])
      expect(maskSecrets(text).length).toBeLessThan(50);
  });

  it('cuts between characters', () => {
    expect(lastBytes('aäü', 3)).toBe('ü');
    expect(firstBytes('aäü', 4)).toBe('aä');
    expect(firstBytes('aäü', 2)).toBe('a');
    expect(lastBytes('abc', 9)).toBe('abc');
  });
});
