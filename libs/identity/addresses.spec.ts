import fc from 'fast-check';
import { addressAccount, addressKeys, claimantOf, normaliseEmail, withoutAddress } from './addresses.ts';
import { skeleton } from './confusables.ts';

describe('An e-mail address', () => {
  it.each([
    ['Ada@Example.ORG', 'ada@example.org'],
    ['ada+work+more@example.org', 'ada@example.org'],
    ['ａｄａ@example.org', 'ada@example.org'],
    ['ada@xn--bcher-kva.example', 'ada@bücher.example'],
    ['ada@example.org.', 'ada@example.org'],
  ])('%s is %s', (written, one) => {
    expect(normaliseEmail(written)).toBe(one);
    expect(addressKeys(written)).toEqual(addressKeys(one));
  });

  it.each(['ada', 'ada@', '@example.org', 'a b@example.org', 'a@b@c'])('%s is none', (text) => {
    expect(normaliseEmail(text)).toBeUndefined();
  });

  it.each([
    ['аda@example.org', 'a Cyrillic a'],
    ['ada@exаmple.org', 'a Cyrillic a in the domain'],
    ['ad\u200ba@example.org', 'a character of no width'],
    ['αda@example.org', 'a Greek alpha'],
  ])('%s looks like another one, by %s, and is not the same', (written) => {
    const genuine = addressKeys('ada@example.org');
    const other = addressKeys(written);
    expect(other.skeletonId).toBe(genuine.skeletonId);
    expect(other.addressId).not.toBe(genuine.addressId);
  });

  it('is another one where it looks different', () => {
    const ids = ['ada@example.org', 'adam@example.org', 'eda@example.org', 'ada@example.com'].map((a) => addressKeys(a).skeletonId);
    expect(new Set(ids).size).toBe(4);
  });

  it('is nothing where nothing of it can be seen', () => {
    for (const blank of ['', '  ', '\u200b', '@']) expect(() => addressKeys(blank)).toThrow(RangeError);
  });

  it('stands in the log as an account, which says nothing of it', () => {
    const account = withoutAddress('mailto|Ada+x@Example.org');
    expect(account).toBe(addressAccount('ada@example.org'));
    expect(account).toMatch(/^address\|[0-9a-f-]{36}\.[0-9a-f-]{36}$/);
    expect(withoutAddress('https://idp.example|ada')).toBe('https://idp.example|ada');
    expect(withoutAddress('mailto|nobody')).toBe('mailto|nobody');
    // As git and its trailers write them; the name is not kept.
    for (const written of [
      'Ada Lovelace <Ada+y@example.org>',
      '<ada@example.org>',
      ' ada@EXAMPLE.org ',
      'Co-authored-by: Ada Lovelace <ada@example.org>',
      'co-authored-by: Countess, Ada <ada@example.org>',
    ])
      expect(withoutAddress(written)).toBe(account);
    for (const other of [
      'Ada Lovelace',
      'Ada <ada>',
      'idp|ada@example.org',
      'Ada <ada@example.org> <eve@example.org>',
      'address|<ada@example.org>',
    ])
      expect(withoutAddress(other)).toBe(other);
  });

  it('is whose claim it has, else that of whom it looks like', () => {
    expect(claimantOf({ one: 'ada', two: 'eve' }, 'two')).toEqual({ person: 'eve', lookalike: false });
    expect(claimantOf({ one: 'ada' }, 'two')).toEqual({ person: 'ada', lookalike: true });
    expect(claimantOf({}, 'two')).toBeUndefined();
    expect(claimantOf({}, 'constructor')).toBeUndefined();
  });
});

describe('A skeleton', () => {
  it('is its own skeleton, and the same in whatever case', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'abcmnorwxyАВСЕНОРСТУХаесорх01Αανο') }), (text) => {
        expect(skeleton(skeleton(text))).toBe(skeleton(text));
        expect(skeleton(text.toUpperCase())).toBe(skeleton(text.toUpperCase().toLowerCase()));
      }),
    );
  });
});

describe('An address at its edges', () => {
  it.each([
    ['+work@example.org', '+work@example.org'],
    ['+work+more@example.org', '+work@example.org'],
    ['  ada@example.org\t', 'ada@example.org'],
    [`${'a'.repeat(64)}@example.org`, `${'a'.repeat(64)}@example.org`],
  ])('%s is %s', (written, one) => expect(normaliseEmail(written)).toBe(one));

  it.each([
    `${'a'.repeat(65)}@example.org`,
    `ada@${'a'.repeat(256)}`,
    'a|da@example.org',
    'ada@exa|mple.org',
    'ada@exam ple.org',
    'to ada@example.org',
    'ada@example.org, eve@example.org',
    'ada@.',
    'ada@xn--',
  ])('%s is none', (text) => expect(normaliseEmail(text)).toBeUndefined());

  it('says whether it is one or another name, which has one spelling, too', () => {
    expect(addressKeys('ada@example.org').kind).toBe('email');
    expect(addressKeys('Ada  \t Lovelace ')).toEqual(addressKeys('ada lovelace'));
    expect(addressKeys('ａｄａ')).toEqual(addressKeys('ada'));
    expect(addressKeys('ada').kind).toBe('name');
    expect(addressKeys('adalovelace').addressId).not.toBe(addressKeys('ada lovelace').addressId);
    expect(addressKeys('7').kind).toBe('name');
  });

  it('has 320 characters at most', () => {
    expect(addressKeys('a'.repeat(320)).kind).toBe('name');
    expect(() => addressKeys('a'.repeat(321))).toThrow('An address or name has 1 to 320 characters that can be seen.');
    expect(() => addressKeys('--')).toThrow('An address or name has 1 to 320 characters that can be seen.');
  });

  it('stands as an account by what it is and what it looks like, whatever the case of its scheme', () => {
    const { skeletonId, addressId } = addressKeys('ada@example.org');
    expect(addressAccount('Ada@example.org')).toBe(`address|${skeletonId}.${addressId}`);
    expect(withoutAddress('MAILTO|ada@example.org')).toBe(addressAccount('ada@example.org'));
    expect(withoutAddress('https://idp.example/mailto|ada@example.org')).toBe('https://idp.example/mailto|ada@example.org');
  });

  it('is that of the first claim, in order, where several look like it', () => {
    expect(claimantOf({ b: 'eve', a: 'ada', c: 'mallory' }, 'd')).toEqual({ person: 'ada', lookalike: true });
  });

  it('has the same ids in every log, now and later', () => {
    expect(addressKeys('ada@example.org')).toEqual({
      kind: 'email',
      addressId: 'cdec2451-3763-5e3c-8a6d-bbe5108267ac',
      skeletonId: '47b863bb-4aa9-529b-805b-aa1e27444de1',
    });
    expect(addressKeys('Ada Lovelace')).toEqual({
      kind: 'name',
      addressId: '1d61af44-064e-55e0-9fe9-8d30047b0174',
      skeletonId: '0f5de12e-8a26-5081-9e3d-1503ab79fe59',
    });
  });
});
