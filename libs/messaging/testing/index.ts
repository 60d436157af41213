export * from './hanging-process.ts';
export * from './message-bus-contract.ts';
