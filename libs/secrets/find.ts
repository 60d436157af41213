import { secretSpans, type SecretKind } from './patterns.ts';

/** A secret in a value: where, and of what kind; never what it is. */
export interface FoundSecret {
  /** `steps[2].input.url` */
  readonly path: string;
  readonly kind: SecretKind;
}

/** Most that are told. */
const MOST_TOLD = 20;

/**
 * The secrets in a JSON value: in any text, and in the names of members, which are told by their place only. The first 20.
 *
 * @param name of the value itself, for the paths
 */
export function secretsIn(value: unknown, name = ''): readonly FoundSecret[] {
  const found: FoundSecret[] = [];
  const look = (part: unknown, path: string): void => {
    if (found.length >= MOST_TOLD) return;
    if (typeof part === 'string') {
      for (const kind of new Set(secretSpans(part).map((span) => span.kind))) found.push({ path, kind });
    } else if (Array.isArray(part)) {
      part.forEach((item, n) => look(item, `${path}[${n}]`));
    } else if (typeof part === 'object' && part !== null) {
      Object.entries(part).forEach(([key, item], n) => {
        const named = secretSpans(key);
        for (const { kind } of named) found.push({ path: `${path || 'the body'} (name ${n + 1})`, kind });
        const safe = named.length > 0 ? `(name ${n + 1})` : key.slice(0, 100);
        look(item, path ? `${path}.${safe}` : safe);
      });
    }
  };
  look(value, name);
  return found.slice(0, MOST_TOLD);
}

/** The text with every secret replaced; `[secret removed: github-token]` unless told. */
export function replaceSecrets(text: string, by: (kind: SecretKind) => string = (kind) => `[secret removed: ${kind}]`): string {
  const spans = secretSpans(text);
  if (spans.length === 0) return text;
  let kept = '';
  let from = 0;
  for (const { kind, start, end } of spans) {
    kept += text.slice(from, start) + by(kind);
    from = end;
  }
  return kept + text.slice(from);
}

/** The JSON value with secrets replaced in all texts and names; the value itself where there are none. */
export function withoutSecrets<T>(value: T): T {
  return clean(value) as T;
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return replaceSecrets(value);
  if (Array.isArray(value)) {
    const items = value.map(clean);
    return items.every((item, n) => item === value[n]) ? value : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const cleaned = entries.map(([key, item]) => [replaceSecrets(key), clean(item)] as const);
  return cleaned.every(([key, item], n) => key === entries[n]![0] && item === entries[n]![1]) ? value : Object.fromEntries(cleaned);
}
