import fc from 'fast-check';
import { v5 } from 'uuid';
import { categoryOf, derivedId, eventId, idOf, streamName } from './ids.ts';

const UUID_V5 = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const parts = fc.array(fc.string({ unit: fc.constantFrom('a', '1', ':', '|', ''), maxLength: 6 }), { minLength: 1, maxLength: 4 });

describe('a derived id', () => {
  it('is the same UUIDv5 for the same parts, for ever', () => {
    expect(derivedId('artifact', 'shop', '1.0.0')).toBe(derivedId('artifact', 'shop', '1.0.0'));
    fc.assert(fc.property(parts, (p) => UUID_V5.test(derivedId(...p)) && derivedId(...p) === derivedId(...p)));
  });

  it('is that of the text in UTF-8, as RFC 9562 has it', () => {
    const namespace = '3b0b2f6e-6c1c-5d6f-9a52-0d8a6f1d7c11';
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const same = (t: string): boolean => derivedId(t) === v5(`${t.length}:${t}`, namespace);
    fc.assert(fc.property(text, same));
    // Around the length up to which one buffer serves all of them, in characters of one, two and three bytes.
    for (const length of [1000, 1355, 1360, 1361, 1365, 4080, 5000]) for (const c of 'aé€') expect(same(c.repeat(length))).toBe(true);
  });

  it('is none of what is no text: half a character', () => {
    for (const half of ['\ud83d', 'a\udc00b']) expect(() => derivedId('account', half)).toThrow(URIError);
    expect(derivedId('\ud83d\ude00')).toMatch(UUID_V5);
  });

  it('differs wherever the parts differ', () => {
    fc.assert(fc.property(parts, parts, (a, b) => (derivedId(...a) === derivedId(...b)) === (JSON.stringify(a) === JSON.stringify(b))));
  });

  it('can not be met by shifting characters from one part to the next', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.nat(), fc.nat(), (text, i, j) => {
        const [a, b] = [i % (text.length + 1), j % (text.length + 1)];
        fc.pre(a !== b);
        expect(derivedId(text.slice(0, a), text.slice(a))).not.toBe(derivedId(text.slice(0, b), text.slice(b)));
      }),
    );
  });

  it('can not be met by a part that imitates the separator', () => {
    expect(derivedId('a', 'b')).not.toBe(derivedId('a1:b'));
    expect(derivedId('1:a')).not.toBe(derivedId('a'));
    expect(derivedId('a', '')).not.toBe(derivedId('a'));
  });
});

describe('the id of an event', () => {
  it('tells apart the events of one command, the commands of one index, and the streams of one command', () => {
    const streams = fc.constantFrom('release-1', 'release-2', 'approval-1');
    fc.assert(
      fc.property(
        fc.tuple(fc.uuid(), streams, fc.nat(50)),
        fc.tuple(fc.uuid(), streams, fc.nat(50)),
        (a, b) => (eventId(...a) === eventId(...b)) === (JSON.stringify(a) === JSON.stringify(b)),
      ),
    );
    expect(eventId('c', 'release-1', 0)).not.toBe(eventId('c', 'release-2', 0));
  });
});

describe('the name of a stream', () => {
  it('gives back category and id, whatever hyphens the id has', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,12}$/), fc.uuid(), (category, id) => {
        const stream = streamName(category, id);
        expect([categoryOf(stream), idOf(stream)]).toEqual([category, id]);
      }),
    );
  });
});
