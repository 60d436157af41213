import { derivedId, idOf, type EventCodec, type StoredEvent } from '#libs/event-sourcing';
import { runSubscription, type SubscriptionOptions } from '#libs/subscriptions';
import { processStream, type ProcessCommandRefused, type ProcessEvent, type ProcessInputTaken } from './events.ts';
import { Instances, type Instance } from './instance.ts';
import type { Effect, Process } from './process.ts';
import { actorOf, appendDecided } from './process-stream.ts';
import type { CommandSender } from './sender.ts';

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
  const instances = new Instances(process, options.codec);
  await runSubscription({
    batchSize: 100,
    ...subscription,
    name: processSubscription(process),
    handle: {
      concerns: (event) => process.instancesOf(event).length > 0,
      external: async (events, { signal }) => {
        for (const event of events) {
          for (const instance of process.instancesOf(event)) {
            // What is done so far is safe to do again, so a lost lease may end it anywhere.
            signal.throwIfAborted();
            await instances.with(processStream(process.name, instance), (own) => takeInput(options, own, event));
          }
        }
      },
    },
  });
}

/** Takes one input and sends what it leads to. Repeating it is safe at any point. */
async function takeInput<State>(options: ProcessHostOptions<State>, own: Instance<State>, input: StoredEvent): Promise<void> {
  const { process, clock } = options;
  const { stream } = own;
  await appendDecided(options, own, () => {
    if (own.hasTaken(input.id) || own.isSuperseded(input)) return undefined;
    const now = clock();
    const taken = takenOf(input);
    const cause = { id: input.id, correlationId: input.metadata.correlationId, now };
    const effects = process.react(own.stateAfter({ ...input, ...taken }), input, { instance: idOf(stream), now });
    return { events: [taken, ...effects.map((effect, index) => eventOf(effect, stream, input, index))], cause };
  });
  await sendIssued(options, own, input);
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

async function sendIssued<State>(options: ProcessHostOptions<State>, own: Instance<State>, input: StoredEvent): Promise<void> {
  for (const issued of own.commandsFor(input.id)) {
    const { commandId, command, target, payload } = issued.data;
    if (own.hasRefused(commandId)) continue;
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
    const refused: ProcessCommandRefused = {
      type: 'ProcessCommandRefused',
      data: { commandId, command, target, refusal: type, detail, reasons },
    };
    const cause = { id: issued.id, correlationId: issued.metadata.correlationId, now: options.clock() };
    await appendDecided(options, own, () => (own.hasRefused(commandId) ? undefined : { events: [refused], cause }));
  }
}
