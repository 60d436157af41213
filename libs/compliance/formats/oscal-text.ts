import { withoutSeals } from './sealed.ts';

/** What a text datatype of OSCAL has no place for, or what would not show: control characters, separators of lines, half a surrogate pair. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu;

/**
 * Text for a property's value and the like (StringDatatype, OSCAL 1.2): one line, without white space at its ends, never empty. What is cut
 * off or put together is white space and what does not show; the report's JSON has it as it was.
 */
export function plain(text: string): string {
  return withoutSeals(text).replace(UNSEEN, ' ').trim() || '–';
}

/** Text for a title or a description (markup): the same, and nothing in it is markup, neither Markdown nor HTML nor a parameter. */
export function markup(text: string): string {
  return plain(text).replace(/[\\`*_{}[\]<>~^|&#!$@]/g, '\\$&');
}
