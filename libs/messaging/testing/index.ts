export * from './message-bus-contract.ts';
