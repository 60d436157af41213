import { createHash } from 'node:crypto';
import {
  AppendOutcomeUnknown,
  derivedId,
  WrongExpectedRevision,
  type Actor,
  type EventCodec,
  type EventLog,
  type EventMetadata,
  type NewEvent,
  type StoredEvent,
} from '#libs/event-sourcing';
import { TransientError } from '#libs/subscriptions';
import { processOf, type ProcessEvent } from './events.ts';

export interface StreamPorts {
  readonly log: EventLog;
  readonly codec: EventCodec;
}

/** Most times an append is tried when others append to the same process at the same time. */
const MAX_ATTEMPTS = 20;

/** What led to an append: its cause, from which its ids follow, so that the same cause appends the same events. */
export interface Cause {
  /** Id of the event that is answered. */
  readonly id: string;
  readonly correlationId: string;
  /** ISO 8601 with milliseconds, UTC. */
  readonly now: string;
}

/** A process acts in its own name. */
export function actorOf(process: string): Actor {
  return { person: `process:${process}`, principal: `plimsoll|process:${process}`, roles: ['process'] };
}

/**
 * Decides on a process's whole stream and appends at exactly the revision it was read at; read and decided again when somebody came first.
 *
 * @param decide gives nothing where there is nothing (left) to append
 * @returns the whole stream, including what was appended
 * @throws TransientError too many came first
 */
export async function appendDecided(
  { log, codec }: StreamPorts,
  stream: string,
  decide: (events: readonly StoredEvent[]) => { readonly events: readonly ProcessEvent[]; readonly cause: Cause } | undefined,
): Promise<readonly StoredEvent[]> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const slice = await log.readStream(stream);
    const present = slice.events.map((event) => codec.upcast(event));
    const decided = decide(present);
    if (!decided || decided.events.length === 0) return present;
    const added = decided.events.map((event, index) => newEvent(codec, stream, event, decided.cause, index));
    try {
      const { position } = await appendKnowing(log, stream, slice.revision, added);
      return [...present, ...added.map((event, i) => ({ ...event, stream, revision: slice.revision + 1 + i, position }))];
    } catch (error) {
      if (!(error instanceof WrongExpectedRevision)) throw error;
    }
  }
  throw new TransientError(`${stream} changed ${MAX_ATTEMPTS} times while a decision was being made.`);
}

function newEvent(codec: EventCodec, stream: string, event: ProcessEvent, cause: Cause, index: number): NewEvent {
  const actor = actorOf(processOf(stream)!.process);
  const commandId = derivedId('process-step', stream, cause.id);
  const metadata: EventMetadata = {
    actor: actor.person,
    principal: actor.principal,
    commandId,
    commandHash: createHash('sha256').update(commandId).digest('hex'),
    correlationId: cause.correlationId,
    causationId: cause.id,
    recordedAt: cause.now,
    schemaVersion: codec.schemaVersion(event.type),
  };
  return { id: derivedId('process-event', stream, cause.id, String(index)), ...event, metadata };
}

/** One repeat turns "unknown" into an answer where it can: a repeated append is the same append. */
async function appendKnowing(log: EventLog, stream: string, revision: number, events: readonly NewEvent[]) {
  try {
    return await log.append(stream, revision, events);
  } catch (error) {
    if (!(error instanceof AppendOutcomeUnknown)) throw error;
    return await log.append(stream, revision, events);
  }
}
