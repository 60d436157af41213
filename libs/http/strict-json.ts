import { visit } from 'jsonc-parser';
import { ProblemError } from './problem.ts';

/** How deep objects and arrays may be nested. */
export const MAX_DEPTH = 64;

interface Frame {
  readonly keys: Set<string>;
  /** The key of this object in its parent; undefined at the root and in arrays. */
  readonly key: string | undefined;
}

/**
 * Parses JSON (RFC 8259) as I-JSON (RFC 7493) demands, so that whoever reads it, reads the same: UTF-8 only, no key twice, no integer that
 * a double can't hold, no lone surrogates; and besides: nested at most `MAX_DEPTH` deep, no U+0000 (Postgres can't store it), and no key
 * that reaches for a prototype.
 *
 * @throws ProblemError 400 `malformed-json`, which says what and where
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes);
  checkMeaning(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw malformed(`The body is not JSON: ${(cause as SyntaxError).message}.`, cause);
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed('The body is not valid UTF-8.', cause);
  }
}

/** What JSON.parse would let pass silently. Syntax is left to JSON.parse: the visitor forgives errors. */
function checkMeaning(text: string): void {
  const frames: Frame[] = [];
  let lastKey: string | undefined;
  let depth = 0;

  const enter = (offset: number): void => {
    depth += 1;
    if (depth > MAX_DEPTH) throw malformed(`The body is nested more than ${MAX_DEPTH} deep (at character ${offset}).`);
  };
  visit(
    text,
    {
      onObjectBegin: (offset) => {
        enter(offset);
        frames.push({ keys: new Set(), key: lastKey });
        lastKey = undefined;
      },
      onObjectProperty: (key, offset) => {
        const frame = frames.at(-1);
        checkText(key, offset);
        if (frame?.keys.has(key)) throw malformed(`The key ${JSON.stringify(key)} is there twice in one object (at character ${offset}).`);
        if (key === '__proto__' || (key === 'prototype' && frame?.key === 'constructor')) {
          throw malformed(`The key ${JSON.stringify(key)} is not accepted (at character ${offset}).`);
        }
        frame?.keys.add(key);
        lastKey = key;
      },
      onObjectEnd: () => {
        frames.pop();
        lastKey = undefined;
        depth -= 1;
      },
      onArrayBegin: (offset) => {
        enter(offset);
        lastKey = undefined;
      },
      onArrayEnd: () => {
        lastKey = undefined;
        depth -= 1;
      },
      onLiteralValue: (value: unknown, offset, length) => {
        if (typeof value === 'string') checkText(value, offset);
        if (typeof value === 'number') checkNumber(text.slice(offset, offset + length), offset);
        lastKey = undefined;
      },
    },
    { disallowComments: true },
  );
}

function checkText(value: string, offset: number): void {
  if (value.includes('\0')) throw malformed(`The character U+0000 is not accepted in a string (at character ${offset}).`);
  if (/\p{Surrogate}/u.test(value)) throw malformed(`A string has half of a surrogate pair (at character ${offset}).`);
}

function checkNumber(text: string, offset: number): void {
  const value = Number(text);
  if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return;
  throw malformed(`A number is beyond ±(2^53-1), where doubles lose integers (at character ${offset}). Send it as a string.`);
}

function malformed(detail: string, cause?: unknown): ProblemError {
  return new ProblemError(400, 'malformed-json', detail, { cause });
}
