import type { HoldScope, LegalHoldEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** A legal hold; it binds until it is released. */
export interface LegalHold {
  readonly holdId: string;
  readonly scope: HoldScope;
  readonly reason: string;
  readonly placedBy: string;
  readonly released?: { readonly by: string; readonly reason: string };
}

/** All legal holds there ever were, by id. Its stream is `legalhold-register`; read it with `HOLD_REGISTER`. */
export interface LegalHolds {
  readonly byId: Readonly<Record<string, LegalHold>>;
}

export const legalHolds: Aggregate<LegalHolds, LegalHoldEvent> = {
  category: 'legalhold',
  initial: { byId: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'LegalHoldPlaced': {
        const { holdId, scope, reason, placedBy } = event.data;
        return { byId: { ...state.byId, [holdId]: { holdId, scope, reason, placedBy } } };
      }
      case 'LegalHoldReleased': {
        const { holdId, reason, releasedBy } = event.data;
        const known = holdOf(state, holdId);
        return known ? { byId: { ...state.byId, [holdId]: { ...known, released: { by: releasedBy, reason } } } } : state;
      }
      default:
        return unknownEvent(event);
    }
  },
};

/**
 * What something that might be removed has to do with. An empty list says: with none. A member that is left out says: that is not known,
 * and every hold of its kind binds, since absence is not permission (principle 6).
 */
export interface HoldSubject {
  /** Slugs. */
  readonly products?: readonly string[];
  readonly releases?: readonly string[];
  /** Names. */
  readonly environments?: readonly string[];
  /** Opaque person ids. */
  readonly persons?: readonly string[];
}

/** The holds in force that forbid to remove what has to do with the subject, in the order of their ids; none where it may be removed. */
export function heldBy(state: LegalHolds, subject: HoldSubject): readonly LegalHold[] {
  return Object.values(state.byId)
    .filter((hold) => !hold.released && binds(hold.scope, subject))
    .sort((a, b) => (a.holdId < b.holdId ? -1 : 1));
}

/** A hold by its id, released or not. */
export function holdOf({ byId }: LegalHolds, holdId: string): LegalHold | undefined {
  return Object.hasOwn(byId, holdId) ? byId[holdId] : undefined;
}

const MEMBERS = { product: 'products', release: 'releases', environment: 'environments', person: 'persons' } as const;

/** What a hold is on, in words. */
export function heldInWords({ kind, id }: Partial<HoldScope>): string {
  if (kind === 'everything') return 'everything';
  return kind && Object.hasOwn(MEMBERS, kind) ? `the ${kind} ${id}` : 'everything, since its scope, as it is stored, is none';
}

function binds({ kind, id }: HoldScope, subject: HoldSubject): boolean {
  // A scope that is none, as it was once stored, binds everything: what was removed does not come back.
  if (kind === 'everything' || !Object.hasOwn(MEMBERS, kind)) return true;
  const named = subject[MEMBERS[kind]];
  return named === undefined || named.includes(id);
}
