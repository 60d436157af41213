import fc from 'fast-check';
import { ProblemError } from './problem.ts';
import { parseStrictJson } from './strict-json.ts';

const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));
const refusal = (input: string | Buffer): string => {
  try {
    parseStrictJson(Buffer.from(input as string));
  } catch (error) {
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 400, type: 'malformed-json' });
    return (error as ProblemError).message;
  }
  throw new Error(`accepted: ${String(input)}`);
};

describe('Strict JSON', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false, maxDepth: 5 }), (text) => {
        // Values that are refused on purpose are the other tests' business.
        if (/__proto__|"prototype"|\\u0000|\\ud[89a-f]/i.test(text) || /\d{16}|\d[eE]\+?\d\d/.test(text)) return;
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('accepts the largest integers that a double holds, and no larger ones', () => {
    expect(parse('[9007199254740991, -9007199254740991, 0.1, 1e3]')).toEqual([9007199254740991, -9007199254740991, 0.1, 1000]);
    for (const number of [
      '9007199254740992',
      '-9007199254740992',
      '9007199254740993.0',
      '1e300',
      '1e999',
      '-1e999',
      '123456789012345678901234567890',
    ]) {
      expect(refusal(`{"n":${number}}`)).toBe(
        'A number is beyond ±(2^53-1), where doubles lose integers (at character 5). Send it as a string.',
      );
    }
  });

  it('refuses a key that is there twice in one object, however it is spelt', () => {
    expect(refusal('{"a":1,"a":1}')).toBe('The key "a" is there twice in one object (at character 7).');
    expect(refusal('{"approver":"dora","\\u0061pprover":"emil"}')).toContain('The key "approver" is there twice');
    expect(refusal('[{"a":{"b":1,"b":2}}]')).toContain('"b"');
    expect(parse('{"a":{"a":1},"b":[{"a":1},{"a":2}]}')).toEqual({ a: { a: 1 }, b: [{ a: 1 }, { a: 2 }] });
  });

  it('refuses keys that reach for a prototype', () => {
    expect(refusal('{"__proto__":{"admin":true}}')).toContain('"__proto__" is not accepted');
    expect(refusal('{"\\u005f_proto__":1}')).toContain('is not accepted');
    expect(refusal('{"constructor":{"prototype":{"admin":true}}}')).toContain('"prototype" is not accepted');
    expect(parse('{"constructor":"Volvo","prototype":"B"}')).toEqual({ constructor: 'Volvo', prototype: 'B' });
  });

  it('is nested 64 deep at most, and survives what is nested a million deep', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(parse(nested(64))).toBeDefined();
    expect(refusal(nested(65))).toContain('nested more than 64 deep');
    expect(refusal('['.repeat(1_000_000))).toContain('nested more than 64 deep');
    expect(refusal('{"a":'.repeat(1_000_000))).toContain('nested more than 64 deep');
  });

  it('refuses text that is no UTF-8, half a surrogate pair and U+0000', () => {
    expect(refusal(Buffer.from([0x22, 0xff, 0x22]))).toBe('The body is not valid UTF-8.');
    expect(refusal(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe('The body is not valid UTF-8.');
    expect(refusal('"\\ud800"')).toContain('half of a surrogate pair');
    expect(refusal('{"\\udc00":1}')).toContain('half of a surrogate pair');
    expect(refusal('"a\\u0000b"')).toContain('U+0000');
    expect(parse('"\\ud83d\\ude00 ü"')).toBe('😀 ü');
  });

  it.each([
    '',
    ' ',
    '{',
    '{"a":1,}',
    '[1,]',
    '// comment\n1',
    '/* c */ 1',
    '{a:1}',
    "{'a':1}",
    '01',
    '+1',
    '.5',
    'NaN',
    'Infinity',
    '1 2',
    '\ufeff{}',
    '"\t"',
    '{"a" 1}',
    'undefined',
  ])('refuses what is not JSON: %j', (text) => {
    expect(refusal(text)).toMatch(/^The body is not JSON: /);
  });
});
