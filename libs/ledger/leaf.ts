import { createHash } from 'node:crypto';
import type { StoredEvent } from '#libs/event-sourcing';
import { canonicalJson, NotCanonicalisable } from './jcs.ts';
import { leafHash, type Hash } from './merkle.ts';

/**
 * What is hashed of an event: everything that the log keeps of it but its position, which is of one store and not of the event.
 * `created` is `recordedAt`, when the server took it; `metadata` holds it, too, with who and why.
 */
export interface Leaf {
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  /** Absent, as `created`, of what somebody appended around Plimsoll without metadata: it is a leaf all the same. */
  readonly schemaVersion?: number;
  readonly created?: string;
  readonly data: unknown;
  readonly metadata: unknown;
}

/** The leaf of an event as it is stored, never of one that was lifted to a later schema. */
export function leafOf(event: StoredEvent): Leaf {
  const { type, data, metadata } = event.stray ?? event;
  return leafWith(event, type, data, metadata);
}

function leafWith({ stream, revision, id }: StoredEvent, type: string, data: unknown, metadata: unknown): Leaf {
  const { schemaVersion, recordedAt } = (metadata as Partial<StoredEvent['metadata']> | null | undefined) ?? {};
  return {
    stream,
    revision,
    id,
    type,
    ...(schemaVersion === undefined ? {} : { schemaVersion }),
    ...(recordedAt === undefined ? {} : { created: recordedAt }),
    data: data ?? null,
    metadata: metadata ?? null,
  };
}

/**
 * The bytes of the leaf, as text: canonical JSON (RFC 8785). What was appended around Plimsoll may have no canonical form (half of a surrogate
 * pair, a number beyond all doubles) or be larger than any event of ours: then its JSON text, or the digest of it, stands in its place,
 * for one event that can't be a leaf would end the ledger.
 */
export function leafText(event: StoredEvent): string {
  let text: string | undefined;
  try {
    text = canonicalJson(leafOf(event));
  } catch (error) {
    if (!(error instanceof NotCanonicalisable)) throw error;
  }
  if (text !== undefined && text.length <= MAX_LEAF_LENGTH) return text;
  const { type, data, metadata } = event.stray ?? event;
  return canonicalJson(leafWith(event, typeFor(type), fit(data), fit(metadata)));
}

export function eventLeafHash(event: StoredEvent): Hash {
  return leafHash(leafText(event));
}

/** Characters: what an export's line holds, whatever they take in UTF-8. An append of ours has a mebibyte of bytes at most. */
const MAX_LEAF_LENGTH = 2 * 1024 * 1024;
/** Larger than that and it is the digest. */
const MAX_PART_LENGTH = 512 * 1024;

function typeFor(type: string): string {
  return type.length <= MAX_PART_LENGTH ? type : JSON.stringify(digestOf(type));
}

function fit(value: unknown): unknown {
  let text: string | undefined;
  try {
    text = canonicalJson(value ?? null);
    if (text.length <= MAX_PART_LENGTH) return value;
  } catch (error) {
    if (!(error instanceof NotCanonicalisable)) throw error;
    text = jsonText(value);
    if (text.length <= MAX_PART_LENGTH) return { $json: text };
  }
  return digestOf(text);
}

function digestOf(text: string): { readonly $sha256: string; readonly $bytes: number } {
  return { $sha256: createHash('sha256').update(text).digest('hex'), $bytes: Buffer.byteLength(text) };
}

/** As JSON.stringify, which escapes what is half a character, but with numbers that are none as text, and however deep it is. */
function jsonText(value: unknown): string {
  const out: string[] = [];
  const open: (string | { readonly value: unknown })[] = [{ value }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string') {
      out.push(next);
    } else if (typeof next.value === 'object' && next.value !== null) {
      const list = Array.isArray(next.value);
      const parts = Object.entries(next.value).flatMap(([key, part], n): (string | { readonly value: unknown })[] => [
        `${n > 0 ? ',' : ''}${list ? '' : `${JSON.stringify(key)}:`}`,
        { value: part as unknown },
      ]);
      out.push(list ? '[' : '{');
      open.push(list ? ']' : '}');
      for (const part of parts.reverse()) open.push(part);
    } else {
      out.push(typeof next.value === 'number' ? String(next.value) : JSON.stringify(next.value));
    }
  }
  return out.join('');
}
