import { ACCOUNT, defaultPersonId, personOf, principalOf } from './person.ts';

describe('The person behind an account', () => {
  it('is a person of its own where the account is linked to nobody', async () => {
    expect(await personOf('https://id.example', 'dora')).toBe(defaultPersonId('https://id.example', 'dora'));
    expect(await personOf('https://id.example', 'dora', { resolve: async () => undefined })).toBe(
      defaultPersonId('https://id.example', 'dora'),
    );
  });

  it('is the same person for every account that is linked to her', async () => {
    const links = { resolve: async (_issuer: string, subject: string) => (subject.startsWith('dora') ? 'person-1' : undefined) };
    expect(await personOf('https://id.example', 'dora', links)).toBe('person-1');
    expect(await personOf('https://git.example', 'dora-bot', links)).toBe('person-1');
    expect(await personOf('https://id.example', 'emil', links)).not.toBe('person-1');
  });

  it('never meets another account by moving characters between issuer and subject', () => {
    expect(defaultPersonId('ab', 'c')).not.toBe(defaultPersonId('a', 'bc'));
    expect(principalOf('https://id.example', 'auth0|dora')).toBe('https://id.example|auth0|dora');
  });

  it('does not show the account in its id', () => {
    expect(defaultPersonId('https://id.example', 'dora')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('has the same id in every log, now and later', () => {
    expect(defaultPersonId('https://id.example', 'dora')).toBe('60c534c5-4ab3-5cf1-b7bb-d9eaf1847cf7');
  });
});

describe('An account as somebody names it', () => {
  it.each(['https://id.example|dora', 'i|d', `${'i'.repeat(200)}|${'s'.repeat(200)}`])('%s is one', (text) =>
    expect(text).toMatch(ACCOUNT),
  );

  it.each([
    'dora',
    '|dora',
    'idp|',
    'idp|dora|x',
    'x|idp|dora',
    'an idp|dora',
    'idp|dora d',
    ' idp|dora',
    'idp|dora ',
    `${'i'.repeat(201)}|dora`,
    `idp|${'s'.repeat(201)}`,
  ])('%s is none', (text) => expect(text).not.toMatch(ACCOUNT));
});
