export { EventStoreDbEventLog, type EventStoreDbOptions } from './eventstoredb-event-log.ts';
