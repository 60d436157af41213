import { withoutSeals } from '../sealed.ts';

/** HTML that is safe to be put into a page as it is. Only this file and constants make it. */
export class Markup {
  constructor(readonly text: string) {}
}

type Part = Markup | string | number | undefined | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** What does not show, or shows what comes after it in another order or place: a name must not look like another one. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029\u115f\u1160\u3164\uffa0]/u;
const UNSEEN_ALL = new RegExp(UNSEEN.source, 'gu');

/**
 * HTML of a template: whatever is put into it is text, and is escaped, unless it is markup itself. Lists are put together; `undefined` and
 * `false` are nothing. Attributes must be quoted.
 */
export function h(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0] ?? '';
  for (const [i, part] of parts.entries()) text += rendered(part) + (strings[i + 1] ?? '');
  return new Markup(text);
}

/** Text as HTML: nothing in it is markup, and what would not show is written as its code point, such as ⟨U+202E⟩, and what is sealed is said to be. Line feeds stay. */
export function escaped(given: string): string {
  const text = withoutSeals(given);
  const shown = UNSEEN.test(text) ? text.replace(UNSEEN_ALL, (c) => (c === '\n' ? c : `⟨U+${codeOf(c)}⟩`)) : text;
  return /[&<>"']/.test(shown) ? shown.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c) : shown;
}

function rendered(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(rendered).join('');
  return escaped(String(part));
}

function codeOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}
