import fc from 'fast-check';
import { canonicalJson, canonicalText, MAX_JSON_DEPTH, MAX_JSON_LENGTH, NotCanonicalisable, parseCanonical, parseStrict } from './index.ts';

describe('canonical JSON', () => {
  it('is the same for the same value in whatever order its keys are, and reads back as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const shuffled = (v: unknown): unknown =>
          Array.isArray(v)
            ? v.map(shuffled)
            : typeof v === 'object' && v !== null
              ? Object.fromEntries(
                  Object.entries(v)
                    .reverse()
                    .map(([k, x]) => [k, shuffled(x)]),
                )
              : v;
        const text = canonicalJson(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(shuffled(JSON.parse(JSON.stringify(value))))).toBe(text);
        expect(canonicalJson(parseCanonical(text))).toBe(text);
      }),
    );
  });

  it.each([
    ['a key twice', '{"a":1,"b":{},"a":2}'],
    ['a key twice, written in two ways', '{"a":1,"\\u0061":2}'],
    ['a key twice in the depth', '[{"x":{"a":1,"a":1}}]'],
    ['half of a surrogate pair', '"\\ud800"'],
    ['half of a surrogate pair in a key', '{"\\udc00x":1}'],
    ['an integer beyond 2^53', '[9007199254740993]'],
    ['a negative integer beyond 2^53', '-9007199254740992'],
    ['a number beyond doubles', '1e400'],
    ['a comment', '{} // no'],
    ['a trailing comma', '[1,]'],
    ['two values', '1 2'],
    ['nothing', ''],
    ['too deep an array', '['.repeat(MAX_JSON_DEPTH + 1) + ']'.repeat(MAX_JSON_DEPTH + 1)],
    ['too long a text', `"${'x'.repeat(MAX_JSON_LENGTH)}"`],
  ])('is refused for %s', (_what, text) => {
    expect(() => canonicalText(text)).toThrow(NotCanonicalisable);
  });

  it.each([
    ['the same key in two objects', '[{"a":1},{"a":1}]', '[{"a":1},{"a":1}]'],
    ['a whole pair of surrogates', '"\\ud83d\\ude00"', '"😀"'],
    ['the largest integer', '9007199254740991', '9007199254740991'],
    ['a large double, which is no exact integer', '1E30', '1e+30'],
    ['a negative zero', '-0', '0'],
    [
      'as deep as it may be',
      '['.repeat(MAX_JSON_DEPTH) + ']'.repeat(MAX_JSON_DEPTH),
      '['.repeat(MAX_JSON_DEPTH) + ']'.repeat(MAX_JSON_DEPTH),
    ],
  ])('is given for %s', (_what, text, canonical) => {
    expect(canonicalText(text)).toBe(canonical);
  });

  it.each([[NaN], [Infinity], [undefined], ['\ud800'], [{ a: '\udfff' }]])('is refused for the value %p', (value) => {
    expect(() => canonicalJson(value)).toThrow(NotCanonicalisable);
  });

  it.each([
    ['The text is longer than 4194304 characters.', `"${'x'.repeat(MAX_JSON_LENGTH - 1)}"`],
    ['Nested more than 256 deep (at character 256).', '['.repeat(MAX_JSON_DEPTH + 1)],
    ['The key "a" is there twice (at character 7).', '{"a":1,"a":2}'],
    ['A string has half of a surrogate pair (at character 1).', '["\\ud800"]'],
    ['A string has half of a surrogate pair (at character 1).', '{"\\udc00":1}'],
    ['A number is beyond what doubles hold exactly, ±(2^53-1) (at character 1).', '[9007199254740992]'],
    ['The text is not JSON.', '{"a":1'],
    ['The text is not JSON.', '[1] // no'],
  ])('is refused by a name, with where it is: %s', (message, text) => {
    expect(() => parseStrict(text)).toThrow(expect.objectContaining({ name: 'NotCanonicalisable', message }));
  });

  it('is no matter of how many objects and arrays there are, only of how deep', () => {
    const many = (what: string): string => `[${Array.from({ length: MAX_JSON_DEPTH + 10 }, () => what).join()}]`;
    for (const text of [many('[]'), many('{}'), many('[{}]'), many('{"a":[]}')]) expect(canonicalText(text)).toBe(text);
    const deepest = MAX_JSON_DEPTH / 2;
    const mixed = '{"a":['.repeat(deepest) + ']}'.repeat(deepest);
    expect(canonicalText(mixed)).toBe(mixed);
    expect(() => parseStrict(`[${mixed}]`)).toThrow('Nested more than 256 deep');
  });

  it('may be as long as it may be', () => {
    const text = `"${'x'.repeat(MAX_JSON_LENGTH - 2)}"`;
    expect(parseStrict(text)).toHaveLength(MAX_JSON_LENGTH - 2);
  });

  it('says why there is none of a value, and why a text is none', () => {
    expect(() => canonicalJson(undefined)).toThrow('It is no JSON value.');
    expect(() => canonicalJson(NaN)).toThrow(expect.objectContaining({ message: expect.stringMatching(/^It has no canonical JSON: .*NaN/), cause: expect.any(Error) })); // prettier-ignore
    expect(() => parseCanonical('[1')).toThrow(expect.objectContaining({ message: 'The text is not JSON.', cause: expect.any(Error) }));
    expect(() => parseCanonical('{ }')).toThrow('The text is JSON, but not canonical.');
    expect(() => parseStrict('{')).toThrow(expect.objectContaining({ message: 'The text is not JSON.', cause: expect.any(Error) }));
  });

  it.each(['{"a":1,"a":2}', '{"b":1,"a":2}', '{ }', '1.0', '9007199254740993', '"\\u0041"', '"\\ud800"', '[1', '1 '])(
    'is not what this is: %s',
    (text) => expect(() => parseCanonical(text)).toThrow(NotCanonicalisable),
  );

  it('keeps a key that reaches for a prototype as a key', () => {
    const value = parseStrict('{"__proto__":{"x":1}}') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(canonicalJson(value)).toBe('{"__proto__":{"x":1}}');
  });
});
