import { derivedId, idOf, type EventCodec, type StoredEvent } from '#libs/event-sourcing';
import { runSubscription, type SubscriptionOptions } from '#libs/subscriptions';
import {
  processStream,
  type ProcessCommandIssued,
  type ProcessCommandRefused,
  type ProcessEvent,
  type ProcessInputTaken,
} from './events.ts';
import { foldProcess, type Effect, type Process } from './process.ts';
import { actorOf, appendDecided, type StreamPorts } from './process-stream.ts';
import type { CommandSender } from './sender.ts';
import { isSuperseded } from './timers.ts';

/** Now, as ISO 8601 with milliseconds in UTC. */
export type Clock = () => string;

export interface ProcessHostOptions<State> extends Omit<SubscriptionOptions, 'name' | 'handle' | 'codec'> {
  readonly process: Process<State>;
  readonly sender: CommandSender;
  readonly codec: EventCodec;
  readonly clock: Clock;
}

/** Name of the subscription of a process. */
export function processSubscription(process: Pick<Process, 'name'>): string {
  return `process:${process.name}`;
}

/**
 * Runs a process until `signal` says stop; never rejects. See `runSubscription` for leases, interruptions and failures. A process that is
 * new to an old log takes the whole history, unless `from` says otherwise.
 *
 * For each input, in order: what it leads to is appended to the process's own stream in one append at an exact revision; then the commands
 * in it are sent; then the checkpoint moves on. No event says that a command is done, because the checkpoint does. Killed
 * - before the append: the input comes again and is decided anew; nobody has seen the first decision;
 * - between append and answer: the input comes again, is found taken, and its commands are sent (again) under the same command ids, by which
 *   the receiver knows them;
 * - between a refusal and its record: the command is sent and answered again, and one answer is recorded.
 * Two hosts at once, which the lease prevents but for a moment, come to the same: one wins the append, both send the same command.
 */
export async function runProcess<State>(options: ProcessHostOptions<State>): Promise<void> {
  const { process, sender, clock, ...subscription } = options;
  await runSubscription({
    batchSize: 100,
    ...subscription,
    name: processSubscription(process),
    handle: {
      concerns: (event) => process.instanceOf(event) !== undefined,
      external: async (events, { signal }) => {
        for (const event of events) {
          const instance = process.instanceOf(event);
          if (instance === undefined) continue;
          // What is done so far is safe to do again, so a lost lease may end it anywhere.
          signal.throwIfAborted();
          await takeInput(options, processStream(process.name, instance), event);
        }
      },
    },
  });
}

/** Takes one input and sends what it leads to. Repeating it is safe at any point. */
async function takeInput<State>(options: ProcessHostOptions<State>, stream: string, input: StoredEvent): Promise<void> {
  const { process, codec, clock } = options;
  const own = await appendDecided(options, stream, (present) => {
    if (present.some((event) => event.type === 'ProcessInputTaken' && (event.data as ProcessInputTaken['data']).eventId === input.id))
      return undefined;
    if (isSuperseded(input, present)) return undefined;
    const now = clock();
    const taken = takenOf(input);
    const cause = { id: input.id, correlationId: input.metadata.correlationId, now };
    const state = foldProcess(process, codec, [...present, { ...input, ...taken }]);
    const effects = process.react(state, input, { instance: idOf(stream), now });
    return { events: [taken, ...effects.map((effect, index) => eventOf(effect, stream, input, index))], cause };
  });
  await sendIssued(options, stream, input, own);
}

function takenOf(input: StoredEvent): ProcessInputTaken {
  const { id, type, stream, revision, data, metadata } = input;
  return {
    type: 'ProcessInputTaken',
    data: { eventId: id, type, stream, revision, recordedAt: metadata.recordedAt, schemaVersion: metadata.schemaVersion, data },
  };
}

/** @throws RangeError a timer is due at something that is not a time */
function eventOf(effect: Effect, stream: string, input: StoredEvent, index: number): ProcessEvent {
  switch (effect.kind) {
    case 'send': {
      const { command, target, payload } = effect;
      const commandId = derivedId('process-command', stream, input.id, String(index));
      return { type: 'ProcessCommandIssued', data: { commandId, inputId: input.id, command, target, payload } };
    }
    case 'set-timer':
      return {
        type: 'ProcessTimerSet',
        data: { timerId: effect.timerId, dueAt: new Date(effect.dueAt).toISOString(), data: effect.data ?? null },
      };
    case 'cancel-timer':
      return { type: 'ProcessTimerCancelled', data: { timerId: effect.timerId } };
    case 'note':
      return { type: 'ProcessNoted', data: { inputId: input.id, note: effect.note } };
  }
}

async function sendIssued<State>(
  options: ProcessHostOptions<State>,
  stream: string,
  input: StoredEvent,
  own: readonly StoredEvent[],
): Promise<void> {
  for (const issued of own) {
    if (issued.type !== 'ProcessCommandIssued') continue;
    const { commandId, inputId, command, target, payload } = issued.data as ProcessCommandIssued['data'];
    if (inputId !== input.id || isRefused(own, commandId)) continue;
    const answer = await options.sender.send({
      command,
      target,
      payload,
      commandId,
      correlationId: issued.metadata.correlationId,
      causationId: input.id,
      actor: actorOf(options.process.name),
    });
    if (answer.outcome === 'accepted') continue;
    const { type, detail, reasons = [] } = answer;
    await recordRefusal(options, stream, issued, { commandId, command, target, refusal: type, detail, reasons }, options.clock());
  }
}

async function recordRefusal(
  ports: StreamPorts,
  stream: string,
  issued: StoredEvent,
  data: ProcessCommandRefused['data'],
  now: string,
): Promise<void> {
  await appendDecided(ports, stream, (present) =>
    isRefused(present, data.commandId)
      ? undefined
      : {
          events: [{ type: 'ProcessCommandRefused', data }],
          cause: { id: issued.id, correlationId: issued.metadata.correlationId, now },
        },
  );
}

function isRefused(own: readonly StoredEvent[], commandId: string): boolean {
  return own.some(
    (event) => event.type === 'ProcessCommandRefused' && (event.data as ProcessCommandRefused['data']).commandId === commandId,
  );
}
