import { replaceSecrets } from '#libs/secrets';

export const MASK = '[masked]';

/**
 * What may be a secret wherever it is printed, beyond what is certainly one (`#libs/secrets`, which commands are refused for): better a word
 * too many masked than a key in an event that can't be unwritten.
 */
const SECRETS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, // JSON Web Tokens
  /\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|npm_\w{30,}|xox[abprs]-[\w-]{10,}|sk_live_\w{10,}|whsec_[\w+/=]{16,})/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
];
/** The value goes, the name stays, so that a reader sees what was there. */
const NAMED_SECRETS: readonly RegExp[] = [
  /(\b(?:authorization|proxy-authorization)["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?)[^\s"',;]+/gi,
  /(\bbearer\s+)[\w.~+/-]{8,}=*/gi,
  /([\w-]{0,64}(?:password|passwd|passphrase|secret|(?<!fencing[ _-]?)token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)["']?\s*[:=]\s*)(?:"[^"\n]*"|'[^'\n]*'|(?!\[masked\])[^\s"',;&]+)/gi,
  /(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{0,256}:)[^\s/@]+(?=@)/gi, // passwords in URLs
];
/** The end of a private key whose beginning was cut off. */
const HEADLESS_KEY = /^(?:(?!-----BEGIN)[\s\S])*?-----END [A-Z ]*PRIVATE KEY-----/;

/** The text with everything that looks like a secret replaced by `[masked]`; nothing is left that a command would be refused for. */
export function maskSecrets(text: string): string {
  let masked = replaceSecrets(text, () => MASK);
  for (const pattern of SECRETS) masked = masked.replace(pattern, MASK);
  masked = masked.replace(HEADLESS_KEY, MASK);
  for (const pattern of NAMED_SECRETS) masked = masked.replace(pattern, `$1${MASK}`);
  return masked;
}

const SECRET_NAME =
  /(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization|(?<!fencing[_-]?)token)$/i;

/** The same JSON value with secrets masked: in every string, and the whole string under a name that says it is one. */
export function maskJson(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return SECRET_NAME.test(name) ? MASK : maskSecrets(value);
  if (Array.isArray(value)) return value.map((item) => maskJson(item, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskJson(item, key)]));
}

/** The end of the text within a number of bytes of UTF-8, cut between characters. */
export function lastBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  let start = bytes.length - maxBytes;
  while ((bytes[start]! & 0xc0) === 0x80) start += 1; // a continuation byte: its character began before the cut
  return bytes.subarray(start).toString('utf8');
}

/** The beginning of the text within a number of bytes of UTF-8, cut between characters. */
export function firstBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8');
}
