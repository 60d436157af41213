import type { DomainEvent } from './event.ts';

/** Why a refusal refuses, in the few kinds that outsiders tell apart; mapped to HTTP in one place, `libs/http`. */
export const REFUSAL_KINDS = [
  'duty', // separation of duties or a missing role
  'not-found',
  'conflict', // the state forbids it, or the approved tuple changed
  'precondition', // If-Match names another revision
  'meaning', // well-formed, but it can't mean what it says
  'gate', // a policy gate does not pass
  'frozen',
  'limit',
] as const;
export type RefusalKind = (typeof REFUSAL_KINDS)[number];

/** One ground of a refusal: what is wrong, where that is written, and what would unblock it. */
export interface Reason {
  /** Stable, kebab-case: `approvals-missing`. */
  readonly code: string;
  readonly detail: string;
  /** `stream@revision` or a digest that shows it. */
  readonly evidence?: readonly string[];
  /** What would unblock it soonest, as a sentence. */
  readonly unblockedBy?: string;
}

/** A domain error as a value: rules return it, nobody throws it but `transact`. */
export interface Refusal {
  readonly refused: true;
  readonly kind: RefusalKind;
  /** Stable, kebab-case: the last part of the problem's `type`. */
  readonly type: string;
  /** A sentence that a person can act on. */
  readonly detail: string;
  readonly reasons: readonly Reason[];
  /** After so many seconds it is decided otherwise, if nothing but the time changes; absent where that is not known. */
  readonly retryAfterSeconds?: number;
  /** How it was judged, where gates judged it: goes on record with the denial, and not to whoever asked. */
  readonly receipt?: object;
}

/** What a rule yields: events to append (none where it is already so), or a refusal. */
export type Decision<E extends DomainEvent> = readonly E[] | Refusal;

export function refuse(kind: RefusalKind, type: string, detail: string, reasons: readonly Reason[] = []): Refusal {
  return { refused: true, kind, type, detail, reasons };
}

export function isRefusal(decision: object): decision is Refusal {
  return 'refused' in decision;
}

/** Carries a refusal out of `transact` to whoever called it. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  constructor(
    readonly refusal: Refusal,
    /** Position of the denial event, where the command is governed. */
    readonly denialPosition?: bigint,
  ) {
    super(refusal.detail);
  }
}

/** Nobody refused: others were quicker every time that it was decided. Sent again, the same command may well be carried out. */
export class TooMuchContention extends RefusedError {
  readonly retriable = true;
}
