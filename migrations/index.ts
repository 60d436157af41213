import type { MigrationInterface } from 'typeorm';
import { EventLog1767225600000 } from './1767225600000-event-log.ts';

/** Every change of the schema, oldest first. Forward only: a mistake is put right by the next one. */
export const migrations: readonly (new () => MigrationInterface)[] = [EventLog1767225600000];
