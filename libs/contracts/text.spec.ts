import { SAYS_SOMETHING } from './text.ts';

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
