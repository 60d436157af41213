import type { StoredEvent } from '#libs/event-sourcing';
import { canonicalJson } from './jcs.ts';
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
export function leafOf({ stream, revision, id, type, data, metadata }: StoredEvent): Leaf {
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

/** The bytes of the leaf, as text: canonical JSON (RFC 8785). @throws NotCanonicalisable */
export function leafText(event: StoredEvent): string {
  return canonicalJson(leafOf(event));
}

/** @throws NotCanonicalisable */
export function eventLeafHash(event: StoredEvent): Hash {
  return leafHash(leafText(event));
}
