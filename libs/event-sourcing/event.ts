import type { Stray } from './stray.ts';

/** What a decision yields: a fact with its literal type, before anyone has stored it. */
export interface DomainEvent<T extends string = string, D = unknown> {
  readonly type: T;
  readonly data: D;
}

/** Who asked, resolved from the token alone (principle 12: never from the body). */
export interface Actor {
  /** Opaque person id; several accounts may resolve to the same person (principle 4). */
  readonly person: string;
  /** The authenticated principal, `issuer|subject`, kept apart from the person. */
  readonly principal: string;
  readonly roles: readonly string[];
}

/** Whether a part of Plimsoll itself acts (`process:…`, `system:…`), and no person: person ids have no colon. */
export function isProgram({ person }: Pick<Actor, 'person'>): boolean {
  return /^(?:process|system):/.test(person);
}

/** Stored beside every event. Everything in it is set by the server. */
export interface EventMetadata {
  /** Person id of the actor. */
  readonly actor: string;
  /** `issuer|subject` of the account that was authenticated. */
  readonly principal: string;
  readonly commandId: string;
  /** SHA-256 (hex) of the canonical command; the same commandId with another hash is refused. */
  readonly commandHash: string;
  readonly correlationId: string;
  /** The event or request that led to this command. */
  readonly causationId: string;
  /** Server time, ISO 8601 with milliseconds, UTC (principle 10). */
  readonly recordedAt: string;
  /** Version of the data's schema; readers upcast (see `EventCodec`). */
  readonly schemaVersion: number;
}

/** An event as handed to the log. `id` is deterministic, so that a repeated append is the same append. */
export interface NewEvent<E extends DomainEvent = DomainEvent> {
  /** UUID, see `eventId`. */
  readonly id: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly metadata: EventMetadata;
}

/** An event as the log gives it back. */
export interface StoredEvent<E extends DomainEvent = DomainEvent> extends NewEvent<E> {
  readonly stream: string;
  /** 0-based and dense within the stream. */
  readonly revision: number;
  /** Place in the order of all events: strictly rising, not dense. */
  readonly position: bigint;
  /** Somebody appended it around Plimsoll: what is stored of it, in place of which type, data and metadata are harmless. See `asStored`. */
  readonly stray?: Stray;
}
