/** Injection token of the `EventLog`. */
export const EVENT_LOG = Symbol('EVENT_LOG');
/** Injection token of the `EventCodec`. */
export const EVENT_CODEC = Symbol('EVENT_CODEC');
