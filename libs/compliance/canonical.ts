import { createHash } from 'node:crypto';
import { canonicalJson } from '#libs/ledger';
import type { ComplianceReport } from './report.ts';

/** Characters of a piece, about. */
const PIECE = 1024 * 1024;

/**
 * The report's bytes (canonical JSON, RFC 8785, UTF-8), in pieces of some mebibyte: put together they are its canonical JSON. Pieces, because a
 * report of a large year is too much to be written at one go by a server that has others to answer.
 */
export function* canonicalPieces(report: ComplianceReport): Generator<Buffer> {
  let text = '{';
  let first = true;
  for (const key of Object.keys(report).sort() as (keyof ComplianceReport)[]) {
    const value: unknown = report[key];
    if (value === undefined) continue;
    text += `${first ? '' : ','}${canonicalJson(key)}:`;
    first = false;
    if (!Array.isArray(value)) {
      text += canonicalJson(value);
      continue;
    }
    text += '[';
    for (let i = 0; i < value.length; i++) {
      text += `${i === 0 ? '' : ','}${canonicalText(value[i])}`;
      if (text.length < PIECE) continue;
      yield Buffer.from(text, 'utf8');
      text = '';
    }
    text += ']';
  }
  yield Buffer.from(`${text}}`, 'utf8');
}

/**
 * Canonical JSON of a value. What has its members in canonical order already, and only numbers that are written in one way, is written by the
 * engine itself, several times as fast: RFC 8785 takes its way of writing strings and numbers from there.
 */
function canonicalText(value: unknown): string {
  if (!isInOrder(value)) return canonicalJson(value);
  const text = JSON.stringify(value);
  // Half of a surrogate pair: there is no canonical form, and canonicalJson says so.
  return text.includes('\\ud') && /\\ud[89a-f]/.test(text) ? canonicalJson(value) : text;
}

function isInOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) {
    for (const part of value) if (typeof part === 'object' && !isInOrder(part)) return false;
    return true;
  }
  let last = '';
  for (const key in value) {
    if (key <= last) return false;
    last = key;
    const part = (value as Record<string, unknown>)[key];
    if (typeof part === 'object' && !isInOrder(part)) return false;
  }
  return true;
}

/** The report's bytes as a whole, and their SHA-256 (hex): its name. The same report gives the same bytes. */
export function canonicalReport(report: ComplianceReport): { readonly bytes: Buffer; readonly digest: string } {
  const bytes = Buffer.concat([...canonicalPieces(report)]);
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex') };
}
