export * from './duties.ts';
export * from './embedded-issuer.ts';
export * from './person.ts';
export * from './token-verifier.ts';
