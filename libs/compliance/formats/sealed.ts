import { SEALED_TEXT_MARK } from '#libs/event-sourcing';

/** What stands where somebody's own words are sealed (principle 13): a reader has nothing of the seal, and the JSON and the CSV have it. */
export const SEALED = '(sealed)';

const SEAL = /\{plimsoll-sealed:[^{}\s]*\}/g;

/** Text for a person to read: what is sealed in it is said to be, and not written out. */
export function withoutSeals(text: string): string {
  return text.includes(SEALED_TEXT_MARK) ? text.replace(SEAL, SEALED) : text;
}
