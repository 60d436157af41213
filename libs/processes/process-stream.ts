import { hash } from 'node:crypto';
import {
  AppendOutcomeUnknown,
  derivedId,
  NO_STREAM,
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

/** A process's own stream as far as it was read, by whoever follows it. */
export interface Followed {
  readonly stream: string;
  /** Of the last event taken; `NO_STREAM` before the first. */
  readonly revision: number;
  /** Takes the next event, in its present version. */
  take(event: StoredEvent): void;
}

export interface Decided {
  readonly events: readonly ProcessEvent[];
  readonly cause: Cause;
}

/**
 * Decides on a process's stream and appends at exactly the revision it was followed to; where somebody came first, it is read on and
 * decided again. What is appended is taken as well.
 *
 * @param decide gives nothing where there is nothing (left) to append
 * @throws TransientError too many came first
 */
export async function appendDecided({ log, codec }: StreamPorts, own: Followed, decide: () => Decided | undefined): Promise<void> {
  const { stream } = own;
  // A stream that was followed before is not read again: the append says whether there is more.
  let behind = own.revision === NO_STREAM;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (behind) await readOn({ log, codec }, own);
    const decided = decide();
    if (!decided || decided.events.length === 0) return;
    const { revision } = own;
    const added = decided.events.map((event, index) => newEvent(codec, stream, event, decided.cause, index));
    try {
      const { position } = await appendKnowing(log, stream, revision, added);
      added.forEach((event, i) => own.take({ ...event, stream, revision: revision + 1 + i, position }));
      return;
    } catch (error) {
      if (!(error instanceof WrongExpectedRevision)) throw error;
      behind = true;
    }
  }
  throw new TransientError(`${stream} changed ${MAX_ATTEMPTS} times while a decision was being made.`);
}

/** Takes what was appended since. */
async function readOn({ log, codec }: StreamPorts, own: Followed): Promise<void> {
  const from = own.revision + 1;
  const { events } = await log.readStream(own.stream, from === 0 ? {} : { fromRevision: from });
  for (const event of events) own.take(codec.upcast(event));
}

function newEvent(codec: EventCodec, stream: string, event: ProcessEvent, cause: Cause, index: number): NewEvent {
  const actor = actorOf(processOf(stream)!.process);
  const commandId = derivedId('process-step', stream, cause.id);
  const metadata: EventMetadata = {
    actor: actor.person,
    principal: actor.principal,
    commandId,
    commandHash: hash('sha256', commandId, 'hex'),
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
