/**
 * At least one letter or digit that can be seen. Characters that render as nothing do not count, also those that Unicode calls letters
 * (Hangul fillers): Default_Ignorable_Code_Point of UAX #44.
 */
export const SAYS_SOMETHING = /(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{N}]/u;

/**
 * What a terminal would obey instead of show, or a reader would not see: controls of C0 and C1 (ECMA-48) with DEL, the separators of lines and
 * paragraphs, and the controls of direction of UAX #9.
 */
// eslint-disable-next-line no-control-regex -- these are what it is about
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * One line of text that may hold anything, for a log or a terminal: every character that would break the line, colour it, erase it or turn it round
 * is written as `\uXXXX`. JSON on one line stays the same JSON.
 */
export function visible(line: string): string {
  return line.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
