import type { EventMetadata, StoredEvent } from './event.ts';

/** What is stored of an event that Plimsoll can't have written. */
export interface Stray {
  /** What is wrong with it, as a sentence. */
  readonly why: string;
  /** As stored: of these the ledger makes the leaf. */
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
  /** When the store took it, ISO 8601, where the store says so. */
  readonly storedAt?: string;
}

/** The type that a stray event is given on with: no rule, view or process knows it. */
export const STRAY_EVENT = 'StrayEvent';

/** Those of a stray event: nobody's, at no time. */
const NO_METADATA: EventMetadata = {
  actor: '',
  principal: '',
  commandId: '',
  commandHash: '',
  correlationId: '',
  causationId: '',
  recordedAt: '1970-01-01T00:00:00.000Z',
  schemaVersion: 1,
};

/** Far over what any of them is; a name of a megabyte would break what passes it on. */
const MAX_TYPE_LENGTH = 200;
const MAX_TEXT_LENGTH = 2_000;
/** Nearly all are: to look into every character's kind takes long. */
const PLAIN = /^[ -~]*$/;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
const isPrintable = (text: string): boolean => PLAIN.test(text) || !UNPRINTABLE.test(text);
const TEXTS = ['actor', 'principal', 'commandId', 'commandHash', 'correlationId', 'causationId'] as const;

/** An event as a store's columns have it, before anybody has looked at what they hold. */
export interface ReadEvent extends Omit<StoredEvent, 'metadata' | 'stray'> {
  readonly metadata: unknown;
}

/**
 * What a store gives on. Whoever has its password can append what Plimsoll never would: without metadata, with a list for data, of a type a
 * megabyte long. Such an event is in the log for ever and so it is a leaf; nothing else is made of it, and nothing stumbles over it.
 */
export function asStored(read: ReadEvent, storedAt?: () => Date | undefined): StoredEvent {
  const why = strayness(read);
  if (why === undefined) return read as StoredEvent;
  const { type, data, metadata } = read;
  const at = storedAt?.();
  const stray: Stray = { why, type, data, metadata, ...(at && Number.isFinite(at.getTime()) ? { storedAt: at.toISOString() } : {}) };
  return { ...read, type: STRAY_EVENT, data: {}, metadata: NO_METADATA, stray };
}

function strayness({ type, data, metadata }: ReadEvent): string | undefined {
  if (type.length > MAX_TYPE_LENGTH || type === '' || !isPrintable(type)) return 'Its type is no name of an event.';
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return 'Its data is not an object.';
  // No field of ours begins so: what stands for something that is not JSON, or no canonical JSON, or too large (see `leafText`) does.
  for (const first in data) {
    if (first.startsWith('$')) return 'Its data is not JSON.';
    break;
  }
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return 'Its metadata is not an object.';
  const known = metadata as Partial<Record<keyof EventMetadata, unknown>>;
  for (const name of TEXTS) {
    const text = known[name];
    if (typeof text !== 'string') return `Its metadata has no ${name}.`;
    if (text.length > MAX_TEXT_LENGTH || !isPrintable(text)) return `The ${name} of its metadata is none.`;
  }
  const { recordedAt, schemaVersion } = known;
  if (!isTime(recordedAt)) return 'Its metadata has no recordedAt: a time in UTC with milliseconds.';
  if (!Number.isInteger(schemaVersion) || (schemaVersion as number) < 1) return 'Its metadata has no schemaVersion.';
  return undefined;
}

const TIME = /^[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** Exactly as the server writes it; what JavaScript forgives, such as the 30th of February, a database may not. */
function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || !TIME.test(value)) return false;
  // Every month has 28 days; of the others the calendar knows.
  return value.slice(8, 10) <= '28' || new Date(value).getUTCDate() === Number(value.slice(8, 10));
}

/** How old an event is, in seconds, never less than 0; of a stray one since the store took it, and 0 where nobody knows. */
export function ageInSeconds({ stray, metadata }: StoredEvent, now: string): number {
  const since = Date.parse(stray ? (stray.storedAt ?? now) : metadata.recordedAt);
  return Math.max(0, (Date.parse(now) - since) / 1000) || 0;
}
