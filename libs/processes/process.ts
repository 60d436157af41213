import type { DomainEvent, EventCodec, StoredEvent } from '#libs/event-sourcing';
import {
  processOf,
  type ProcessCommandIssued,
  type ProcessCommandRefused,
  type ProcessEvent,
  type ProcessInputTaken,
  type ProcessNoted,
  type ProcessTimerCancelled,
  type ProcessTimerElapsed,
  type ProcessTimerSet,
} from './events.ts';

/** What a process decides to do. Everything else about it (ids, times, storage) is the host's. */
export type Effect =
  | { readonly kind: 'send'; readonly command: string; readonly target: string; readonly payload: unknown }
  | { readonly kind: 'set-timer'; readonly timerId: string; readonly dueAt: string; readonly data: unknown }
  | { readonly kind: 'cancel-timer'; readonly timerId: string }
  | { readonly kind: 'note'; readonly note: unknown };

/** Sends a command to an aggregate, once in effect however often it is sent. */
export function send(command: string, target: string, payload: object): Effect {
  return { kind: 'send', command, target, payload };
}

/** Sets a timer, or moves the one of that id. @param dueAt ISO 8601; a time past is due at once */
export function setTimer(timerId: string, dueAt: string, data: unknown = null): Effect {
  return { kind: 'set-timer', timerId, dueAt, data };
}

/** Cancels a timer; nothing where there is none. */
export function cancelTimer(timerId: string): Effect {
  return { kind: 'cancel-timer', timerId };
}

/** Writes something down in the process's stream. */
export function note(note: unknown): Effect {
  return { kind: 'note', note };
}

/** Inputs that every process has besides its own: its timers, and refusals of its commands. */
export type ProcessSignal = ProcessTimerElapsed | ProcessCommandRefused;

/** What `evolve` sees: inputs in the order in which they were taken, each followed by what the process did about it. */
export type Remembered<Input extends DomainEvent> =
  Input | ProcessSignal | ProcessCommandIssued | ProcessTimerSet | ProcessTimerCancelled | ProcessNoted;

type StoredAs<E extends DomainEvent> = E extends DomainEvent ? StoredEvent<E> : never;

export interface ReactContext {
  readonly instance: string;
  /** Server time, ISO 8601 with milliseconds, UTC. */
  readonly now: string;
}

export interface ProcessDeclaration<State, Input extends DomainEvent> {
  /** snake_case (no hyphen): its streams are `<name>_process-<instance>`, its subscription `process:<name>`. */
  readonly name: string;
  /** Which events it takes, and which instance each is for, or which several; undefined where an event of that type is none of its business. */
  readonly instance: {
    readonly [T in Input['type']]: (event: StoredEvent<Extract<Input, { readonly type: T }>>) => string | readonly string[] | undefined;
  };
  readonly initial: State;
  /** Pure. */
  readonly evolve: (state: State, remembered: Remembered<Input>) => State;
  /** Pure: what to do about an input, given the state that includes it. */
  readonly react: (state: State, input: StoredAs<Input | ProcessSignal>, context: ReactContext) => readonly Effect[];
}

/** A declared process, checked. */
export interface Process<State = unknown> {
  readonly name: string;
  readonly initial: State;
  /** The instances an event is for, each once; none where it is not for this process. */
  readonly instancesOf: (event: StoredEvent) => readonly string[];
  readonly evolve: (state: State, remembered: DomainEvent) => State;
  readonly react: (state: State, input: StoredEvent, context: ReactContext) => readonly Effect[];
}

const SIGNALS: readonly string[] = ['ProcessTimerElapsed', 'ProcessCommandRefused'] satisfies ProcessSignal['type'][];

/**
 * Declares a durable process: a decider that takes events of others and decides on commands and timers.
 *
 * @throws Error the name is not one
 */
export function defineProcess<State, Input extends DomainEvent>(declaration: ProcessDeclaration<State, Input>): Process<State> {
  const { name, initial } = declaration;
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`Process ${name}: the name is not snake_case.`);
  const instances = new Map(Object.entries(declaration.instance)) as Map<
    string,
    (event: StoredEvent) => string | readonly string[] | undefined
  >;
  return {
    name,
    initial,
    instancesOf: (event) => {
      if (!SIGNALS.includes(event.type)) return [...new Set([instances.get(event.type)?.(event) ?? []].flat())];
      const own = processOf(event.stream);
      return own?.process === name ? [own.instance] : [];
    },
    evolve: declaration.evolve as Process<State>['evolve'],
    react: declaration.react as Process<State>['react'],
  };
}

/** The state that a process's own stream comes to. */
export function foldProcess<State>(process: Process<State>, codec: EventCodec, events: readonly StoredEvent[]): State {
  return events.reduce((state, event) => {
    const remembered = rememberedIn(codec, event);
    return remembered ? process.evolve(state, remembered) : state;
  }, process.initial);
}

/** What an event of a process's stream means to its fold. An elapsed timer and a refusal count when they are taken, in the order of taking. */
export function rememberedIn(codec: EventCodec, stored: StoredEvent): DomainEvent | undefined {
  // What was appended around Plimsoll is nothing that the process did; one such stream would stop it for all.
  if (stored.stray) return undefined;
  const event = stored as StoredEvent<ProcessEvent> & ProcessEvent;
  switch (event.type) {
    case 'ProcessInputTaken':
      return inputOf(codec, stored as StoredEvent<ProcessInputTaken>);
    case 'ProcessTimerElapsed':
    case 'ProcessCommandRefused':
      return undefined;
    case 'ProcessCommandIssued':
    case 'ProcessTimerSet':
    case 'ProcessTimerCancelled':
    case 'ProcessNoted':
      return event;
    default:
      throw new Error(`This version does not know the event ${(event as DomainEvent).type} in ${stored.stream}.`);
  }
}

function inputOf(codec: EventCodec, { data, metadata, position }: StoredEvent<ProcessInputTaken>): StoredEvent {
  const { eventId, type, stream, revision, recordedAt, schemaVersion } = data;
  return codec.upcast({
    id: eventId,
    type,
    stream,
    revision,
    position,
    data: data.data,
    metadata: { ...metadata, recordedAt, schemaVersion },
  });
}
