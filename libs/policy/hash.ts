import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** SHA-256 (lower-case hex) over the canonical JSON (RFC 8785) of a value. Undefined members do not count. */
export function hashOf(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'hex');
}

/** Canonical JSON (RFC 8785): the same value gives the same bytes. */
export function canonicalJson(value: unknown): string {
  return canonicalize(JSON.parse(JSON.stringify(value)) as unknown) ?? 'null';
}
