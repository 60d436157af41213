import type { MigrationInterface } from 'typeorm';
import { EventLog1767225600000 } from './1767225600000-event-log.ts';
import { Messaging1767225700000 } from './1767225700000-messaging.ts';
import { Subscriptions1767225800000 } from './1767225800000-subscriptions.ts';
import { Idempotency1767225900000 } from './1767225900000-idempotency.ts';

/** Every change of the schema, oldest first. Forward only: a mistake is put right by the next one. */
export const migrations: readonly (new () => MigrationInterface)[] = [
  EventLog1767225600000,
  Messaging1767225700000,
  Subscriptions1767225800000,
  Idempotency1767225900000,
];
