export { EventsMissing, EventStoreDbEventLog, type EventStoreDbOptions } from './eventstoredb-event-log.ts';
