import canonicalize from 'canonicalize';
import { visit } from 'jsonc-parser';

/** Most characters of a text that is parsed: an append holds at most 1 MiB, and a leaf little more than one event. */
export const MAX_JSON_LENGTH = 4 * 1024 * 1024;
/** How deep objects and arrays may be nested. */
export const MAX_JSON_DEPTH = 256;

/** The text or value has no canonical form that everybody would agree on. */
export class NotCanonicalisable extends Error {
  override readonly name = 'NotCanonicalisable';
}

/**
 * The canonical JSON (RFC 8785) of a value as JSON.parse gives it: the same value gives the same bytes everywhere.
 *
 * @throws NotCanonicalisable half of a surrogate pair, a number that is none, or no JSON value at all
 */
export function canonicalJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (cause) {
    throw new NotCanonicalisable(`It has no canonical JSON: ${cause instanceof Error ? cause.message : String(cause)}.`, { cause });
  }
  if (text === undefined) throw new NotCanonicalisable('It is no JSON value.');
  return text;
}

/**
 * The canonical JSON of a JSON text.
 *
 * @throws NotCanonicalisable as `parseStrict` and `canonicalJson`
 */
export function canonicalText(text: string): string {
  return canonicalJson(parseStrict(text));
}

/**
 * Reads a text that should be canonical already, such as a leaf: written again it must be the same, byte for byte. So no key is there
 * twice, no number loses a digit, and nothing stands between the values.
 *
 * @throws NotCanonicalisable
 */
export function parseCanonical(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NotCanonicalisable('The text is not JSON.', { cause });
  }
  if (canonicalJson(value) !== text) throw new NotCanonicalisable('The text is JSON, but not canonical.');
  return value;
}

/**
 * Parses JSON (RFC 8259) as RFC 8785 presumes it (I-JSON, RFC 7493): two readers may never read one text differently.
 *
 * @throws NotCanonicalisable no JSON, a key twice in one object, half of a surrogate pair, an integer beyond ±(2^53-1), too long or too deep
 */
export function parseStrict(text: string): unknown {
  if (text.length > MAX_JSON_LENGTH) throw new NotCanonicalisable(`The text is longer than ${MAX_JSON_LENGTH} characters.`);
  checkMeaning(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new NotCanonicalisable('The text is not JSON.', { cause });
  }
}

/** What JSON.parse would let pass silently. Syntax is left to JSON.parse: the visitor forgives errors. */
function checkMeaning(text: string): void {
  const open: Set<string>[] = [];
  let depth = 0;
  const enter = (offset: number): void => {
    if (++depth > MAX_JSON_DEPTH) throw new NotCanonicalisable(`Nested more than ${MAX_JSON_DEPTH} deep (at character ${offset}).`);
  };
  visit(text, {
    onObjectBegin: (offset) => {
      enter(offset);
      open.push(new Set());
    },
    onObjectProperty: (key, offset) => {
      checkString(key, offset);
      const keys = open.at(-1)!;
      if (keys.has(key)) throw new NotCanonicalisable(`The key ${JSON.stringify(key)} is there twice (at character ${offset}).`);
      keys.add(key);
    },
    onObjectEnd: () => {
      open.pop();
      depth--;
    },
    onArrayBegin: enter,
    onArrayEnd: () => void depth--,
    onLiteralValue: (value: unknown, offset, length) => {
      if (typeof value === 'string') checkString(value, offset);
      if (typeof value === 'number') checkNumber(text.slice(offset, offset + length), offset);
    },
  });
}

function checkString(value: string, offset: number): void {
  if (/\p{Surrogate}/u.test(value)) throw new NotCanonicalisable(`A string has half of a surrogate pair (at character ${offset}).`);
}

/** Written out as an integer it is meant exactly; `1e30` is a double, which RFC 8785 writes in one way. */
function checkNumber(written: string, offset: number): void {
  const exact = /^-?\d+$/.test(written);
  if (Number.isFinite(Number(written)) && (!exact || Number.isSafeInteger(Number(written)))) return;
  throw new NotCanonicalisable(`A number is beyond what doubles hold exactly, ±(2^53-1) (at character ${offset}).`);
}
