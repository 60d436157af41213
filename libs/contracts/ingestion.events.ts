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
        readonly channel: 'http' | 'kafka';
        readonly receivedFrom: string;
        readonly skewSeconds?: number;
      }
    >
  | DomainEvent<
      'OutsideEventRejected',
      {
        readonly rejectionId: string;
        readonly reason: string;
        /** What came, base64, cut at 64 KiB; `bytes` says how long it was. */
        readonly payload: string;
        readonly bytes: number;
        readonly contentType: string;
        readonly channel: 'http' | 'kafka';
        readonly receivedFrom: string;
      }
    >
  | DomainEvent<
      'OutsideEventRedriven',
      { readonly rejectionId: string; readonly outcome: 'accepted' | 'rejected'; readonly detail: string }
    >;
