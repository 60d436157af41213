/** How sealed text begins, wherever it stands: `{plimsoll-sealed:1:<key ids>:<base64url>}`. What is beyond the colon is the sealer's affair. */
export const SEALED_TEXT_MARK = '{plimsoll-sealed:';

/**
 * Makes text unreadable without the keys of whom it belongs to, so that it can be erased where nothing can be deleted (principle 13).
 * The same text under the same keys becomes the same bytes: a repeated command stays the same command.
 */
export interface TextSealer {
  /** @param subjects persons; where one of their keys is gone, the text is */
  seal(text: string, subjects: readonly string[]): Promise<string>;
}

/** Whether sealed text, or what passes for it, is in a JSON value. */
export function holdsSealedText(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(SEALED_TEXT_MARK);
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value)
    ? value.some(holdsSealedText)
    : Object.entries(value).some(([key, item]) => holdsSealedText(key) || holdsSealedText(item));
}

/** The JSON value with nothing in it that passes for sealed text; the value itself where nothing does. */
export function withoutSealedText<T>(value: T): T {
  return (holdsSealedText(value) ? unmarked(value) : value) as T;
}

function unmarked(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(SEALED_TEXT_MARK, '{not-sealed:');
  if (Array.isArray(value)) return value.map(unmarked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.replaceAll(SEALED_TEXT_MARK, '{not-sealed:'), unmarked(item)]));
}
