import { SAYS_SOMETHING, visible } from './text.ts';

describe('A text that says something', () => {
  it.each(['a', '7', '  x', '\u200bwhy', 'да', '理由'])('has a letter or digit that can be seen: %j', (text) => {
    expect(SAYS_SOMETHING.test(text)).toBe(true);
  });

  it.each(['', ' \n\t', '...', '\u200b\u200c\u200d\u2060\ufeff', '\u3164', '\u115f\u1160\uffa0', '\u00ad\u034f', '\u{e0041}', '\u2800'])(
    'is not blank, however it is blank: %j',
    (text) => {
      expect(SAYS_SOMETHING.test(text)).toBe(false);
    },
  );
});

describe('A line for a log or a terminal', () => {
  it.each(['plain', 'Zürich, Ζυρίχη, チューリッヒ', 'שלום', '👩‍👩‍👧', 'a\\b "c"'])('stays as it is: %s', (text) => {
    expect(visible(text)).toBe(text);
  });

  it('shows what would break it, erase it, colour it or turn it round', () => {
    expect(visible('a\r\nb\tc\u001b[2J\u0007\u007f\u009b31m\u2028\u202e\u2066\u200f')).toBe(
      'a\\u000d\\u000ab\\u0009c\\u001b[2J\\u0007\\u007f\\u009b31m\\u2028\\u202e\\u2066\\u200f',
    );
  });

  it('is the same JSON as before, where it is JSON', () => {
    const said = { name: 'shop\r\n\u001b[2J\u009b\u2028\u202e' };
    expect(JSON.parse(visible(JSON.stringify(said)))).toEqual(said);
  });
});
