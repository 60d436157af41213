/** Injection token of the `Configuration`. */
export const CONFIGURATION = Symbol('CONFIGURATION');
/** Injection token of the `Infrastructure`. */
export const INFRASTRUCTURE = Symbol('INFRASTRUCTURE');
