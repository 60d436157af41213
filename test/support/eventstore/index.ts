export { TestLog } from './log.ts';
export { EventStoreTestServer } from './server.ts';
