import type { DomainEvent } from '#libs/event-sourcing';

/** A CloudEvent or CDEvent as it came in, kept whole. */
export interface ReceivedEnvelope {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The time it claims. */
  readonly time?: string;
  readonly subject?: string;
  readonly data?: unknown;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export type IngestionEvent =
  | DomainEvent<
      'OutsideEventReceived',
      {
        readonly receiptId: string;
        readonly envelope: ReceivedEnvelope;
        /** `understood` drives the system; `kept` is stored and counted. */
        readonly disposition: 'understood' | 'kept';
        /** Why an event is kept and does not drive anything. */
        readonly keptBecause?: string;
        /** `kafka`: over the message bus, whichever that is. */
        readonly channel: 'http' | 'kafka';
        readonly receivedFrom: string;
        /** Seconds by which the claimed time is ahead of (positive) or behind the server's. */
        readonly skewSeconds?: number;
      }
    >
  /** What became of an event that is understood. */
  | DomainEvent<
      'OutsideEventApplied',
      {
        readonly receiptId: string;
        /** Of the outside event. */
        readonly eventType: string;
        /** `nothing`: there was nothing left to do about it. */
        readonly outcome: 'applied' | 'refused' | 'nothing';
        /** Name of the command that was sent. */
        readonly command?: string;
        readonly detail: string;
      }
    >
  | DomainEvent<
      'OutsideEventRejected',
      {
        readonly rejectionId: string;
        /** Stable, kebab-case. */
        readonly code: string;
        /** A sentence. */
        readonly reason: string;
        /** Attributes that came beside the payload (binary mode). */
        readonly attributes: Readonly<Record<string, string>>;
        /** What came, base64, cut at 64 KiB; `bytes` says how long it was. */
        readonly payload: string;
        readonly bytes: number;
        readonly contentType: string;
        readonly channel: 'http' | 'kafka';
        readonly receivedFrom: string;
        /** Secrets were replaced in what is kept: their kinds, and the SHA-256 (hex) of the whole payload as it came. */
        readonly redacted?: { readonly sha256: string; readonly kinds: readonly string[] };
      }
    >
  | DomainEvent<
      'OutsideEventRedriven',
      { readonly rejectionId: string; readonly outcome: 'accepted' | 'rejected'; readonly detail: string }
    >;
