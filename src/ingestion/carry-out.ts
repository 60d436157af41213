import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { type CommandBus } from '@nestjs/cqrs';
import type { IngestionEvent } from '#libs/contracts';
import { type CommandRegistry } from '#libs/cqrs';
import { derivedId, issue, type Actor, type StoredEvent } from '#libs/event-sourcing';
import { shapeProblems, validationProblem } from '#libs/http';
import type { CommandSender } from '#libs/processes';
import { ApplyOutsideEvent } from './outside-event/apply-outside-event.ts';
import { translate } from './translation.ts';

type Received = Extract<IngestionEvent, { type: 'OutsideEventReceived' }>['data'];
type Outcome = Pick<ApplyOutsideEvent, 'outcome' | 'command' | 'detail'>;

/** Outside events act in the name of the process that carries them out, never in that of whom they claim to come from. */
export const INGESTION: Actor = { person: 'process:ingestion', principal: 'plimsoll|process:ingestion', roles: ['process'] };

/**
 * Carries out the outside events that are understood: sends what each leads to, then records in the event's own stream what became of it.
 * Command ids are derived from the event, so doing it again after a crash changes nothing.
 */
export class OutsideEventCarrier {
  constructor(
    private readonly ports: {
      readonly sender: CommandSender;
      readonly commands: CommandBus;
      readonly registry: CommandRegistry;
      readonly clock: () => Date;
    },
  ) {}

  async handle(events: readonly StoredEvent[]): Promise<void> {
    for (const event of events) {
      if (event.type !== 'OutsideEventReceived') continue;
      const received = event.data as Received;
      if (received.disposition === 'understood') await this.record(event, received.receiptId, await this.carryOut(event, received));
    }
  }

  private async carryOut(event: StoredEvent, { envelope }: Received): Promise<Outcome> {
    const translation = translate(envelope);
    if (!('command' in translation)) return { outcome: 'nothing', detail: translation.keptBecause };
    const { command, target, payload } = translation;
    // What people's commands pass at the edge, a stranger's passes here.
    const { type } = this.ports.registry.get(command);
    const [misshapen] = shapeProblems(type, payload);
    if (misshapen) return { outcome: 'refused', command, detail: `${misshapen.path}: ${misshapen.problems.join(' ')}` };
    const instance = plainToInstance(type, payload) as object;
    const errors = await validate(instance, { whitelist: true, forbidNonWhitelisted: true });
    if (errors.length > 0) return { outcome: 'refused', command, detail: validationProblem(errors).message };
    const sent = await this.ports.sender.send({
      command,
      target,
      payload,
      commandId: derivedId('ingestion', event.id),
      correlationId: event.metadata.correlationId,
      causationId: event.id,
      actor: INGESTION,
    });
    return sent.outcome === 'accepted'
      ? { outcome: 'applied', command, detail: `${command} was carried out on ${target}.` }
      : { outcome: 'refused', command, detail: `${sent.type}: ${sent.detail}` };
  }

  private async record(event: StoredEvent, receiptId: string, outcome: Outcome): Promise<void> {
    await this.ports.commands.execute(
      issue(Object.assign(new ApplyOutsideEvent(), outcome), receiptId, {
        commandId: derivedId('ingestion-applied', event.id),
        correlationId: event.metadata.correlationId,
        causationId: event.id,
        actor: INGESTION,
        now: this.ports.clock().toISOString(),
      }),
    );
  }
}
