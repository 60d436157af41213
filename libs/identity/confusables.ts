/**
 * Letters that look like Latin ones: the lower-case Cyrillic and Greek rows of Unicode's confusables (UTS #39, confusables.txt 16.0) and a few
 * Latin ones. Deliberately short: it is for names and addresses of people, after NFKC and lower-casing, which take away full-width,
 * mathematical and upper-case forms.
 */
const LOOKS_LIKE: Readonly<Record<string, string>> = {
  // Cyrillic
  а: 'a',
  в: 'b',
  с: 'c',
  ԁ: 'd',
  е: 'e',
  һ: 'h',
  і: 'i',
  ј: 'j',
  к: 'k',
  ӏ: 'l',
  м: 'rn',
  н: 'h',
  о: 'o',
  р: 'p',
  ԛ: 'q',
  г: 'r',
  ѕ: 's',
  т: 't',
  ѵ: 'v',
  ԝ: 'w',
  х: 'x',
  у: 'y',
  ү: 'y',
  ё: 'ë',
  ї: 'ï',
  з: '3',
  ь: 'b',
  п: 'n',
  // Greek
  α: 'a',
  β: 'b',
  ϲ: 'c',
  ε: 'e',
  η: 'n',
  ι: 'i',
  κ: 'k',
  μ: 'u',
  ν: 'v',
  ο: 'o',
  ρ: 'p',
  σ: 'o',
  ς: 'c',
  τ: 't',
  υ: 'u',
  χ: 'x',
  ω: 'w',
  γ: 'y',
  ζ: 'z',
  ϳ: 'j',
  // Latin and digits
  ı: 'i',
  ɩ: 'i',
  ȷ: 'j',
  ɑ: 'a',
  ɡ: 'g',
  ʏ: 'y',
  ʋ: 'v',
  ƅ: 'b',
  ł: 'l',
  ø: 'o',
  đ: 'd',
  ħ: 'h',
  ŧ: 't',
  '0': 'o',
  '1': 'l',
  '|': 'l',
  m: 'rn',
  w: 'vv',
};

/**
 * A text as it looks: two that look alike have the same skeleton. Compare skeletons only; they are no text for anybody.
 * Follows UTS #39 (section 4) with the table above, and is blind to case and to characters that can't be seen.
 */
export function skeleton(text: string): string {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFC')
    .replace(/[\p{Cf}\p{Cc}\p{Mn}\u115f\u1160\u3164]/gu, '');
  return [...plain].map((letter) => spelled(letter)).join('');
}

/** A row may lead to another one, at most twice. */
function spelled(letter: string): string {
  const once = Object.hasOwn(LOOKS_LIKE, letter) ? (LOOKS_LIKE[letter] ?? letter) : letter;
  return [...once].map((l) => (l !== letter && Object.hasOwn(LOOKS_LIKE, l) ? (LOOKS_LIKE[l] ?? l) : l)).join('');
}
