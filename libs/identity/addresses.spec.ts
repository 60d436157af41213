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
