import { NO_STREAM, type EventCodec, type StoredEvent } from '#libs/event-sourcing';
import type { ProcessCommandIssued, ProcessCommandRefused, ProcessInputTaken } from './events.ts';
import { rememberedIn, type Process } from './process.ts';
import type { Followed } from './process-stream.ts';
import { isOfTimers } from './timers.ts';

/** What one instance of a process comes to, followed event by event: whoever acts in many changes has a long stream, and each is one input more. */
export class Instance<State> implements Followed {
  revision = NO_STREAM;
  state: State;
  private readonly taken = new Set<string>();
  private readonly issued = new Map<string, StoredEvent<ProcessCommandIssued>[]>();
  private readonly refused = new Set<string>();
  /** Revision of the last event about each timer. */
  private readonly timers = new Map<string, number>();

  constructor(
    private readonly process: Process<State>,
    private readonly codec: EventCodec,
    readonly stream: string,
  ) {
    this.state = process.initial;
  }

  take(event: StoredEvent): void {
    this.revision = event.revision;
    this.state = this.stateAfter(event);
    // What was appended around Plimsoll says nothing.
    if (event.stray) return;
    if (event.type === 'ProcessInputTaken') this.taken.add((event.data as ProcessInputTaken['data']).eventId);
    if (event.type === 'ProcessCommandRefused') this.refused.add((event.data as ProcessCommandRefused['data']).commandId);
    if (isOfTimers(event)) this.timers.set((event.data as { timerId: string }).timerId, event.revision);
    if (event.type === 'ProcessCommandIssued') {
      const issued = event as StoredEvent<ProcessCommandIssued>;
      const { inputId } = issued.data;
      this.issued.set(inputId, [...(this.issued.get(inputId) ?? []), issued]);
    }
  }

  /** The state with one event more. */
  stateAfter(event: StoredEvent): State {
    const remembered = rememberedIn(this.codec, event);
    return remembered ? this.process.evolve(this.state, remembered) : this.state;
  }

  /** Whether an input is an elapsed timer that was cancelled, or set anew, before the process could take it: it must not ring any more. */
  isSuperseded(input: StoredEvent): boolean {
    if (input.type !== 'ProcessTimerElapsed') return false;
    return (this.timers.get((input.data as { timerId: string }).timerId) ?? NO_STREAM) > input.revision;
  }

  hasTaken(inputId: string): boolean {
    return this.taken.has(inputId);
  }

  hasRefused(commandId: string): boolean {
    return this.refused.has(commandId);
  }

  /** The commands that an input led to, in order. */
  commandsFor(inputId: string): readonly StoredEvent<ProcessCommandIssued>[] {
    return this.issued.get(inputId) ?? [];
  }
}

/** Most instances that are remembered, and most events that they have together; one alone may have more. */
const MOST_INSTANCES = 1_000;
const MOST_EVENTS = 100_000;

/** The instances used last. */
export class Instances<State> {
  private readonly remembered = new Map<string, Instance<State>>();
  /** Events of all that are remembered. */
  private events = 0;

  constructor(
    private readonly process: Process<State>,
    private readonly codec: EventCodec,
  ) {}

  /** Works on an instance; one that failed may not be what is stored, and is read anew by the next. */
  async with(stream: string, work: (instance: Instance<State>) => Promise<void>): Promise<void> {
    const instance = this.remembered.get(stream) ?? new Instance(this.process, this.codec, stream);
    this.forget(stream);
    await work(instance);
    this.remembered.set(stream, instance);
    this.events += instance.revision + 1;
    for (const oldest of this.remembered.keys()) {
      if (this.remembered.size === 1 || (this.remembered.size <= MOST_INSTANCES && this.events <= MOST_EVENTS)) break;
      this.forget(oldest);
    }
  }

  private forget(stream: string): void {
    this.events -= (this.remembered.get(stream)?.revision ?? NO_STREAM) + 1;
    this.remembered.delete(stream);
  }
}
