import { plainToInstance } from 'class-transformer';
import type { CommandBus } from '@nestjs/cqrs';
import type { CommandRegistry } from '#libs/cqrs';
import { issue, RefusedError, type CommandMeta } from '#libs/event-sourcing';
import type { CommandSender, OutgoingCommand, SendOutcome } from '#libs/processes';
import { isTransient } from '#libs/subscriptions';

/** Carries the commands of processes to the same handlers as those of people. */
export class BusCommandSender implements CommandSender {
  constructor(
    private readonly bus: CommandBus,
    private readonly registry: CommandRegistry,
    private readonly clock: () => Date,
  ) {}

  async send({ command, target, payload, commandId, correlationId, causationId, actor }: OutgoingCommand): Promise<SendOutcome> {
    const instance = plainToInstance(this.registry.get(command).type, payload) as object;
    const meta: CommandMeta = { commandId, correlationId, causationId, actor, now: this.clock().toISOString() };
    try {
      await this.bus.execute(issue(instance, target, meta));
      return { outcome: 'accepted' };
    } catch (error) {
      // Decided in a crowd is not refused: whoever runs the process sends it again.
      if (!(error instanceof RefusedError) || isTransient(error)) throw error;
      const { type, detail, reasons } = error.refusal;
      return { outcome: 'refused', type, detail, reasons };
    }
  }
}
