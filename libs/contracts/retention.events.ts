import type { DomainEvent } from '#libs/event-sourcing';

/** What a legal hold is about. `id` names it, and is `*` for everything. */
export interface HoldScope {
  readonly kind: 'everything' | 'product' | 'release' | 'environment' | 'person';
  readonly id: string;
}

/**
 * Legal holds (M7.6): what must neither expire nor be erased. All are in one register stream, so that whoever removes anything reads one
 * `stream@revision`, and a hold that was placed meanwhile is a higher one.
 */
export type LegalHoldEvent =
  | DomainEvent<
      'LegalHoldPlaced',
      { readonly holdId: string; readonly scope: HoldScope; readonly reason: string; readonly placedBy: string }
    >
  /** By another person than the one who placed it. */
  | DomainEvent<
      'LegalHoldReleased',
      { readonly holdId: string; readonly reason: string; readonly placedBy: string; readonly releasedBy: string }
    >;

/** All legal holds of the organisation are in one stream, `legalhold-register`. */
export const HOLD_REGISTER = 'register';
