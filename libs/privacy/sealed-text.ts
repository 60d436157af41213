import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { SEALED_TEXT_MARK } from '#libs/event-sourcing';
import type { SubjectKey } from './subject-keys.ts';

/** What is shown of a text whose key is gone. */
export const ERASED = '(erased)';
/** Most persons whom one text belongs to. */
export const MOST_SUBJECTS = 4;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** Ids of the keys, and nonce, ciphertext and tag in base64url. It can stand in a sentence: neither JSON nor CSV nor HTML escapes any of it. */
const SEALED = new RegExp(`\\${SEALED_TEXT_MARK}1:(${UUID}(?:\\+${UUID}){0,${MOST_SUBJECTS - 1}}):([A-Za-z0-9_-]{38,})\\}`, 'g');

/** Sealed text within a text. */
export interface SealedPart {
  /** As it stands there. */
  readonly sealed: string;
  readonly keyIds: readonly string[];
}

/**
 * Seals a text with the keys of all whom it belongs to: each of them is needed to open it.
 *
 * AES-256-GCM under a key that HKDF (RFC 5869) makes of theirs. The nonce is the HMAC-SHA256 of the text under a second such key, cut to 96
 * bits, as in SIV (Rogaway and Shrimpton, 2006; RFC 5297): the same text gives the same bytes, which is what a repeated command needs, and
 * tells nothing but that it is the same. Two texts with one nonce, which would break GCM, need a collision of the HMAC: after a million texts
 * of a person its chance is 2^-57.
 *
 * @throws RangeError no key, or too many
 */
export function sealText(text: string, keys: readonly SubjectKey[]): string {
  if (keys.length === 0 || keys.length > MOST_SUBJECTS)
    throw new RangeError(`Text belongs to 1 to ${MOST_SUBJECTS} persons, not to ${keys.length}.`);
  const sorted = [...new Map(keys.map((key) => [key.id, key])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const about = aboutOf(sorted.map(({ id }) => id));
  const material = Buffer.concat(sorted.map(({ key }) => key));
  const nonce = createHmac('sha256', derived(material, about, 'nonce'))
    .update(text)
    .digest()
    .subarray(0, NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', derived(material, about, 'text'), nonce).setAAD(Buffer.from(about));
  const bytes = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${about}${bytes.toString('base64url')}}`;
}

/** The sealed parts of a text, in order. */
export function sealedParts(text: string): readonly SealedPart[] {
  if (!text.includes(SEALED_TEXT_MARK)) return [];
  return [...text.matchAll(SEALED)].map(([sealed, ids = '']) => ({ sealed, keyIds: ids.split('+') }));
}

/**
 * The text with its sealed parts opened, once: what is opened is not looked at again. `(erased)` stands for what a key is gone of, and for what
 * nobody sealed.
 *
 * @param escape makes of an opened part what it has to be where the text stands, e.g. in JSON
 */
export function openText(text: string, keys: ReadonlyMap<string, Buffer>, escape: (opened: string) => string = (opened) => opened): string {
  if (!text.includes(SEALED_TEXT_MARK)) return text;
  return text.replace(SEALED, (_sealed, ids: string, payload: string) => escape(opened(ids.split('+'), payload, keys) ?? ERASED));
}

function opened(ids: readonly string[], payload: string, keys: ReadonlyMap<string, Buffer>): string | undefined {
  const present = ids.flatMap((id) => keys.get(id) ?? []);
  const bytes = Buffer.from(payload, 'base64url');
  if (present.length < ids.length || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const about = aboutOf(ids);
  try {
    const decipher = createDecipheriv('aes-256-gcm', derived(Buffer.concat(present), about, 'text'), bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(about))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

/** All but the payload; what the seal is also about, so that nobody names other keys for it. */
function aboutOf(ids: readonly string[]): string {
  return `${SEALED_TEXT_MARK}1:${ids.join('+')}:`;
}

function derived(material: Buffer, about: string, purpose: 'text' | 'nonce'): Buffer {
  return Buffer.from(hkdfSync('sha256', material, '', `${about} ${purpose}`, 32));
}
