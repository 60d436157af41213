/** Injection token of the `EventLog`. */
export const EVENT_LOG = Symbol('EVENT_LOG');
/** Injection token of the `EventCodec`. */
export const EVENT_CODEC = Symbol('EVENT_CODEC');
/** Injection token of the `TextSealer`; without one, text is stored as it is. */
export const TEXT_SEALER = Symbol('TEXT_SEALER');
