/** What kind of secret was found; stable, kebab-case, and safe to tell: it says nothing of the value. */
export type SecretKind =
  | 'private-key'
  | 'aws-access-key'
  | 'github-token'
  | 'gitlab-token'
  | 'slack-token'
  | 'npm-token'
  | 'pypi-token'
  | 'stripe-key'
  | 'google-api-key'
  | 'webhook-secret'
  | 'json-web-token'
  | 'url-with-password';

/** Where a secret is in a text: half-open, in UTF-16 code units. */
export interface SecretSpan {
  readonly kind: SecretKind;
  readonly start: number;
  readonly end: number;
}

interface Pattern {
  readonly kind: SecretKind;
  readonly pattern: RegExp;
  /** What a pattern can't say; true unless told. */
  readonly holds?: (found: string) => boolean;
}

/**
 * Secrets that say of themselves what they are: issuers gave them prefixes for exactly this purpose. Only such ones are looked for, since what
 * is found is refused: a digest, a UUID or a package URL must never be. Every quantifier either is bounded or runs over characters that can't
 * begin another match, so that time is linear in the text.
 */
const PATTERNS: readonly Pattern[] = [
  { kind: 'private-key', pattern: /PRIVATE\+KEY\+[^\s+]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{40,200}={0,2}/g }, // C2SP signed notes, ours too
  { kind: 'aws-access-key', pattern: /(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9+/])/g },
  {
    kind: 'aws-access-key',
    pattern: /aws[^\n]{0,16}?secret[^\n]{0,24}?[\s"':=][A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])/gi,
    // Forty characters may be a commit, too.
    holds: (found) => /[a-z]/.test(found.slice(-40)) && /[A-Z]/.test(found.slice(-40)) && /[0-9+/]/.test(found.slice(-40)),
  },
  { kind: 'github-token', pattern: /(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})/g },
  { kind: 'gitlab-token', pattern: /(?<![A-Za-z0-9_-])gl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_-]{20,64}/g },
  { kind: 'slack-token', pattern: /(?<![A-Za-z0-9])xox[abeoprs]-[0-9][A-Za-z0-9-]{10,250}/g },
  { kind: 'npm-token', pattern: /(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_])/g },
  { kind: 'pypi-token', pattern: /(?<![A-Za-z0-9_-])pypi-AgE[A-Za-z0-9_-]{50,512}/g },
  { kind: 'stripe-key', pattern: /(?<![A-Za-z0-9_])[rs]k_live_[A-Za-z0-9]{20,255}/g },
  { kind: 'google-api-key', pattern: /(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g },
  { kind: 'webhook-secret', pattern: /(?<![A-Za-z0-9_])whs(?:ec|k)_[A-Za-z0-9+/]{24,200}={0,2}/g }, // Standard Webhooks
  {
    kind: 'json-web-token',
    pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g,
    holds: namesItsAlgorithm,
  },
];

/** Whether any of the patterns could match: most texts are done with after this one look. */
const WORTH_A_LOOK =
  /PRIVATE[ +]KEY|AKIA|ASIA|aws|gh[pousr]_|github_pat_|gl(?:pat|dt|rt|cbt|ptt|soat)-|xox|npm_|pypi-|k_live_|AIza|whs|eyJ|:\/\//i;

/** The secrets in a text, in order, none within another. A pure function, linear in the length of the text. */
export function secretSpans(text: string): readonly SecretSpan[] {
  if (!WORTH_A_LOOK.test(text)) return [];
  const found: SecretSpan[] = [...privateKeys(text), ...urlsWithPassword(text)];
  for (const { kind, pattern, holds } of PATTERNS) {
    for (const match of text.matchAll(pattern)) {
      if (holds && !holds(match[0])) continue;
      found.push({ kind, start: match.index, end: match.index + match[0].length });
    }
  }
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const apart: SecretSpan[] = [];
  for (const span of found) if (span.start >= (apart.at(-1)?.end ?? 0)) apart.push(span);
  return apart;
}

/** From the line that begins a PEM block (RFC 7468, or OpenPGP's armour) to the one that ends it, or to the end of the text. */
function privateKeys(text: string): readonly SecretSpan[] {
  const spans: SecretSpan[] = [];
  const begins = /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g;
  const ends = /-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g;
  for (let begin = begins.exec(text); begin; begin = begins.exec(text)) {
    ends.lastIndex = begins.lastIndex;
    const end = ends.exec(text) ? ends.lastIndex : text.length;
    spans.push({ kind: 'private-key', start: begin.index, end });
    begins.lastIndex = end;
  }
  return spans;
}

const MOST_USER = 128;
const MOST_PASSWORD = 256;

/** `scheme://user:password@`; the span is the password alone. What stands for a password that is elsewhere is none. */
function urlsWithPassword(text: string): readonly SecretSpan[] {
  const spans: SecretSpan[] = [];
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    if (at === 0 || !/[A-Za-z0-9+.-]/.test(text.charAt(at - 1))) continue;
    // A comma in it ends the URL: `https://example.org,sha256:…,dora@example.org` is a list.
    const parts = /^([^\s:/?#@"'<>,;|]*):([^\s/?#@"'<>]+)@[^\s@]/.exec(text.slice(at + 3, at + 5 + MOST_USER + MOST_PASSWORD));
    const [, user, password] = parts ?? [];
    if (user === undefined || password === undefined || isPlaceholder(password)) continue;
    const start = at + 3 + user.length + 1;
    spans.push({ kind: 'url-with-password', start, end: start + password.length });
  }
  return spans;
}

/** `***`, `xxxx`, `…`, `$PASSWORD`, `${…}`, `{{…}}`, `%s`, `[masked]`, and the word itself, as manuals have it: nothing is given away. */
function isPlaceholder(password: string): boolean {
  return /^(?:[*•.…x]+|%s|\$.*|%7B.*|[{[].*[}\]]|pass(?:word)?)$/i.test(password);
}

/** A JSON Web Token's header is JSON with `alg` (RFC 7515, section 4.1.1); other base64 that begins with `{"` is not a token. */
function namesItsAlgorithm(token: string): boolean {
  const header = token.slice(0, Math.min(token.indexOf('.'), 8192));
  try {
    const parsed = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { readonly alg?: unknown };
    return typeof parsed.alg === 'string';
  } catch {
    return false;
  }
}
