import { categoryOf, idOf, streamName, type DomainEvent, type Reason } from '#libs/event-sourcing';

/** What a process took note of, with what it needs of it: its state is a fold over its own stream alone. */
export type ProcessInputTaken = DomainEvent<
  'ProcessInputTaken',
  {
    /** Id of the event taken: the same event is never taken twice. */
    readonly eventId: string;
    readonly type: string;
    /** `stream@revision` is where it can be read. */
    readonly stream: string;
    readonly revision: number;
    readonly recordedAt: string;
    /** Version of `data`'s schema, so that old inputs are lifted like old events. */
    readonly schemaVersion: number;
    readonly data: unknown;
  }
>;

/** A command that the process decided on. It is sent after this is stored, again and again until it is answered. */
export type ProcessCommandIssued = DomainEvent<
  'ProcessCommandIssued',
  {
    /** Derived from the input, the process and the effect's index: the same decision is the same command. */
    readonly commandId: string;
    /** Id of the event that led to it. */
    readonly inputId: string;
    readonly command: string;
    readonly target: string;
    readonly payload: unknown;
  }
>;

/** The command was refused. Itself an input: the process may react. */
export type ProcessCommandRefused = DomainEvent<
  'ProcessCommandRefused',
  {
    readonly commandId: string;
    readonly command: string;
    readonly target: string;
    /** The refusal's stable type, e.g. `environment-reserved`. */
    readonly refusal: string;
    readonly detail: string;
    readonly reasons: readonly Reason[];
  }
>;

/** A deadline was set, or moved. */
export type ProcessTimerSet = DomainEvent<
  'ProcessTimerSet',
  {
    /** Unique within the process's stream. */
    readonly timerId: string;
    /** ISO 8601 with milliseconds, UTC. */
    readonly dueAt: string;
    /** Comes back with `ProcessTimerElapsed`; null where there is none. */
    readonly data: unknown;
  }
>;

export type ProcessTimerCancelled = DomainEvent<'ProcessTimerCancelled', { readonly timerId: string }>;

/** The deadline passed; late after a standstill, never early and never lost. Itself an input. */
export type ProcessTimerElapsed = DomainEvent<
  'ProcessTimerElapsed',
  { readonly timerId: string; readonly dueAt: string; readonly elapsedAt: string; readonly data: unknown }
>;

/** Something that the process wants to remember, or people to read. */
export type ProcessNoted = DomainEvent<'ProcessNoted', { readonly inputId: string; readonly note: unknown }>;

/** Everything that is in the stream of a process. */
export type ProcessEvent =
  | ProcessInputTaken
  | ProcessCommandIssued
  | ProcessCommandRefused
  | ProcessTimerSet
  | ProcessTimerCancelled
  | ProcessTimerElapsed
  | ProcessNoted;

const SUFFIX = '_process';

/** `rollout_process-<instance>`. */
export function processStream(process: string, instance: string): string {
  return streamName(`${process}${SUFFIX}`, instance);
}

/** Which process and instance a stream belongs to; undefined where it is not the stream of a process. */
export function processOf(stream: string): { readonly process: string; readonly instance: string } | undefined {
  const category = categoryOf(stream);
  return category.endsWith(SUFFIX) ? { process: category.slice(0, -SUFFIX.length), instance: idOf(stream) } : undefined;
}
