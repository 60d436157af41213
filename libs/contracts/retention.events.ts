import type { DomainEvent } from '#libs/event-sourcing';
import type { Regime } from './values.ts';

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

/** How long what is kept beside the log is kept under a regime; whole days from the moment that it was recorded. */
export interface RetentionRule {
  readonly regime: Regime;
  /** For so long it is at hand; after that it may be in the archive alone. */
  readonly atHandDays: number;
  /** For so long it is in the archive, at least. */
  readonly keepDays: number;
  /** By then it must be gone, unless a legal hold keeps it. Absent: never. */
  readonly ceilingDays?: number;
}

/** The retention rules of the organisation, in versions; one stream. */
export type RetentionPolicyEvent = DomainEvent<
  'RetentionPolicyPublished',
  {
    /** 1-based and dense. */
    readonly version: number;
    readonly title: string;
    /** ISO 8601, UTC: in force from then on, until a higher version is. Never before it was recorded. */
    readonly effectiveFrom: string;
    /** Regimes that are not named have the rules that the program brings. */
    readonly rules: readonly RetentionRule[];
    readonly justification: string;
    readonly publishedBy: string;
  }
>;

/** Something that is kept whole beside the log, such as a step's log; an event tells of it. */
export interface KeptRecord {
  readonly recordId: string;
  /** SHA-256 (hex) of what is kept: secrets are masked in it. */
  readonly sha256: string;
  readonly bytes: number;
}

export type RecordKind = 'step-log' | 'test-report';

/** What became of a kept record (M7.6). What it is about is in the event that tells of it. */
export type RecordEvent =
  /** It is no longer at hand: the archive holds it. Recorded before it is removed. */
  | DomainEvent<
      'RecordExpired',
      {
        readonly recordId: string;
        readonly kind: RecordKind;
        readonly sha256: string;
        readonly bytes: number;
        /** `stream@revision` of the event that tells of it, and when that was recorded. */
        readonly event: string;
        readonly keptAt: string;
        /** What in the archive holds it, and when it was read back from there with this digest. */
        readonly manifest: string;
        readonly manifestSha256: string;
        readonly verifiedAt: string;
        /** Version of the retention rules, 0 for what the program brings; the regimes that counted and the days at hand that they ask for. */
        readonly policyVersion: number;
        readonly regimes: readonly Regime[];
        readonly atHandDays: number;
        /** `stream@revision` of the legal holds that were read, none of which binds. */
        readonly holds: string;
      }
    >
  /** A legal hold came before it was removed: it stays at hand. */
  | DomainEvent<'RecordExpiryStayed', { readonly recordId: string; readonly holds: readonly string[]; readonly register: string }>;
