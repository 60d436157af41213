export * from './addresses.ts';
export * from './confusables.ts';
export * from './duties.ts';
export * from './embedded-issuer.ts';
export * from './grants.ts';
export * from './person.ts';
export * from './token-verifier.ts';
