import type { Refusal } from './decision.ts';
import type { Actor } from './event.ts';

/** What the outside gives a rule besides the command: identity, time and ids, so that the rule itself needs none of them. */
export interface CommandMeta {
  /** UUID; the Idempotency-Key of HTTP, or derived by a process from the event that caused it. */
  readonly commandId: string;
  readonly actor: Actor;
  readonly correlationId: string;
  readonly causationId: string;
  /** Server time, ISO 8601 with milliseconds, UTC. */
  readonly now: string;
  /** If-Match: the revision that the caller has seen. */
  readonly expectedRevision?: number;
  /** Who is who is on record here, and roles are granted: an account that nobody has linked is nobody who counts as one of two persons. */
  readonly personsOnRecord?: true;
  /**
   * Asked when everything was read and decided, before the append: what is against the actor's doing it by now, such as a role that was
   * revoked meanwhile. Absent where nobody asked (programs), or nothing can have changed.
   */
  readonly stillAllowed?: () => Promise<Refusal | undefined>;
}

/** A validated command on its way to a handler: its own fields, which aggregate it is for, and its meta. */
export type Issued<C extends object> = C & { readonly target: string; readonly meta: CommandMeta };

/** Binds a command to its target and meta, keeping its class, which is how the bus finds the handler. */
export function issue<C extends object>(command: C, target: string, meta: CommandMeta): Issued<C> {
  return Object.assign(command, { target, meta });
}
