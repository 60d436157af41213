/** Why something that came in is no event; thrown by the readers, caught by `readDelivery`. */
export class MalformedEvent extends Error {
  override readonly name = 'MalformedEvent';
  constructor(
    /** Stable, kebab-case. */
    readonly code: string,
    /** A sentence that says what would be accepted. */
    detail: string,
  ) {
    super(detail);
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Longest values, in characters (UTF-16 units). */
export const MAX_ID = 256;
export const MAX_SOURCE = 1000;
export const MAX_TYPE = 300;
export const MAX_SUBJECT = 1000;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws MalformedEvent */
export function objectAt(value: unknown, path: string): JsonObject {
  if (isObject(value)) return value;
  throw new MalformedEvent('field-malformed', `${path} must be a JSON object.`);
}

/** A text of 1 to `max` characters without control characters. @throws MalformedEvent */
export function textAt(value: unknown, path: string, max: number): string {
  if (value === undefined || value === null) throw new MalformedEvent('field-missing', `${path} is missing; it must be a text.`);
  if (typeof value === 'string' && value.trim().length > 0 && value.length <= max && !/\p{Cc}/u.test(value)) return value;
  throw new MalformedEvent('field-malformed', `${path} must be a text of 1 to ${max} characters without control characters.`);
}

/** A URI reference (RFC 3986): nothing that can't stand in one. @throws MalformedEvent */
export function uriReferenceAt(value: unknown, path: string, max: number): string {
  const text = textAt(value, path, max);
  if (/^[^\s<>"{}|\\^`]+$/.test(text)) return text;
  throw new MalformedEvent('field-malformed', `${path} must be a URI reference (RFC 3986), such as /pipelines/shop.`);
}

/** An instant as it was claimed. @throws MalformedEvent */
export function timeAt(value: unknown, path: string): string {
  const text = textAt(value, path, 64);
  if (isInstant(text)) return text;
  throw new MalformedEvent('field-malformed', `${path} must be an instant (RFC 3339) with its offset, such as 2026-03-02T10:00:00Z.`);
}

/** RFC 3339, 5.6; a leap second is not accepted, since no clock of ours can hold it. */
function isInstant(text: string): boolean {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,12})?(Z|[+-](\d\d):(\d\d))$/i.exec(text);
  if (!parts) return false;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  // Day 0 of the next month is the last of this one.
  const days = month >= 1 && month <= 12 ? new Date(Date.UTC(year, month, 0)).getUTCDate() : 0;
  const inOffset = Number(parts[9] ?? 0) <= 23 && Number(parts[10] ?? 0) <= 59;
  return day >= 1 && day <= days && hour <= 23 && minute <= 59 && second <= 59 && inOffset;
}

/** A claimed instant as ISO 8601 with milliseconds, UTC. */
export function inUtc(claimed: string): string {
  return new Date(claimed.toUpperCase()).toISOString();
}
